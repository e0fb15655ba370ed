#include "xhe/opening.hpp"

#include <map>

#include "xhe/test_support.hpp"

namespace budkavle::xhe {
namespace {

using namespace test;

/// How far an envelope came, and the rule that stopped it.
struct Outcome {
    std::string stage;
    std::string rule;
};

class Opening : public testing::Test {
protected:
    Opening() {
        const auto keys = shared() / "sdk-vectors/keys";
        anchors_ = crypto::Certificate::all_from_pem(text_of(keys / "ca.crt")).value();
        trust_ = std::make_unique<crypto::TrustStore>(crypto::Purpose::o2o, anchors_);
        crls_.put(crypto::Crl::parse(as_bytes(text_of(keys / "ca.crl.pem"))).value());
        own_.push_back(identity("rcv"));
        own_.push_back(identity("rcv-old"));
    }

    SignerExpectation expectation(bool with_published) const {
        SignerExpectation expected{.trust = trust_.get(),
                                   .crls = &crls_,
                                   .policy = {.at = parse_time("2026-11-23T00:00:00Z").value()},
                                   .published = {}};
        if (with_published) expected.published = {identity("snd").certificate()};
        return expected;
    }

    Outcome open(const std::string& octets, bool with_published = true) const {
        auto document = xml::Document::parse(as_bytes(octets), envelope_limits());
        if (!document) return {"parse", "XHE-01"};
        auto conformant = admit(std::move(*document));
        if (!conformant) return {"judge", conformant.error().front().rule};
        auto signature = verify_signature(std::move(*conformant));
        if (!signature) return {"signature", signature.error().rule};
        auto verified = check_signer(std::move(*signature), expectation(with_published));
        if (!verified) return {"signer", verified.error().rule};
        const PayloadContext context(*verified);
        if (!verified->envelope().encrypted) {
            const auto payload = clear_payload(*verified);
            return payload ? Outcome{"clear", std::string(payload->name())} : Outcome{"clear", payload.error().rule};
        }
        MemorySink clear(std::size_t{1} << 20);
        if (auto done = decrypt(*verified, own_, clear); !done) return {"decrypt", done.error().rule};
        const auto payload = parse_payload(clear.bytes(), context);
        if (!payload) return {"payload", payload.error().rule};
        return {"opened", std::string(payload->root().name())};
    }

    std::vector<crypto::Certificate> anchors_;
    std::unique_ptr<crypto::TrustStore> trust_;
    crypto::CrlStore crls_;
    std::vector<crypto::Identity> own_;
};

// XHE-04 before XHE-10 by construction: nobody but the stage before makes the input of the next.
static_assert(!std::is_constructible_v<ConformantEnvelope, xml::Document, Envelope>);
static_assert(!std::is_constructible_v<SignedEnvelope, ConformantEnvelope, xmlsec::EnvelopedSignature>);
static_assert(!std::is_constructible_v<VerifiedEnvelope, SignedEnvelope>);
static_assert(!std::is_default_constructible_v<VerifiedEnvelope>);

std::string vector(const std::string& name) {
    return text_of(shared() / "sdk-vectors/xhe" / (name + ".xml"));
}

/// The envelopes of the vectors, each with the stage that has to stop it; the table of answers is the message
/// library's.
TEST_F(Opening, EveryVectorStopsAtItsStage) {
    const std::map<std::string, std::vector<std::string>> stops{
        {"neg-30-sig-missing", {"signature XHE-04"}},
        {"neg-31-sig-value-broken", {"signature XHE-04"}},
        {"neg-32-cipher-changed-after-signing", {"signature XHE-04"}},
        {"neg-33-header-changed-after-signing", {"signature XHE-04"}},
        {"neg-34-indented-after-signing", {"signature XHE-04"}},
        {"neg-35-rsa-sha1", {"signature XHE-03"}},
        {"neg-36-digest-sha1", {"signature XHE-03"}},
        {"neg-37-hmac-public-key", {"signature XHE-03"}},
        {"neg-38-reference-id-payloads", {"signature XHE-03"}},
        {"neg-39-reference-http", {"signature XHE-03"}},
        {"neg-40-two-references", {"signature XHE-03"}},
        {"neg-41-transform-xpath", {"signature XHE-03"}},
        {"neg-42-transform-xslt", {"signature XHE-03"}},
        {"neg-43-keyvalue-only", {"signature XHE-03", "signature XHE-04"}},
        {"neg-44-certificate-of-another-key", {"signature XHE-04"}},
        {"neg-45-signer-expired", {"signer XHE-05"}},
        {"neg-46-signer-revoked", {"signer XHE-05"}},
        {"neg-47-signer-untrusted", {"signer XHE-05"}},
        {"neg-48-signer-other-organisation", {"signer XHE-06"}},
        {"neg-49-two-signatures-first-broken", {"signature XHE-04"}},
        {"neg-50-wrapping-object", {"signature XHE-03"}},
        {"neg-52-rsa-1_5", {"decrypt XHE-03"}},
        {"neg-53-aes128-cbc", {"decrypt XHE-03"}},
        {"neg-54-aes256-gcm-off", {"decrypt XHE-03"}},
        {"neg-55-session-key-16-octets", {"decrypt XHE-10"}},
        {"neg-56-padding-0", {"decrypt XHE-10"}},
        {"neg-57-for-other", {"decrypt XHE-09"}},
        {"neg-58-names-rcv-wrapped-for-other", {"decrypt XHE-10"}},
        {"neg-59-cipherreference", {"decrypt XHE-03"}},
        {"neg-60-two-encryptedkeys", {"decrypt XHE-03"}},
        {"neg-62-decrypted-not-xml", {"payload XHE-10"}},
        {"neg-63-decrypted-two-roots", {"payload XHE-10"}},
        {"neg-64-decrypted-doctype", {"payload XHE-10"}},
        {"neg-65-decrypted-other-root", {"opened ApplicationResponse"}},
        {"neg-72-row14-unencrypted", {"clear messagePayload"}},
        {"neg-77-receipt-changed", {"signature XHE-04"}},
        {"neg-78-receipt-unsigned", {"signature XHE-04"}},
        {"neg-79-receipt-r7", {"clear ApplicationResponse"}},
        {"pos-20-receipt-accepted", {"clear ApplicationResponse"}},
        {"pos-21-receipt-prefix-on-root", {"clear ApplicationResponse"}},
        {"pos-22-receipt-encrypted", {"opened ApplicationResponse"}},
    };
    for (const auto& [name, allowed] : stops) {
        const auto outcome = open(
            vector(name), !name.starts_with("neg-45") && !name.starts_with("neg-46") && !name.starts_with("neg-47"));
        const auto line = outcome.stage + " " + outcome.rule;
        EXPECT_NE(std::find(allowed.begin(), allowed.end(), line), allowed.end()) << name << ": " << line;
    }
}

TEST_F(Opening, EveryVectorOfTheStructureIsJudged) {
    std::istringstream table(text_of(shared() / "sdk-vectors/xhe.tsv"));
    std::string line;
    std::getline(table, line);
    std::size_t seen = 0;
    while (std::getline(table, line)) {
        const auto columns = split(line, '\t');
        ASSERT_GE(columns.size(), 8U);
        const auto name = std::string(columns[0].substr(4, columns[0].size() - 8));
        const bool structural = columns[7].empty();
        const auto outcome = open(vector(name));
        if (structural && columns[2] == "no") {
            ++seen;
            EXPECT_TRUE(outcome.stage == "parse" || outcome.stage == "judge") << name;
            EXPECT_NE(columns[6].find(outcome.rule), std::string_view::npos)
                << name << ": " << outcome.stage << " " << outcome.rule << ", expected " << columns[6];
        } else {
            EXPECT_FALSE(outcome.stage == "parse" || outcome.stage == "judge") << name << " " << outcome.rule;
        }
        if (!structural && columns[2] == "yes" && columns[3] == "ACCEPTED") {
            ++seen;
            EXPECT_EQ(outcome.stage + " " + outcome.rule, "opened messagePayload") << name;
        }
    }
    EXPECT_GT(seen, 40U);
}

/// The SDK's own signed examples: base64 in an access point's submit call. Their certificates have ended; the
/// signatures verify.
TEST_F(Opening, TheSignedOfficialExamplesVerify) {
    for (const auto* name : {"as4_xhe_encrypted.xml", "xhe_unencrypted.xml"}) {
        const auto wrapper = text_of(shared() / "spec/data/message/examples" / name);
        const auto from = wrapper.find("<value>") + 7;
        const auto octets = base64_decode(wrapper.substr(from, wrapper.find("</value>") - from), Base64Space::xml);
        ASSERT_TRUE(octets.has_value()) << name;
        auto conformant = admit(xml::Document::parse(*octets).value());
        ASSERT_TRUE(conformant.has_value()) << name << conformant.error().front().rule << conformant.error().front().at;
        EXPECT_TRUE(verify_signature(std::move(*conformant)).has_value()) << name;
    }
    for (const auto* name : {"xhe_encrypted_payload.xml", "xhe_unencrypted_payload.xml"}) {
        auto conformant =
            admit(xml::Document::parse(as_bytes(text_of(shared() / "spec/data/message/examples" / name))).value());
        ASSERT_TRUE(conformant.has_value()) << name << conformant.error().front().rule << conformant.error().front().at;
        const auto verified = verify_signature(std::move(*conformant));
        ASSERT_FALSE(verified.has_value()) << name;
        EXPECT_EQ(verified.error().rule, "XHE-04");
    }
}

TEST_F(Opening, RevocationDataThatIsMissingHoldsInsteadOfRefusing) {
    const crypto::CrlStore none;
    auto expected = expectation(true);
    expected.crls = &none;
    auto signature = verify_signature(admit(xml::Document::parse(as_bytes(vector("pos-01-plain"))).value()).value());
    ASSERT_TRUE(signature.has_value());
    const auto verified = check_signer(std::move(*signature), expected);
    ASSERT_FALSE(verified.has_value());
    EXPECT_EQ(verified.error().rule, "XHE-05");
    EXPECT_EQ(verified.error().retry, Retry::later);
}

TEST_F(Opening, NothingPublishedRefusesEverySigner) {
    auto expected = expectation(false);
    expected.published.emplace();
    auto signature = verify_signature(admit(xml::Document::parse(as_bytes(vector("pos-01-plain"))).value()).value());
    ASSERT_TRUE(signature.has_value());
    EXPECT_EQ(check_signer(std::move(*signature), expected).error().rule, "XHE-06");
}

/// XHE-10: whatever goes wrong after the key was chosen looks the same.
TEST_F(Opening, EveryFailureOfDecryptionIsOneError) {
    for (const auto* name : {"neg-55-session-key-16-octets", "neg-56-padding-0", "neg-58-names-rcv-wrapped-for-other",
                             "neg-62-decrypted-not-xml", "neg-63-decrypted-two-roots", "neg-64-decrypted-doctype"}) {
        auto signature = verify_signature(admit(xml::Document::parse(as_bytes(vector(name))).value()).value());
        ASSERT_TRUE(signature.has_value());
        const auto verified = check_signer(std::move(*signature), expectation(true)).value();
        MemorySink clear(std::size_t{1} << 20);
        auto done = decrypt(verified, own_, clear);
        const Error error = done ? parse_payload(clear.bytes(), PayloadContext(verified)).error() : done.error();
        EXPECT_EQ(error.describe(), decryption_failure().describe()) << name;
        EXPECT_EQ(error.code, decryption_failure().code) << name;
    }
}

}  // namespace
}  // namespace budkavle::xhe
