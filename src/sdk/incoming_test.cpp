// Events that need more than the document: what the service knows, rows 3, 6, 9, 11, 13, and the order of the stages.

#include "sdk/incoming.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "sdk/sample_message.hpp"
#include "sdk/test_support.hpp"
#include "xhe/sealing.hpp"

namespace budkavle::sdk {
namespace {

using federation::ParticipantId;
using test::kSampleMessage;
using test::replaced;

const std::string kReceiptPayload =
    R"(<ApplicationResponse xmlns="urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2" )"
    R"(xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" )"
    R"(xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">)"
    R"(<cbc:CustomizationID>urn:fdc:digg.se:edelivery:messagetype:response:1</cbc:CustomizationID><cbc:ProfileID>bdx:noprocess</cbc:ProfileID>)"
    R"(<cbc:ID>c1c7f0de-35a4-4b4f-8f3f-8e6d0a5b7720</cbc:ID><cbc:IssueDate>2026-03-02</cbc:IssueDate><cbc:IssueTime>09:15:11Z</cbc:IssueTime>)"
    R"(<cac:SenderParty><cbc:EndpointID schemeID="iso6523-actorid-upis">0203:skolan.example.se</cbc:EndpointID></cac:SenderParty>)"
    R"(<cac:ReceiverParty><cbc:EndpointID schemeID="iso6523-actorid-upis">0203:kommunen.example.se</cbc:EndpointID></cac:ReceiverParty>)"
    R"(<cac:DocumentResponse><cac:Response><cbc:ResponseCode>ACCEPTED</cbc:ResponseCode></cac:Response>)"
    R"(<cac:DocumentReference><cbc:ID>5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11</cbc:ID></cac:DocumentReference></cac:DocumentResponse></ApplicationResponse>)";

class IncomingTest : public ::testing::Test {
protected:
    static crypto::Identity identity(const std::string& stem) {
        const auto keys = test::shared("sdk-vectors/keys");
        return *crypto::identity_from_pem(test::load_text(keys / (stem + ".key")),
                                          test::load_text(keys / (stem + ".crt")));
    }

    void SetUp() override {
        crls_.put(*crypto::Crl::parse(test::load(test::shared("sdk-vectors/keys/ca.crl.pem"))));
        context_.signer.trust = &trust_;
        context_.signer.crls = &crls_;
        context_.signer.policy.at = *parse_time("2026-11-23T00:00:00Z");
        context_.signer.published = {sender_.certificate()};
        context_.own.push_back(receiver_);
    }

    struct Envelope {
        std::string payload = kSampleMessage;
        std::string id = "5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11";
        std::string from = "0203:skolan.example.se";
        std::string to = "0203:kommunen.example.se";
        std::string document = std::string(federation::kMessageDocument);
        std::string type_code = "Q{urn:riv:infrastructure:messaging:MessageWithAttachments:3}messagePayload";
        std::optional<std::string> function = "sdk:socialjour:0203:kommunen.example.se";
        bool encrypted = true;
        static Envelope receipt() {
            Envelope out;
            out.payload = kReceiptPayload;
            out.document = federation::kReceiptDocument;
            out.type_code = "Q{urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2}ApplicationResponse";
            out.encrypted = false;
            return out;
        }
    };

    Bytes seal(const Envelope& envelope) {
        MemorySource payload(envelope.payload);
        MemorySink sink(std::size_t{64} << 20);
        xhe::SealInput input{.id = envelope.id,
                             .created = *parse_time("2026-03-02T09:15:04.120Z"),
                             .from = *ParticipantId::parse(envelope.from),
                             .to = *ParticipantId::parse(envelope.to),
                             .document_id = envelope.document,
                             .document_type_code = envelope.type_code,
                             .federation_id = std::string(federation::kFederationSdk),
                             .content_type = "application/xml",
                             .handling_service_id = envelope.function,
                             .payload = &payload,
                             .recipient = std::nullopt,
                             .signer = sender_};
        if (envelope.encrypted) input.recipient = receiver_.certificate();
        const auto sealed = xhe::seal(input, sink);
        EXPECT_TRUE(sealed) << sealed.error().describe();
        return sink.take();
    }

    Incoming judge(const Envelope& envelope) {
        auto incoming = judge_incoming(seal(envelope), context_);
        EXPECT_TRUE(incoming) << incoming.error().describe();
        return std::move(*incoming);
    }

    void expect(const Incoming& incoming, Answer answer, const std::string& row, const std::string& rule) {
        EXPECT_EQ(incoming.verdict.answer, answer);
        ASSERT_EQ(incoming.verdict.faults.size(), 1U);
        EXPECT_EQ(incoming.verdict.faults[0].row, row);
        EXPECT_EQ(incoming.verdict.faults[0].rule, rule);
    }

    crypto::Identity sender_ = identity("snd");
    crypto::Identity receiver_ = identity("rcv");
    crypto::TrustStore trust_{
        crypto::Purpose::o2o,
        {*crypto::Certificate::from_pem(test::load_text(test::shared("sdk-vectors/keys/ca.crt")))}};
    crypto::CrlStore crls_;
    ReceiveContext context_;
};

TEST_F(IncomingTest, AcceptedMessageComesOutWhole) {  // row 1
    const auto incoming = judge({});
    EXPECT_EQ(incoming.verdict.answer, Answer::accepted);
    EXPECT_TRUE(incoming.verdict.valid());
    EXPECT_TRUE(incoming.authenticated && incoming.decrypted && !incoming.is_receipt);
    EXPECT_EQ(as_text(incoming.octets), kSampleMessage);
    ASSERT_TRUE(incoming.message);
    EXPECT_EQ(incoming.signer, sender_.certificate());
}

TEST_F(IncomingTest, MemoryOfTheService) {
    context_.known = [](std::string_view id) { return id == "5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11"; };
    expect(judge({}), Answer::rejected, "6", "message.md 7.3");
    context_.known = [](std::string_view) { return false; };
    EXPECT_TRUE(judge({}).verdict.valid());

    context_.failed = [](std::string_view id) { return id == "7b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11"; };
    expect(judge({}), Answer::rejected, "11", "message.md 5");
    context_.failed = [](std::string_view) { return false; };  // row 7: an unknown refToMessageId is accepted
    EXPECT_TRUE(judge({}).verdict.valid());

    context_.serves = [](std::string_view function) { return function != "sdk:socialjour:0203:kommunen.example.se"; };
    expect(judge({}), Answer::rejected, "9", "EQ-5");
    context_.serves = nullptr;
    context_.forbidden = [](const xml::Document&) { return true; };
    const auto malware = judge({});
    expect(malware, Answer::rejected, "3", "MSG-06");
    EXPECT_TRUE(malware.verdict.incident);
}

TEST_F(IncomingTest, SenderAndTransfer) {  // EQ-9, rows 13 and 16
    context_.sender_registered = false;
    expect(judge({}), Answer::none, "6.1 sender", "EQ-9");
    context_.sender_registered = true;
    context_.sender_at_access_point = false;
    expect(judge({}), Answer::rejected, "13", "EQ-9");
    context_.sender_at_access_point = true;
    context_.transfer = {.original_sender = "0203:annan.example.se", .final_recipient = "0203:kommunen.example.se"};
    expect(judge({}), Answer::rejected, "13", "EQ-3");
    context_.transfer = {.original_sender = "0203:skolan.example.se", .final_recipient = "0203:annan.example.se"};
    expect(judge({}), Answer::rejected, "16", "EQ-2");
    context_.transfer = {.original_sender = "0203:SKOLAN.example.se", .final_recipient = "0203:kommunen.example.SE"};
    EXPECT_TRUE(judge({}).verdict.valid()) << "organisations compare without case";
}

TEST_F(IncomingTest, Equality) {
    Envelope envelope;
    envelope.id = "00000000-8f0a-4a5e-9a53-0c6f6f7d2b11";
    expect(judge(envelope), Answer::rejected, "EQ-1", "EQ-1");
    envelope = {};
    envelope.to = "0203:annan.example.se";
    expect(judge(envelope), Answer::rejected, "16", "EQ-2");
    envelope = {};
    envelope.from = "0203:annan.example.se";
    expect(judge(envelope), Answer::rejected, "17", "EQ-3");
    envelope = {};
    envelope.function = "sdk:Socialjour:0203:kommunen.example.se";
    expect(judge(envelope), Answer::rejected, "15", "EQ-4");
    envelope.function.reset();  // K28
    expect(judge(envelope), Answer::rejected, "15", "EQ-4");
    envelope = {};
    envelope.from = "0203:Skolan.Example.se";
    EXPECT_TRUE(judge(envelope).verdict.valid());
    envelope = {};
    envelope.type_code = "Q{urn:riv:infrastructure:messaging:MessageWithAttachments:2}messagePayload";
    expect(judge(envelope), Answer::rejected, "EQ-7", "EQ-7");
    envelope = {};
    envelope.document = "urn:example.se:annat::dokument##1";
    expect(judge(envelope), Answer::rejected, "EQ-7", "EQ-7");
}

TEST_F(IncomingTest, PayloadFaultsKeepTheirRows) {
    Envelope envelope;
    envelope.payload = replaced(kSampleMessage, "<m:confidentiality>true</m:confidentiality>", "");
    envelope.function = "fel";  // equality is not asked of what has no structure
    for (const auto& fault : judge(envelope).verdict.faults) EXPECT_EQ(fault.row, "2");
    envelope = {};
    envelope.payload = replaced(kSampleMessage, "09:15:03.900Z", "09:15:03Z");
    expect(judge(envelope), Answer::rejected, "19", "creationDateTime");
    context_.message.max_octets = 500;
    const auto too_long = judge({});
    expect(too_long, Answer::rejected, "4", "MSG-03");
}

TEST_F(IncomingTest, SignatureComesBeforeEverythingInside) {  // EQ-6, XHE-06
    Envelope envelope;
    envelope.encrypted = false;
    expect(judge(envelope), Answer::rejected, "14", "XHE-07");
    context_.signer.published = {receiver_.certificate()};
    expect(judge(envelope), Answer::rejected, "12", "XHE-06");
    const auto refused = judge({});
    expect(refused, Answer::rejected, "12", "XHE-06");
    EXPECT_FALSE(refused.authenticated || refused.decrypted || refused.message);
}

TEST_F(IncomingTest, WithoutRevocationDataThereIsNoVerdict) {  // row 22
    const crypto::CrlStore none;
    context_.signer.crls = &none;
    const auto incoming = judge_incoming(seal({}), context_);
    ASSERT_FALSE(incoming);
    EXPECT_EQ(incoming.error().retry, Retry::later);
    context_.signer.policy.revocation = crypto::RevocationPolicy::when_present;
    EXPECT_TRUE(judge({}).verdict.valid());
}

TEST_F(IncomingTest, DecryptionFailuresAreAllTheSame) {  // XHE-10
    Envelope envelope;
    std::vector<Incoming> all;
    for (const auto* payload : {"not xml", "<a/><b/>", "<!DOCTYPE a><a/>", "<a>"}) {
        envelope.payload = payload;
        all.push_back(judge(envelope));
    }
    context_.own = {identity("other")};
    all.push_back(judge({}));
    for (const auto& incoming : all) {
        EXPECT_EQ(incoming.verdict.answer, Answer::none);
        ASSERT_EQ(incoming.verdict.faults.size(), 1U);
        EXPECT_EQ(incoming.verdict.faults[0].row, "6.1 decryption");
        EXPECT_EQ(incoming.verdict.faults[0].text, "The payload could not be decrypted.");
        EXPECT_FALSE(incoming.decrypted);
    }
}

TEST_F(IncomingTest, Receipts) {  // RCP-01, RCP-02, RCP-08, XHE-11
    const auto good = judge(Envelope::receipt());
    EXPECT_EQ(good.verdict.answer, Answer::none) << "a receipt is never answered";
    EXPECT_TRUE(good.verdict.valid());
    ASSERT_TRUE(good.receipt);
    EXPECT_EQ(good.receipt->reference, "5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11");

    auto encrypted = Envelope::receipt();  // XHE-08
    encrypted.encrypted = true;
    EXPECT_TRUE(judge(encrypted).receipt);

    auto no_function = Envelope::receipt();  // K28
    no_function.function.reset();
    EXPECT_TRUE(judge(no_function).receipt);

    auto wrong_party = Envelope::receipt();  // RCP-03
    wrong_party.from = "0203:annan.example.se";
    expect(judge(wrong_party), Answer::none, "6.1 faulty receipt", "RCP-03");

    auto faulty = Envelope::receipt();
    faulty.payload = replaced(kReceiptPayload, "ACCEPTED", "Accepted");
    const auto refused = judge(faulty);
    expect(refused, Answer::none, "6.1 faulty receipt", "R5-APP");
    EXPECT_FALSE(refused.receipt);

    auto message = Envelope::receipt();  // the envelope says receipt and holds a message
    message.payload = kSampleMessage;
    expect(judge(message), Answer::rejected, "EQ-7", "EQ-7");
    message.encrypted = true;
    expect(judge(message), Answer::rejected, "EQ-7", "EQ-7");

    auto other = Envelope::receipt();
    other.payload = "<a xmlns=\"urn:example.se:annat\">x</a>";
    expect(judge(other), Answer::none, "6.1 faulty receipt", "EQ-7");

    context_.signer.published = {receiver_.certificate()};
    expect(judge(Envelope::receipt()), Answer::none, "6.1 faulty receipt", "XHE-06");
}

TEST_F(IncomingTest, PolicyDecidesTheAnswer) {  // K32
    Policy silent = Policy::standard();
    ASSERT_TRUE(silent.set("12", Answer::none, "", ""));
    context_.policy = &silent;
    context_.signer.published = {receiver_.certificate()};
    expect(judge({}), Answer::none, "12", "XHE-06");
}

}  // namespace
}  // namespace budkavle::sdk
