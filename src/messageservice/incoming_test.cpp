/// What an incoming envelope is answered (`message.md` 6, 6.1, 7.1), duplicates (K27), and the order of steps.

#include "messageservice/test_support.hpp"

namespace budkavle::messageservice {
namespace {

using namespace test;

/// What went out as a receipt.
struct Answer {
    bool any = false;
    bool accepted = false;
    std::string causes;  ///< "BV security"
};

class IncomingMessages : public testing::Test {
protected:
    Federation federation;
    World& world = federation.world;
    Installation& right = federation.right;
    const Keys& keys = Keys::instance();

    struct Envelope {
        std::string id;
        std::string octets;
    };
    /// A message from the school to the town, sealed as told.
    Envelope sealed(const std::function<void(sdk::Draft&)>& change = {},
                    const std::function<void(xhe::SealInput&)>& seal_change = {},
                    const std::function<void(std::string&)>& payload_change = {}) {
        auto message = draft(kSchool, kTown, world.clock.now());
        if (change) change(message);
        auto payload = write(message);
        if (payload_change) payload_change(payload);
        MemorySource source{std::string_view(payload)};
        const auto* type = federation::find_document_type(federation::kMessageDocument);
        xhe::SealInput input{.id = message.message_id,
                             .created = world.clock.now(),
                             .from = must(federation::ParticipantId::parse(kSchool)),
                             .to = must(federation::ParticipantId::parse(kTown)),
                             .document_id = type->id,
                             .document_type_code = type->type_code(),
                             .federation_id = std::string(federation::kFederationSdk),
                             .handling_service_id = function_of(kTown),
                             .payload = &source,
                             .recipient = keys.town.certificate(),
                             .signer = keys.school};
        if (seal_change) seal_change(input);
        MemorySink sink(std::size_t{64} << 20);
        must(xhe::seal(input, sink));
        return {input.id, std::string(as_text(sink.bytes()))};
    }
    /// Puts it into the town's inbox and lets the town work.
    Answer deliver(const Envelope& envelope, const std::function<void(FakeAccessPoint::Waiting&)>& change = {}) {
        FakeAccessPoint::Waiting waiting{
            .as4_id = new_uuid() + "@ap", .xhe_id = envelope.id, .sender = kSchool, .octets = envelope.octets};
        if (change) change(waiting);
        const auto before = world.access_point->sent().size();
        world.access_point->put(kTown, waiting);
        right.run();
        world.clock.advance(std::chrono::seconds(2));
        right.run();
        const auto sent = world.access_point->sent();
        EXPECT_LE(sent.size(), before + 1) << "at most one receipt";
        return sent.size() > before ? read_receipt(sent.back().octets) : Answer{};
    }
    static Answer read_receipt(const std::string& octets) {
        const auto document = must(xml::Document::parse(as_bytes(octets)));
        const auto content =
            document.root().child(xhe::kXha, "Payloads").child(xhe::kXha, "Payload").child(xhe::kXha, "PayloadContent");
        for (const xml::Element root : content.children()) {
            const auto judged = sdk::judge_receipt(root);
            EXPECT_TRUE(judged.receipt.has_value());
            if (!judged.receipt) return {};
            Answer answer{.any = true, .accepted = judged.receipt->accepted, .causes = {}};
            for (const auto& line : judged.receipt->lines) {
                if (!answer.causes.empty()) answer.causes += ", ";
                answer.causes += line.cause + " " + line.detail.value_or("");
            }
            return answer;
        }
        return {};
    }
    void expect_rejected(const Answer& answer, const std::string& causes) {
        EXPECT_TRUE(answer.any);
        EXPECT_FALSE(answer.accepted);
        EXPECT_EQ(answer.causes, causes);
    }
    void expect_silence(const Envelope& envelope, const Answer& answer) {
        EXPECT_FALSE(answer.any);
        EXPECT_FALSE(right.incoming_message(kTown, envelope.id).has_value());
    }
    static std::string broken_signature(const std::string& octets) {
        auto changed = octets;
        const auto at = changed.find("<ds:SignatureValue>") + 19;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        return changed;
    }
    /// Cipher text whose padding and content are nonsense.
    static std::string broken_content(const std::string& octets) {
        auto changed = octets;
        const auto end = changed.rfind("</xenc:CipherValue>");
        for (std::size_t i = end - 60; i < end - 4; ++i) changed[i] = 'A';
        return changed;
    }
};

TEST_F(IncomingMessages, AGoodOneIsAccepted) {
    const auto envelope = sealed();
    const auto answer = deliver(envelope);
    EXPECT_TRUE(answer.any && answer.accepted);
    EXPECT_EQ(right.statuses(kTown, Direction::in, envelope.id), "RETRIEVED RECEIPT_SENT NEW");
}

TEST_F(IncomingMessages, ABrokenSignatureIsRejectedSig) {  // XHE-04, row 12
    auto envelope = sealed();
    envelope.octets = broken_signature(envelope.octets);
    expect_rejected(deliver(envelope), "SIG security");
    EXPECT_FALSE(right.incoming_message(kTown, envelope.id).has_value());
}

/// The one that tells the order apart: with decryption before verification it would end in silence.
TEST_F(IncomingMessages, ABrokenSignatureOnUndecryptableContentIsRejectedSig) {
    auto envelope = sealed();
    envelope.octets = broken_signature(broken_content(envelope.octets));
    expect_rejected(deliver(envelope), "SIG security");
}

TEST_F(IncomingMessages, ASignerThatIsNotPublishedIsRejectedSig) {  // XHE-06
    world.directory.change(kSchool,
                           [this](smp::Metadata& metadata) { metadata.signing = {{keys.region.certificate()}}; });
    expect_rejected(deliver(sealed()), "SIG security");
}

TEST_F(IncomingMessages, ARevokedSignerIsRejectedSig) {  // XHE-05
    world.crls->put(keys.o2o.crl({keys.school.certificate()}));
    expect_rejected(deliver(sealed()), "SIG security");
}

TEST_F(IncomingMessages, AClearMessageIsRejectedSig) {  // XHE-07, row 14
    expect_rejected(deliver(sealed({}, [](xhe::SealInput& input) { input.recipient.reset(); })), "SIG security");
}

TEST_F(IncomingMessages, AnotherOrganisationsKeyIsMetWithSilence) {  // XHE-09
    const auto envelope = sealed({}, [this](xhe::SealInput& input) { input.recipient = keys.region.certificate(); });
    expect_silence(envelope, deliver(envelope));
}

TEST_F(IncomingMessages, WhatIsNoXmlInsideIsMetWithSilence) {  // XHE-10
    const auto envelope = sealed({}, {}, [](std::string& payload) { payload = "no XML"; });
    expect_silence(envelope, deliver(envelope));
}

TEST_F(IncomingMessages, EnvelopeFaultsAreMetWithSilence) {  // XHE-01, XHE-02
    auto malformed = sealed();
    malformed.octets.resize(malformed.octets.size() - 3);
    expect_silence(malformed, deliver(malformed));
    auto doctype = sealed();
    doctype.octets = "<!DOCTYPE a>" + doctype.octets;
    expect_silence(doctype, deliver(doctype));
    auto version = sealed();
    version.octets.replace(version.octets.find(">1.0<"), 5, ">1.1<");
    expect_silence(version, deliver(version));
}

TEST_F(IncomingMessages, AnUnregisteredSenderIsMetWithSilenceWhateverElseIsWrong) {  // EQ-9, 6.1
    world.directory.remove(kSchool);
    auto envelope = sealed();
    expect_silence(envelope, deliver(envelope));
    envelope.octets = broken_signature(envelope.octets);
    expect_silence(envelope, deliver(envelope));
}

TEST_F(IncomingMessages, AnotherAccessPointThanTheSendersIsRejected) {  // EQ-9, K26, row 13
    expect_rejected(
        deliver(sealed(), [](FakeAccessPoint::Waiting& waiting) { waiting.from_party = "AP0002-SDK-TEST"; }),
        "BV security");
}

TEST_F(IncomingMessages, AnEnvelopeForAnotherParticipantIsDropped) {
    const auto envelope =
        sealed({}, [](xhe::SealInput& input) { input.to = must(federation::ParticipantId::parse(kRegion)); });
    expect_silence(envelope, deliver(envelope));
}

TEST_F(IncomingMessages, AnotherFederationIsDropped) {  // K18
    const auto envelope =
        sealed({}, [](xhe::SealInput& input) { input.federation_id = std::string(federation::kFederationTest); });
    expect_silence(envelope, deliver(envelope));
}

TEST_F(IncomingMessages, EqualityOfTheLayers) {  // EQ-1 … EQ-5, rows 9, 15, 16, 17
    expect_rejected(deliver(sealed({}, [](xhe::SealInput& input) { input.id = new_uuid(); })), "BV invariant");
    expect_rejected(deliver(sealed([](sdk::Draft& message) {
                        message.recipient.organisation = must(federation::ParticipantId::parse(kRegion));
                    })),
                    "BV security");
    expect_rejected(deliver(sealed([](sdk::Draft& message) {
                        message.sender.organisation = must(federation::ParticipantId::parse(kRegion));
                    })),
                    "BV invariant");
    expect_rejected(deliver(sealed([](sdk::Draft& message) { message.recipient.function = "sdk:annan:" + kTown; })),
                    "BV security");
    expect_rejected(deliver(sealed({}, [](xhe::SealInput& input) { input.handling_service_id.reset(); })),
                    "BV security");
    expect_rejected(deliver(sealed([](sdk::Draft& message) { message.recipient.function = "sdk:okand:" + kTown; },
                                   [](xhe::SealInput& input) { input.handling_service_id = "sdk:okand:" + kTown; })),
                    "BV not-found");
}

TEST_F(IncomingMessages, SchemaFaultsStandAlone) {  // row 2
    expect_rejected(deliver(sealed({}, {},
                                   [](std::string& payload) {
                                       const auto at = payload.find("<m:confidentiality>");
                                       payload.erase(at, payload.find("</m:confidentiality>") + 20 - at);
                                   })),
                    "SV structure");
}

TEST_F(IncomingMessages, AnUnsupportedAttachmentIsRejected) {  // MSG-02, row 8
    const std::string content = "MZ";
    MemorySource file{std::string_view(content)};
    expect_rejected(deliver(sealed([&file](sdk::Draft& message) {
                        message.documents.front().files.push_back(
                            {.name = "a.exe", .content_type = "application/x-msdownload", .content = &file});
                    })),
                    "BV not-supported");
}

TEST_F(IncomingMessages, ACopyIsRejectedAsDuplicateAndChangesNothing) {  // K27, row 6
    const auto envelope = sealed();
    EXPECT_TRUE(deliver(envelope).accepted);
    expect_rejected(deliver(envelope), "BV duplicate");
    EXPECT_EQ(right.statuses(kTown, Direction::in, envelope.id), "RETRIEVED RECEIPT_SENT NEW");
    // The same id under other content is one too.
    const auto other = sealed([&](sdk::Draft& message) { message.message_id = message.conversation_id = envelope.id; });
    expect_rejected(deliver(other), "BV duplicate");
}

TEST_F(IncomingMessages, ARejectedMessageUsesItsIdUp) {
    const auto id = new_uuid();
    const auto with_id = [&](sdk::Draft& message) { message.message_id = message.conversation_id = id; };
    expect_rejected(deliver(sealed(with_id, [](xhe::SealInput& input) { input.handling_service_id.reset(); })),
                    "BV security");
    expect_rejected(deliver(sealed(with_id)), "BV duplicate");
}

TEST_F(IncomingMessages, ASigRefusalOrSilenceDoesNotUseUpTheId) {
    auto envelope = sealed();
    auto forged = envelope;
    forged.octets = broken_signature(forged.octets);
    expect_rejected(deliver(forged), "SIG security");
    auto undecryptable =
        sealed([&](sdk::Draft& message) { message.message_id = message.conversation_id = envelope.id; },
               [this](xhe::SealInput& input) { input.recipient = keys.region.certificate(); });
    EXPECT_FALSE(deliver(undecryptable).any);
    EXPECT_TRUE(deliver(envelope).accepted);
}

TEST_F(IncomingMessages, AReplyToARejectedMessageIsRejected) {  // row 11
    const auto first = sealed({}, [](xhe::SealInput& input) { input.handling_service_id.reset(); });
    expect_rejected(deliver(first), "BV security");
    expect_rejected(deliver(sealed([&](sdk::Draft& message) { message.ref_to_message_id = first.id; })),
                    "BV not-supported");
    EXPECT_TRUE(deliver(sealed([](sdk::Draft& message) { message.ref_to_message_id = new_uuid(); })).accepted)
        << "row 7: unknown is fine";
}

TEST_F(IncomingMessages, AReplyToAMessageThatTimedOutHereIsRejected) {  // row 11
    world.access_point->on_submit = [](FakeAccessPoint::Sent& sent) {
        if (sent.xhe_id.size() == 36 && sent.octets.find("messagePayload") != std::string::npos)
            sent.state = "failed", sent.cause = "EBMS:0004";
    };
    const auto mine = federation.send(kTown, kSchool);
    right.run();
    world.clock.advance(std::chrono::seconds(2));
    right.run();
    ASSERT_EQ(right.out_status(kTown, mine), Status::message_exchange_error);
    expect_rejected(deliver(sealed([&](sdk::Draft& message) { message.ref_to_message_id = mine; })),
                    "BV not-supported");
}

TEST_F(IncomingMessages, RevocationDataThatStayAwayCountAsAFailureInTheEnd) {
    const auto envelope = sealed();
    world.crls =
        std::make_shared<crypto::CrlStore>();  // the installation below starts without any list of the O2O issuer
    world.crls->put(keys.tls.crl());
    Installation without(world, world.config("mt3", {{kTown, {keys.town}}}));
    world.access_point->put(kTown,
                            {.as4_id = "a@ap", .xhe_id = envelope.id, .sender = kSchool, .octets = envelope.octets});
    without.run();
    EXPECT_TRUE(world.access_point->sent().empty()) << "held";
    world.clock.advance(std::chrono::hours(25));
    without.run();
    ASSERT_EQ(world.access_point->sent().size(), 1U);
    EXPECT_EQ(read_receipt(world.access_point->sent().back().octets).causes, "SIG security");
}

TEST_F(IncomingMessages, TheReceiptCarriesTheFunctionAndNoContent) {  // K28, 6.2
    deliver(sealed());
    const auto octets = world.access_point->sent().back().octets;
    EXPECT_NE(octets.find("<xhb:HandlingServiceID>" + function_of(kTown)), std::string::npos);
    EXPECT_EQ(octets.find("Kanarief"), std::string::npos);
    EXPECT_NE(octets.find(">false<"), std::string::npos) << "K2: not encrypted";
}

TEST_F(IncomingMessages, TheReceivedTimeIsStampedOnceAndNeverChanged) {  // SEC-20
    world.directory.fail_with(fail("smp.unreachable", "down", Retry::later).error());
    const auto stamped = world.clock.now();
    const auto envelope = sealed();
    EXPECT_FALSE(deliver(envelope).any);
    world.directory.fail_with(std::nullopt);
    world.clock.advance(std::chrono::hours(1));
    right.run();
    EXPECT_EQ(right.incoming_message(kTown, envelope.id)->received, stamped);
}

}  // namespace
}  // namespace budkavle::messageservice
