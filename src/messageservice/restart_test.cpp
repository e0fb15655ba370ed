/// A crash and a new start at every state: nothing is lost, nothing happens twice.

#include "messageservice/test_support.hpp"

namespace budkavle::messageservice {
namespace {

using namespace test;

/// Both sides are closed and opened again after every single step of work.
TEST(Restart, AfterEveryStepOfBothSides) {
    Federation federation;
    const auto id = federation.send(kSchool, kTown);
    const auto step = [&](Installation& installation, const std::string& participant) {
        installation.reopen();
        bool done = installation.workers().run_one();
        installation.reopen();
        done = must(installation.workers().inbound().collect(installation.tenant(participant),
                                                             std::chrono::seconds(0))) > 0 ||
               done;
        return done;
    };
    for (int i = 0; i < 40 && federation.left.out_status(kSchool, id) != Status::accepted; ++i) {
        step(federation.left, kSchool);
        step(federation.right, kTown);
        federation.world.clock.advance(std::chrono::seconds(1));
    }
    federation.run();
    EXPECT_EQ(federation.left.statuses(kSchool, Direction::out, id),
              "SCHEDULED SUBMITTED ACKNOWLEDGE WAITING_FOR_RECEIPT ACCEPTED");
    EXPECT_EQ(federation.right.statuses(kTown, Direction::in, id), "RETRIEVED RECEIPT_SENT NEW");
    EXPECT_EQ(federation.world.access_point->sent().size(), 2U) << "one message, one receipt";
}

/// The step was done outside, but the process died before it could write that down: claimed jobs come back.
TEST(Restart, AHandOverThatWasNotRecordedIsRepeatedUnderTheSameKey) {
    Federation federation;
    auto& left = federation.left;
    const auto id = federation.send(kSchool, kTown);
    ASSERT_TRUE(left.workers().run_one());  // packaged
    // What a crash between the answer of the access point and the commit leaves: the submission there, the job claimed
    // here.
    std::optional<Shipment> shipment;
    must(left.context().database.read([&](store::Transaction& tx) -> Result<> {
        shipment = must(shipments::find(tx, kSchool, id));
        return {};
    }));
    ASSERT_TRUE(shipment.has_value());
    const auto octets = must(left.tenant(kSchool).blobs().read(shipment->envelope));
    const auto as4_id =
        must(left.context().access_point.submit({.participant = kSchool,
                                                 .envelope_id = id,
                                                 .resubmission = 0,
                                                 .conversation_id = {},
                                                 .trace = obs::Trace::start().header(),
                                                 .octets = octets.get(),
                                                 .size = static_cast<std::uint64_t>(shipment->octets)}));
    must(left.context().database.write([&](store::Transaction& tx) -> Result<> {
        const auto now = left.context().now();
        EXPECT_EQ(must(store::claim(tx, kHandOver, now, now + std::chrono::minutes(15), 1)).size(), 1U);
        return {};
    }));
    left.reopen();
    federation.run();
    EXPECT_EQ(left.out_status(kSchool, id), Status::accepted);
    const auto sent = federation.world.access_point->sent();
    ASSERT_EQ(sent.size(), 2U);
    EXPECT_EQ(sent.front().as4_id, as4_id);
}

/// Stored, but the access point was not told: it offers the message again, and it is taken once.
TEST(Restart, AMessageThatWasNotAcknowledgedIsNotTakenTwice) {
    Federation federation;
    auto& right = federation.right;
    const auto id = federation.send(kSchool, kTown);
    federation.left.run();
    const auto sent = federation.world.access_point->sent().front();
    right.run();
    federation.world.access_point->put(kTown,
                                       {.as4_id = sent.as4_id, .xhe_id = id, .sender = kSchool, .octets = sent.octets});
    right.reopen();
    federation.run();
    EXPECT_EQ(federation.world.access_point->waiting(kTown), 0U);
    EXPECT_EQ(right.statuses(kTown, Direction::in, id), "RETRIEVED RECEIPT_SENT NEW");
    EXPECT_EQ(federation.world.access_point->sent().size(), 2U) << "no second receipt";
}

/// Blobs of transactions that never committed are removed, those of committed ones stay.
TEST(Restart, OrphanedBlobsGoAndNothingElse) {
    Federation federation;
    auto& right = federation.right;
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    auto writer = must(right.tenant(kTown).blobs().create());
    must(writer->write(as_bytes("left behind")));
    const auto orphan = must(writer->commit());
    writer.reset();
    right.reopen();
    EXPECT_FALSE(right.tenant(kTown).blobs().size(orphan).has_value());
    const auto message = right.incoming_message(kTown, id);
    EXPECT_TRUE(right.tenant(kTown).blobs().size(*message->payload).has_value());
    EXPECT_TRUE(right.tenant(kTown).blobs().size(message->envelope).has_value());
}

TEST(Restart, DuplicateMemorySurvives) {  // SEC-102
    Federation federation;
    const auto id = federation.send(kSchool, kTown);
    federation.run();
    federation.right.reopen();
    const auto sent = federation.world.access_point->sent().front();
    federation.world.access_point->put(kTown,
                                       {.as4_id = "copy@ap", .xhe_id = id, .sender = kSchool, .octets = sent.octets});
    federation.run();
    EXPECT_NE(federation.world.access_point->sent().back().octets.find("duplicate"), std::string::npos);
    EXPECT_EQ(federation.left.outgoing_row(kSchool, id).result, "ACCEPTED") << "and the sender does not mind (RCP-06)";
}

}  // namespace
}  // namespace budkavle::messageservice
