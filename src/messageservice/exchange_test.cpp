/// Messages and receipts between two installations (`message.md` 7, `receipt.md` 6).

#include "messageservice/test_support.hpp"

namespace budkavle::messageservice {
namespace {

using namespace test;
using std::chrono::hours;
using std::chrono::minutes;

class Exchange : public testing::Test {
protected:
    Federation federation;
    World& world = federation.world;
    Installation& left = federation.left;
    Installation& right = federation.right;

    std::string read(Installation& installation, const std::string& participant, const std::string& blob) {
        const auto source = must(installation.tenant(participant).blobs().read(blob));
        return std::string(as_text(must(read_all(*source, std::size_t{64} << 20))));
    }
};

TEST_F(Exchange, AMessageIsAcceptedAndBothSidesAgree) {
    const auto payload = write(draft(kSchool, kTown, world.clock.now()));
    const auto id = federation.give(kSchool, payload);
    federation.run();
    EXPECT_EQ(left.statuses(kSchool, Direction::out, id),
              "SCHEDULED SUBMITTED ACKNOWLEDGE WAITING_FOR_RECEIPT ACCEPTED");
    EXPECT_EQ(right.statuses(kTown, Direction::in, id), "RETRIEVED RECEIPT_SENT NEW");
    const auto row = left.outgoing_row(kSchool, id);
    EXPECT_EQ(row.result, "ACCEPTED");
    ASSERT_TRUE(row.receipt.has_value()) << "RCP-10";
    EXPECT_NE(read(left, kSchool, *row.receipt).find("ACCEPTED"), std::string::npos);
    const auto taken = right.incoming_message(kTown, id);
    ASSERT_TRUE(taken && taken->payload);
    EXPECT_EQ(read(right, kTown, *taken->payload), payload) << "octet by octet";
    EXPECT_EQ(must(right.tenant(kTown).open_text(taken->label)), "Kanariefågel i ämnesraden");
    EXPECT_EQ(taken->function, function_of(kTown));
}

TEST_F(Exchange, TheConversationGoesToTheAccessPointAndTheReceiptHasNone) {
    auto message = draft(kSchool, kTown, world.clock.now());
    message.conversation_id = new_uuid();
    federation.give(kSchool, write(message));
    federation.run();
    const auto sent = world.access_point->sent();
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent[0].conversation, message.conversation_id);  // K1, EQ-8
    EXPECT_EQ(sent[0].key, message.message_id + ":0");
    EXPECT_EQ(sent[1].conversation, "");  // the access point takes the receipt's own id
}

TEST_F(Exchange, ParticipantsOfOneInstallationExchangeToo) {
    const auto id = federation.send(kTown, kRegion);
    federation.run();
    EXPECT_EQ(right.out_status(kTown, id), Status::accepted);
    EXPECT_EQ(right.statuses(kRegion, Direction::in, id), "RETRIEVED RECEIPT_SENT NEW");
    EXPECT_FALSE(right.incoming_message(kTown, id).has_value()) << "SEC-31";
}

TEST_F(Exchange, AMessageEncryptedForTheEarlierKeyOpens) {
    world.directory.change(
        kTown, [](smp::Metadata& metadata) { metadata.encryption = {{Keys::instance().town_before.certificate()}}; });
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::accepted);
}

TEST_F(Exchange, AReceiptGetsNoReceipt) {  // RCP-04
    federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(world.access_point->sent().size(), 2U) << "one message, one receipt";
}

TEST_F(Exchange, TheTransportReceiptOfTheReceiptMakesItNew) {
    world.access_point->on_submit = [](FakeAccessPoint::Sent& sent) {
        if (sent.participant == kTown) sent.state = "sending";
    };
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(right.statuses(kTown, Direction::in, id), "RETRIEVED");
    EXPECT_EQ(left.out_status(kSchool, id), Status::waiting_for_receipt);
    world.access_point->deliver(world.access_point->sent().back().xhe_id);
    world.clock.advance(minutes(1));
    federation.run();
    EXPECT_EQ(right.statuses(kTown, Direction::in, id), "RETRIEVED RECEIPT_SENT NEW");
    EXPECT_EQ(left.out_status(kSchool, id), Status::accepted);
}

TEST_F(Exchange, AReceiptThatCannotBeDeliveredLeavesTheContentReadable) {
    world.access_point->on_submit = [](FakeAccessPoint::Sent& sent) {
        if (sent.participant == kTown) sent.state = "failed", sent.cause = "EBMS:0004";
    };
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(right.statuses(kTown, Direction::in, id), "RETRIEVED MESSAGE_EXCHANGE_ERROR");
    EXPECT_TRUE(right.incoming_message(kTown, id)->payload.has_value());
}

TEST_F(Exchange, ATransportFailureIsResentAfter15Minutes1HourAnd4Hours) {
    world.access_point->on_submit = [](FakeAccessPoint::Sent& sent) {
        sent.state = "failed", sent.cause = "http.connect";
    };
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    std::size_t attempts = 1;
    for (const auto& wait :
         {std::chrono::seconds(minutes(15)), std::chrono::seconds(hours(1)), std::chrono::seconds(hours(4))}) {
        EXPECT_EQ(left.out_status(kSchool, id), Status::scheduled_for_resend);
        world.clock.advance(wait - minutes(1));
        left.run();
        EXPECT_EQ(world.access_point->sent().size(), attempts) << "not before its time";
        world.clock.advance(minutes(1));
        left.run();
        world.clock.advance(std::chrono::seconds(2));
        left.run();
        EXPECT_EQ(world.access_point->sent().size(), ++attempts);
        EXPECT_EQ(world.access_point->sent().back().key, id + ":" + std::to_string(attempts - 1))
            << "a new key, a new AS4 message";
    }
    EXPECT_EQ(left.out_status(kSchool, id), Status::message_exchange_error);
    world.clock.advance(hours(10));
    left.run();
    EXPECT_EQ(world.access_point->sent().size(), 4U);
}

TEST_F(Exchange, AResendThatArrivesIsAccepted) {
    bool first = true;
    world.access_point->on_submit = [&first](FakeAccessPoint::Sent& sent) {
        if (std::exchange(first, false)) sent.state = "failed", sent.cause = "http.timeout";
    };
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    world.clock.advance(minutes(16));
    federation.run();
    EXPECT_EQ(left.statuses(kSchool, Direction::out, id),
              "SCHEDULED SUBMITTED SCHEDULED_FOR_RESEND SUBMITTED ACKNOWLEDGE WAITING_FOR_RECEIPT ACCEPTED");
}

TEST_F(Exchange, APermanentCauseIsNotResent) {
    world.access_point->on_submit = [](FakeAccessPoint::Sent& sent) {
        sent.state = "failed", sent.cause = "EBMS:0004";
    };  // NOT_SERVICED
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(left.statuses(kSchool, Direction::out, id), "SCHEDULED SUBMITTED MESSAGE_EXCHANGE_ERROR");
}

TEST_F(Exchange, AnEnvelopeThatTheAccessPointRefusesEndsInError) {
    world.access_point->on_submit = [](FakeAccessPoint::Sent& sent) { sent.state = "refused"; };
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(left.statuses(kSchool, Direction::out, id), "SCHEDULED ERROR MESSAGE_EXCHANGE_ERROR");
}

TEST_F(Exchange, AnUnreachableAccessPointHoldsTheMessageAndTellsTheSender) {
    world.access_point->unreachable = true;
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::scheduled);
    EXPECT_TRUE(left.happened(kSchool, Direction::out, id, "held"));
    world.access_point->unreachable = false;
    world.clock.advance(minutes(2));
    federation.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::accepted);
}

TEST_F(Exchange, AnUnreachableDirectoryHoldsTheMessageOnBothSides) {
    const Error down = fail("smp.unreachable", "The SMP does not answer.", Retry::later).error();
    world.directory.fail_with(down);
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::scheduled);
    EXPECT_TRUE(left.happened(kSchool, Direction::out, id, "held"));
    world.directory.fail_with(std::nullopt);
    world.clock.advance(minutes(2));
    left.run();
    world.directory.fail_with(down);
    right.run();
    EXPECT_FALSE(right.incoming_message(kTown, id).has_value());
    world.directory.fail_with(std::nullopt);
    world.clock.advance(minutes(2));
    federation.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::accepted);
}

TEST_F(Exchange, ADirectoryThatStaysAwayEndsInError) {
    world.directory.fail_with(fail("smp.unreachable", "The SMP does not answer.", Retry::later).error());
    const auto id = federation.send(kSchool, kTown);
    left.run();
    world.clock.advance(hours(25));
    left.run();
    EXPECT_EQ(left.statuses(kSchool, Direction::out, id), "SCHEDULED ERROR MESSAGE_EXCHANGE_ERROR");
}

TEST_F(Exchange, AReceiverThatIsNotRegisteredIsAnErrorAtOnce) {
    world.directory.remove(kTown);
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(left.statuses(kSchool, Direction::out, id), "SCHEDULED ERROR MESSAGE_EXCHANGE_ERROR");
    EXPECT_TRUE(world.access_point->sent().empty()) << "nothing leaves the organisation";
}

TEST_F(Exchange, WithoutOwnRegistrationForReceiptsNothingIsSent) {  // step 6
    world.directory.remove(kSchool);
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::message_exchange_error);
    EXPECT_TRUE(world.access_point->sent().empty());
}

TEST_F(Exchange, ASigningCertificateThatIsNotPublishedIsNotUsed) {
    world.directory.change(kSchool,
                           [](smp::Metadata& metadata) { metadata.signing = {{Keys::instance().town.certificate()}}; });
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::message_exchange_error);
    EXPECT_TRUE(world.access_point->sent().empty());
}

TEST_F(Exchange, ARevokedEncryptionCertificateIsNotUsed) {
    world.crls->put(Keys::instance().o2o.crl({Keys::instance().town.certificate()}));
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::message_exchange_error);
    EXPECT_TRUE(world.access_point->sent().empty());
}

TEST_F(Exchange, TheReceiptTimeOutEndsTheWaitAndALateReceiptIsRecorded) {
    world.access_point->on_submit = [](FakeAccessPoint::Sent& sent) {
        if (sent.participant == kTown) sent.state = "queued";
    };
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    world.clock.advance(minutes(11));
    left.run();
    EXPECT_TRUE(left.happened(kSchool, Direction::out, id, "remark")) << "no receipt yet";
    EXPECT_EQ(left.out_status(kSchool, id), Status::waiting_for_receipt);
    world.clock.advance(hours(24));
    left.run();
    EXPECT_EQ(left.statuses(kSchool, Direction::out, id),
              "SCHEDULED SUBMITTED ACKNOWLEDGE WAITING_FOR_RECEIPT MESSAGE_EXCHANGE_ERROR");
    world.access_point->deliver(world.access_point->sent().back().xhe_id);
    left.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::message_exchange_error);
    EXPECT_EQ(left.outgoing_row(kSchool, id).result, "ACCEPTED late");
    EXPECT_TRUE(left.outgoing_row(kSchool, id).receipt.has_value());
}

TEST_F(Exchange, AMessageReceiptBeforeTheTransportReceiptProvesDelivery) {
    // The access point has passed the message on, but says "sending" for a while.
    world.access_point->on_submit = [](FakeAccessPoint::Sent& sent) {
        if (sent.participant == kSchool) sent.state = "sending";
    };
    const auto id = federation.send(kSchool, kTown);
    left.run();
    const auto sent = world.access_point->sent().front();
    world.access_point->put(kTown, {.as4_id = sent.as4_id, .xhe_id = id, .sender = kSchool, .octets = sent.octets});
    federation.run();
    EXPECT_EQ(left.statuses(kSchool, Direction::out, id),
              "SCHEDULED SUBMITTED ACKNOWLEDGE WAITING_FOR_RECEIPT ACCEPTED");
    world.access_point->set_state(id, "failed", "http.timeout");
    world.clock.advance(minutes(30));
    federation.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::accepted) << "and is not sent again";
    EXPECT_EQ(world.access_point->sent().size(), 2U);
    EXPECT_TRUE(left.happened(kSchool, Direction::out, id, "transport_failed")) << "but it is written down";
}

/// Nothing of content, subject or names of files in any log (SEC-03).
TEST_F(Exchange, LogsHoldNoContent) {
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    for (auto* installation : {&left, &right})
        for (const auto* name : {"audit.jsonl", "transfer.jsonl", "technical.jsonl"}) {
            const auto octets = read_file(installation->log_file(name));
            if (octets) EXPECT_EQ(as_text(*octets).find("Kanarief"), std::string_view::npos) << name;
        }
    const auto transfer = read_file(right.log_file("transfer.jsonl"));
    ASSERT_TRUE(transfer.has_value());
    EXPECT_NE(as_text(*transfer).find(id), std::string_view::npos) << "SEC-04";
}

}  // namespace
}  // namespace budkavle::messageservice
