/// Receiving receipts: RCP-01 … RCP-10 (`receipt.md` 6).

#include "messageservice/test_support.hpp"

namespace budkavle::messageservice {
namespace {

using namespace test;

class Receipts : public testing::Test {
protected:
    Federation federation;
    World& world = federation.world;
    Installation& left = federation.left;
    const Keys& keys = Keys::instance();
    std::string id;  ///< a message of the school to the town that waits for its receipt

    Receipts() {
        world.access_point->on_submit = [](FakeAccessPoint::Sent&) {};
        id = federation.send(kSchool, kTown);
        left.run();
        world.clock.advance(std::chrono::seconds(2));
        left.run();
        EXPECT_EQ(left.out_status(kSchool, id), Status::waiting_for_receipt);
    }

    sdk::Receipt accepted() const {
        return {.id = new_uuid(),
                .issued = world.clock.now(),
                .sender = kTown,
                .receiver = kSchool,
                .accepted = true,
                .reference = id,
                .lines = {}};
    }
    sdk::Receipt rejected(std::string detail = "invariant") const {
        auto receipt = accepted();
        receipt.accepted = false;
        receipt.lines = {{.at = "/m:a", .cause = "BV", .detail = std::move(detail), .text = "<b>why</b> \"not\""}};
        return receipt;
    }
    void deliver(const sdk::Receipt& receipt, const std::function<void(xhe::SealInput&)>& change = {},
                 const std::function<void(std::string&)>& spoil = {}) {
        const auto payload = must(sdk::write_receipt(receipt));
        MemorySource source{std::string_view(payload)};
        const auto* type = federation::find_document_type(federation::kReceiptDocument);
        xhe::SealInput input{.id = receipt.id,
                             .created = world.clock.now(),
                             .from = must(federation::ParticipantId::parse(kTown)),
                             .to = must(federation::ParticipantId::parse(kSchool)),
                             .document_id = type->id,
                             .document_type_code = type->type_code(),
                             .federation_id = std::string(federation::kFederationSdk),
                             .handling_service_id = {},
                             .payload = &source,
                             .recipient = {},
                             .signer = keys.town};
        if (change) change(input);
        MemorySink sink(std::size_t{1} << 20);
        must(xhe::seal(input, sink));
        std::string octets(as_text(sink.bytes()));
        if (spoil) spoil(octets);
        const auto before = world.access_point->sent().size();
        world.access_point->put(
            kSchool, {.as4_id = new_uuid() + "@ap", .xhe_id = input.id, .sender = input.from.text(), .octets = octets});
        left.run();
        EXPECT_EQ(world.access_point->sent().size(), before) << "RCP-04: a receipt is never answered";
        EXPECT_EQ(world.access_point->waiting(kSchool), 0U) << "and is taken";
    }
    void expect_still_waiting() {
        EXPECT_EQ(left.out_status(kSchool, id), Status::waiting_for_receipt);
        EXPECT_EQ(left.outgoing_row(kSchool, id).result, "");
    }
};

TEST_F(Receipts, AcceptedEndsTheFlow) {
    deliver(accepted());
    EXPECT_EQ(left.out_status(kSchool, id), Status::accepted);
}

TEST_F(Receipts, RejectedPassesOnToMessageExchangeErrorWithItsCauses) {  // K30
    deliver(rejected());
    EXPECT_EQ(left.statuses(kSchool, Direction::out, id),
              "SCHEDULED SUBMITTED ACKNOWLEDGE WAITING_FOR_RECEIPT REJECTED MESSAGE_EXCHANGE_ERROR");
    bool cause = false;
    for (const auto& event : left.history(kSchool, Direction::out, id))
        cause = cause || (event.event == "cause" && event.detail == "BV invariant" && event.place == "/m:a" &&
                          event.text == "<b>why</b> \"not\"");
    EXPECT_TRUE(cause);
}

TEST_F(Receipts, Rcp01TheSignatureMustBeGood) {
    deliver(accepted(), {}, [](std::string& octets) { octets.replace(octets.find("ACCEPTED"), 8, "ACCEPTEE"); });
    expect_still_waiting();
}

TEST_F(Receipts, Rcp01TheCertificateMustBeTheOneInCertPub) {
    deliver(accepted(), [this](xhe::SealInput& input) { input.signer = keys.region; });
    expect_still_waiting();
}

TEST_F(Receipts, Rcp01TheCertificateMustNotBeRevoked) {
    world.crls->put(keys.o2o.crl({keys.town.certificate()}));
    deliver(accepted());
    expect_still_waiting();
}

TEST_F(Receipts, Rcp02AFaultyReceiptChangesNothing) {
    deliver(accepted(), [](xhe::SealInput& input) { input.document_type_code = "Q{urn:x}ApplicationResponse"; });
    expect_still_waiting();
}

TEST_F(Receipts, Rcp03OnlyForAMessageThatWasSentToItsAuthor) {
    auto unknown = accepted();
    unknown.reference = new_uuid();
    deliver(unknown);
    expect_still_waiting();
    // The region answers for a message that went to the town.
    auto stranger = accepted();
    stranger.sender = kRegion;
    deliver(stranger, [this](xhe::SealInput& input) {
        input.from = must(federation::ParticipantId::parse(kRegion));
        input.signer = keys.region;
    });
    expect_still_waiting();
    // Parties of receipt and envelope differ.
    auto mixed = accepted();
    mixed.sender = kRegion;
    deliver(mixed);
    expect_still_waiting();
}

TEST_F(Receipts, Rcp05TheFirstOneDecides) {
    deliver(rejected());
    deliver(accepted());
    EXPECT_EQ(left.outgoing_row(kSchool, id).result, "REJECTED");
    EXPECT_EQ(left.out_status(kSchool, id), Status::message_exchange_error);
    EXPECT_TRUE(left.happened(kSchool, Direction::out, id, "remark"));
}

TEST_F(Receipts, Rcp06DuplicateAloneDecidesNothing) {
    deliver(rejected("Duplicate"));  // K13: compared without case (RCP-07)
    EXPECT_EQ(left.out_status(kSchool, id), Status::waiting_for_receipt);
    EXPECT_EQ(left.outgoing_row(kSchool, id).result, "duplicate");
    deliver(accepted());
    EXPECT_EQ(left.out_status(kSchool, id), Status::accepted);
    deliver(rejected("duplicate"));
    EXPECT_EQ(left.outgoing_row(kSchool, id).result, "ACCEPTED");
}

TEST_F(Receipts, Rcp08TheFunctionOfAReceiptIsNeverAReason) {
    deliver(accepted(), [](xhe::SealInput& input) { input.handling_service_id = "sdk:nagot:annat"; });
    EXPECT_EQ(left.out_status(kSchool, id), Status::accepted);
}

TEST_F(Receipts, Rcp09ForeignTextIsCapped) {
    auto receipt = rejected();
    receipt.lines.front().text = std::string(1000, 'a') + "å";
    for (int i = 0; i < 300; ++i) receipt.lines.front().text += "å";
    deliver(receipt);
    for (const auto& event : left.history(kSchool, Direction::out, id)) EXPECT_LE(event.text.size(), 500U);
}

TEST_F(Receipts, Rcp10TheSignedOctetsAreKept) {
    deliver(accepted());
    const auto blob = left.outgoing_row(kSchool, id).receipt;
    ASSERT_TRUE(blob.has_value());
    auto document = must(
        xml::Document::parse(must(read_all(*must(left.tenant(kSchool).blobs().read(*blob)), std::size_t{1} << 20))));
    auto conformant = xhe::admit(std::move(document));
    ASSERT_TRUE(conformant.has_value());
    EXPECT_TRUE(xhe::verify_signature(std::move(*conformant)).has_value());
}

TEST_F(Receipts, AnEncryptedReceiptThatOpensIsAccepted) {  // K2, XHE-08
    deliver(accepted(), [this](xhe::SealInput& input) { input.recipient = keys.school.certificate(); });
    EXPECT_EQ(left.out_status(kSchool, id), Status::accepted);
}

}  // namespace
}  // namespace budkavle::messageservice
