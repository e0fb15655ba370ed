#include "xhe/sealing.hpp"

#include "xhe/opening.hpp"
#include "xhe/test_support.hpp"

namespace budkavle::xhe {
namespace {

using namespace test;

const std::string kPayload =
    "<m:messagePayload "
    "xmlns:m=\"urn:riv:infrastructure:messaging:MessageWithAttachments:3\"><m:message>&#13;å</m:message>"
    "</m:messagePayload>";

SealInput input_for(Source& payload, bool encrypted) {
    SealInput input{.id = "5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11",
                    .created = parse_time("2026-11-22T09:15:04.12Z").value(),
                    .from = federation::ParticipantId::parse("0203:skolan.example.se").value(),
                    .to = federation::ParticipantId::parse("0203:kommunen.example.se").value(),
                    .document_id = std::string(federation::kMessageDocument),
                    .document_type_code = federation::find_document_type(federation::kMessageDocument)->type_code(),
                    .federation_id = std::string(federation::kFederationSdk),
                    .handling_service_id = "sdk:a & b <c> \"d\"",
                    .payload = &payload,
                    .recipient = {},
                    .signer = identity("snd")};
    if (encrypted) input.recipient = identity("rcv").certificate();
    return input;
}

std::string sealed(std::string_view payload, bool encrypted) {
    MemorySource source(payload);
    MemorySink sink(std::size_t{64} << 20);
    const auto done = seal(input_for(source, encrypted), sink);
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().describe());
    return std::string(as_text(sink.bytes()));
}

std::string xmlsec_verify(const fs::path& file) {
    return "xmlsec1 --verify --trusted-pem " + (shared() / "sdk-vectors/keys/ca.crt").string() +
           " --verification-time '2026-11-23 00:00:00' " + file.string();
}

/// Foreign verifier: the octets as written are what xmlsec1 accepts, and one changed octet is not.
TEST(Seal, XmlsecVerifiesTheSignature) {
    const TemporaryFolder folder;
    for (const bool encrypted : {true, false}) {
        const auto octets = sealed(kPayload, encrypted);
        EXPECT_EQ(run(xmlsec_verify(folder.write("sealed.xml", octets))), 0) << octets;
        EXPECT_NE(run(xmlsec_verify(folder.write("changed.xml", replaced(octets, "0203:skolan", "0203:skolam")))), 0);
    }
}

/// Foreign decryption: xmlsec1 opens it with the receiver's key.
TEST(Seal, XmlsecDecryptsThePayload) {
    const TemporaryFolder folder;
    const auto file = folder.write("sealed.xml", sealed(kPayload, true));
    const auto clear = folder.path() / "clear.xml";
    ASSERT_EQ(run("xmlsec1 --decrypt --privkey-pem " + (shared() / "sdk-vectors/keys/rcv.key").string() + " --output " +
                  clear.string() + " " + file.string()),
              0);
    const auto canonical = folder.path() / "canonical.xml";
    ASSERT_EQ(std::system(("xmllint --c14n " + clear.string() + " > " + canonical.string()).c_str()), 0);
    EXPECT_NE(text_of(canonical).find(replaced(kPayload, "&#13;", "&#xD;")), std::string::npos) << text_of(canonical);
}

TEST(Seal, IsValidAgainstTheOasisSchemaAndCanonical) {
    const TemporaryFolder folder;
    const auto octets = sealed(kPayload, true);
    const auto file = folder.write("sealed.xml", octets);
    EXPECT_EQ(run("xmllint --nonet --noout --schema " + (shared() / "spec/data/xhe/XHE-1.0.xsd").string() + " " +
                  file.string()),
              0);
    const auto canonical = folder.path() / "canonical.xml";
    ASSERT_EQ(std::system(("xmllint --c14n " + file.string() + " > " + canonical.string()).c_str()), 0);
    EXPECT_EQ(text_of(canonical), octets) << "the octets are canonical by construction";
}

TEST(Seal, OpensAgainWithItsValues) {
    const auto octets = sealed(kPayload, true);
    MemorySource source(octets);
    const auto envelope = verify_sealed(source, identity("snd").certificate());
    ASSERT_TRUE(envelope.has_value()) << envelope.error().describe();
    EXPECT_EQ(envelope->created, "2026-11-22T09:15:04.120Z");
    EXPECT_EQ(envelope->handling_service_id, "sdk:a & b <c> \"d\"");
    EXPECT_TRUE(envelope->encrypted);
    EXPECT_TRUE(envelope->has_signature);
}

TEST(Seal, VerifySealedRefusesAnotherSignerAndChangedOctets) {
    const auto octets = sealed(kPayload, true);
    MemorySource source(octets);
    EXPECT_EQ(verify_sealed(source, identity("other").certificate()).error().rule, "XHE-06");
    const auto changed = replaced(octets, "0203:skolan", "0203:skolam");
    MemorySource again(changed);
    EXPECT_EQ(verify_sealed(again, identity("snd").certificate()).error().rule, "XHE-04");
}

TEST(Seal, ClearPayloadLosesItsDeclarationAndKeepsItsContent) {
    const auto octets = sealed(
        "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a xmlns=\"urn:example\"><b c='1'/></a>\n", false);
    EXPECT_NE(octets.find("<xha:PayloadContent><a xmlns=\"urn:example\"><b c=\"1\"></b></a></xha:PayloadContent>"),
              std::string::npos)
        << octets;
}

TEST(Seal, RefusesWhatWouldNotBeConformant) {
    MemorySource payload(kPayload);
    MemorySink sink(std::size_t{1} << 20);
    auto input = input_for(payload, true);
    input.federation_id = " ";
    const auto done = seal(input, sink);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, "xhe.seal");
    EXPECT_EQ(done.error().rule, "R2-XHE");
    EXPECT_TRUE(sink.bytes().empty());
}

TEST(Seal, ClearPayloadThatIsNotXmlIsRefused) {
    MemorySource payload(std::string_view("not XML"));
    MemorySink sink(std::size_t{1} << 20);
    EXPECT_FALSE(seal(input_for(payload, false), sink).has_value());
}

/// The largest SDK message (`message.md` 3.4) passes as a stream: what is held is not the message.
TEST(Seal, ALargePayloadIsNotHeld) {
    class Endless final : public Source {
    public:
        Result<std::size_t> read(std::span<std::uint8_t> into) override {
            const auto size = std::min(into.size(), left_);
            std::fill_n(into.begin(), size, std::uint8_t{'A'});
            left_ -= size;
            return size;
        }

    private:
        std::size_t left_ = 30'000'000;
    } payload;
    class Largest final : public Sink {
    public:
        Result<> write(ByteView bytes) override {
            largest_ = std::max(largest_, bytes.size());
            total_ += bytes.size();
            return {};
        }
        std::size_t largest_ = 0;
        std::size_t total_ = 0;
    } sink;
    ASSERT_TRUE(seal(input_for(payload, true), sink).has_value());
    EXPECT_GT(sink.total_, 40'000'000U);
    EXPECT_LE(sink.largest_, 2 * kPiece);
}

}  // namespace
}  // namespace budkavle::xhe
