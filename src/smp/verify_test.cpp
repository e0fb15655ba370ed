// Signed by the right SMP and still not believed: each test is one step of `smp.md` 1.7.
#include "smp/verify.hpp"

#include <gtest/gtest.h>

#include "smp/test_support.hpp"
#include "xml/document.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::smp {
namespace {

using namespace testing;

const Lab& lab() {
    return Lab::instance();
}

std::string sign_text(const std::string& text, const crypto::Identity& signer) {
    auto document = must(xml::Document::parse(as_bytes(text)));
    if (auto done = xmlsec::sign_enveloped(document, signer); !done) throw std::runtime_error(done.error().describe());
    return document.to_string();
}
std::string sign_text(const std::string& text) {
    return sign_text(text, lab().smp);
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    if (at == std::string::npos) throw std::runtime_error("nothing to replace");
    return text.replace(at, from.size(), to);
}
std::string plain() {
    return write_service_metadata(lab().metadata());
}
Verdict judge(const std::string& octets) {
    return verify_metadata(as_bytes(octets), lab().expectation());
}
std::string outcome(const Verdict& verdict) {
    return std::string(to_string(verdict.decision)) + " " + verdict.reason;
}

TEST(Verify, GoodAnswer) {
    const auto verdict = judge(sign_text(plain()));
    ASSERT_TRUE(verdict.metadata) << verdict.error->describe();
    EXPECT_EQ(verdict.metadata->endpoint.uri, "https://ap.example.se/as4");
    EXPECT_EQ(verdict.metadata->participant.value, "0203:Kommunen.example.se") << "as registered";
    EXPECT_TRUE(verdict.warnings.empty());
    EXPECT_TRUE(is_published_signer(*verdict.metadata, lab().signer.certificate()));
    EXPECT_FALSE(is_published_signer(*verdict.metadata, lab().encrypter.certificate()));
}

TEST(Verify, LimitsComeFirst) {
    EXPECT_EQ(outcome(judge(std::string(kMaxAnswer + 1, ' '))), "reject size");
    std::string deep;
    for (int i = 0; i < 80; ++i) deep += "<a>";
    EXPECT_EQ(outcome(judge(deep)), "reject size");
    EXPECT_EQ(outcome(judge("<a>")), "reject xml");
    EXPECT_EQ(outcome(judge("")), "reject xml");
    EXPECT_EQ(outcome(judge("<!DOCTYPE a><a/>")), "reject dtd");
}

TEST(Verify, DocumentIdentifierIsComparedExactly) {
    const auto other =
        replaced(plain(), "MessageWithAttachments:3::messagePayload", "messagewithattachments:3::messagepayload");
    EXPECT_EQ(outcome(judge(sign_text(other))), "reject id");
    EXPECT_EQ(outcome(judge(sign_text(replaced(plain(), "busdox-docid-qns", "BUSDOX-docid-qns")))), "reject id");
    EXPECT_EQ(outcome(judge(sign_text(replaced(plain(), "0203:Kommunen", "0203:xKommunen")))), "reject id");
}

TEST(Verify, CommentInsideAValueIsReadAsSigned) {
    // Inclusive c14n drops the comment, so the signature holds for the joined text; a reader that takes the first node
    // is fooled.
    const auto split_value =
        replaced(sign_text(plain()), "https://ap.example.se/as4", "https://ap.example.se/a<!--x-->s4");
    const auto verdict = judge(split_value);
    ASSERT_TRUE(verdict.metadata) << verdict.error->describe();
    EXPECT_EQ(verdict.metadata->endpoint.uri, "https://ap.example.se/as4");
}

TEST(Verify, ChangeAfterSigning) {
    EXPECT_EQ(outcome(judge(replaced(sign_text(plain()), "https://ap.example.se", "https://xp.example.se"))),
              "reject digest");
}

TEST(Verify, ProcessIsComparedWithoutCase_K20) {
    const auto verdict = judge(sign_text(replaced(plain(), "bdx:noprocess", "BDX:noprocess")));
    EXPECT_EQ(outcome(verdict), "accept signature");
    EXPECT_EQ(verdict.warnings.size(), 1U);
    EXPECT_EQ(outcome(judge(sign_text(replaced(plain(), "bdx:noprocess", "bdx:other")))), "no-endpoint process");
}

TEST(Verify, EndpointChoice_AP01) {
    auto metadata = lab().metadata();
    auto second = metadata.endpoints[0];
    second.profile = "digg-transport-as4-v1_2";
    second.uri = "https://ap.example.se/v12";
    metadata.endpoints.push_back(second);
    const auto both = sign_text(write_service_metadata(metadata));
    auto expectation = lab().expectation();
    EXPECT_EQ(verify_metadata(as_bytes(both), expectation).metadata->endpoint.uri, "https://ap.example.se/as4")
        << "v1_0 first";
    expectation.profiles = {"digg-transport-as4-v1_2", "digg-transport-as4-v1_0"};
    EXPECT_EQ(verify_metadata(as_bytes(both), expectation).metadata->endpoint.uri, "https://ap.example.se/v12");
    expectation.profiles = {"bdxr-transport-ebms3-as4-v1p0"};
    EXPECT_EQ(outcome(verify_metadata(as_bytes(both), expectation)), "no-endpoint profile");

    // TA08: distinct profiles in one list.
    metadata.endpoints[1].profile = metadata.endpoints[0].profile;
    const auto verdict = judge(sign_text(write_service_metadata(metadata)));
    EXPECT_EQ(outcome(verdict), "no-endpoint ambiguous");
    EXPECT_EQ(verdict.error->code, "smp.ambiguous");
}

TEST(Verify, Dates) {
    auto metadata = lab().metadata();
    metadata.endpoints[0].activation = kNow + seconds(1);
    EXPECT_EQ(outcome(judge(sign_text(write_service_metadata(metadata)))), "no-endpoint dates");
    metadata.endpoints[0].activation = kNow;
    EXPECT_EQ(outcome(judge(sign_text(write_service_metadata(metadata)))), "accept signature");
    metadata.endpoints[0].expiration = kNow;
    EXPECT_EQ(outcome(judge(sign_text(write_service_metadata(metadata)))), "no-endpoint dates");
}

TEST(Verify, EndpointAddress) {
    for (const char* uri : {"http://ap.example.se/as4", "https://user:x@ap.example.se/as4",
                            "https://ap.example.se/as4#x", "ftp://ap.example.se/", "ap.example.se"}) {
        const auto verdict = judge(sign_text(replaced(plain(), "https://ap.example.se/as4", uri)));
        EXPECT_EQ(outcome(verdict), "reject endpoint") << uri;
    }
}

TEST(Verify, SchemaBeyondSequences) {
    const auto extension = [](std::string_view content) {
        return replaced(plain(), "<Extension>", "<Extension>" + std::string(content) + "</Extension><Extension>");
    };
    EXPECT_EQ(outcome(judge(sign_text(extension("<f:x xmlns:f=\"urn:f\"/>")))), "accept signature");
    EXPECT_EQ(outcome(judge(sign_text(extension("")))), "reject xsd");
    EXPECT_EQ(outcome(judge(sign_text(extension("<f:x xmlns:f=\"urn:f\"/><f:x xmlns:f=\"urn:f\"/>")))), "reject xsd")
        << "two in one Extension";
    EXPECT_EQ(outcome(judge(sign_text(extension("<ServiceGroup/>")))), "reject xsd")
        << "an SMP element directly inside";
    EXPECT_EQ(outcome(judge(sign_text(extension("<f xmlns=\"\"/>")))), "reject xsd") << "##other has a namespace";
    EXPECT_EQ(outcome(judge(sign_text(
                  extension("<ExtensionName>n</ExtensionName><ExtensionID>i</ExtensionID><f:x xmlns:f=\"urn:f\"/>")))),
              "reject xsd")
        << "order";
    EXPECT_EQ(outcome(judge(sign_text(replaced(plain(), "<ServiceDescription>AP</ServiceDescription>", "")))),
              "reject xsd");
    EXPECT_EQ(outcome(judge(sign_text(replaced(plain(), " transportProfile=\"digg-transport-as4-v1_0\"", "")))),
              "reject xsd");
    EXPECT_EQ(outcome(judge(sign_text(replaced(
                  plain(), "<ServiceInformation>",
                  "<Redirect href=\"https://x.example.se/\"><CertificateUID/></Redirect><ServiceInformation>")))),
              "reject xsd");
    EXPECT_EQ(
        outcome(judge(sign_text(
            "<SignedServiceMetadata "
            "xmlns=\"http://docs.oasis-open.org/bdxr/ns/SMP/2016/05\"><ServiceMetadata/></SignedServiceMetadata>"))),
        "reject xsd");
    EXPECT_EQ(outcome(judge(plain())), "reject xsd") << "unsigned";
    EXPECT_EQ(outcome(judge(replaced(sign_text(plain()), "</SignedServiceMetadata>", "<x/></SignedServiceMetadata>"))),
              "reject xsd");
}

// AP-16, FED-13.
TEST(Verify, SignerMustBeOfThisEnvironment_AP16_FED13) {
    EXPECT_EQ(outcome(judge(sign_text(plain(), lab().ap))), "reject trust");
    EXPECT_EQ(
        outcome(judge(sign_text(plain(), make_leaf("SMP", make_root("Rot SMP"), {.key_usage = {"digitalSignature"}})))),
        "reject trust")
        << "same name, other root";
    EXPECT_EQ(outcome(judge(sign_text(plain(), make_leaf("SMP", lab().smp_root, {.key_usage = {"keyEncipherment"}})))),
              "reject trust")
        << "may not sign";
    EXPECT_EQ(outcome(judge(
                  sign_text(plain(), make_leaf("SMP", lab().smp_root,
                                               {.not_after = kNow - seconds(1), .key_usage = {"digitalSignature"}})))),
              "reject trust")
        << "expired";
}

TEST(Verify, RevokedSigner_AP16) {
    crypto::CrlStore crls;
    crls.put(make_crl(lab().smp_root, {lab().smp.certificate()}));
    crls.put(make_crl(lab().ap_ca, {}));
    auto expectation = lab().expectation();
    expectation.crls = &crls;
    const auto verdict = verify_metadata(as_bytes(sign_text(plain())), expectation);
    EXPECT_EQ(outcome(verdict), "reject revocation");
    EXPECT_EQ(verdict.error->code, "smp.revoked");
}

// AP-18.
TEST(Verify, RevocationUnknownIsHeldNotSent_AP18) {
    crypto::CrlStore crls;
    crls.put(make_crl(lab().smp_root, {}));
    auto expectation = lab().expectation();
    expectation.crls = &crls;
    const auto verdict = verify_metadata(as_bytes(sign_text(plain())), expectation);
    EXPECT_EQ(outcome(verdict), "reject revocation");
    EXPECT_EQ(verdict.error->code, "smp.revocation_unavailable");
    EXPECT_EQ(verdict.error->retry, Retry::later);
}

// AP-14, AP-15.
TEST(Verify, AccessPointCertificate_AP14_AP15) {
    const auto with = [](const crypto::Identity& ap) {
        auto metadata = lab().metadata();
        metadata.endpoints[0].certificate = ap.certificate();
        return sign_text(write_service_metadata(metadata));
    };
    EXPECT_EQ(judge(with(make_leaf("AP0002-SDK-LAB", make_ca("Other CA", lab().ap_root)))).error->code,
              "smp.endpoint_certificate")
        << "same root, other CA";
    EXPECT_EQ(judge(with(make_leaf("AP0002-SDK-LAB", lab().ap_root))).error->code, "smp.endpoint_certificate")
        << "issued by the root itself";
    EXPECT_EQ(judge(with(lab().signer)).error->code, "smp.endpoint_certificate");
    const auto revoked = make_leaf("AP0003-SDK-LAB", lab().ap_ca);
    crypto::CrlStore crls;
    crls.put(make_crl(lab().smp_root, {}));
    crls.put(make_crl(lab().ap_ca, {revoked.certificate()}));
    auto expectation = lab().expectation();
    expectation.crls = &crls;
    EXPECT_EQ(verify_metadata(as_bytes(with(revoked)), expectation).error->code, "smp.revoked");
    EXPECT_EQ(outcome(verify_metadata(as_bytes(with(lab().ap)), expectation)), "accept signature");
}

TEST(Verify, RedirectIsRefused_TA03_TA19) {
    const auto redirect =
        "<SignedServiceMetadata xmlns=\"http://docs.oasis-open.org/bdxr/ns/SMP/2016/05\"><ServiceMetadata><Redirect "
        "href=\"https://other.example.se/\">"
        "<CertificateUID>CN=SMP2</CertificateUID></Redirect></ServiceMetadata></SignedServiceMetadata>";
    const auto verdict = judge(sign_text(redirect));
    EXPECT_EQ(outcome(verdict), "redirect redirect");
    EXPECT_EQ(verdict.error->code, "smp.redirect");
}

TEST(CertPub, SpellingsOfTheContent) {
    const auto der = base64_encode(lab().signer.certificate().der());
    const auto content = [&](std::string_view replacement) {
        return judge(sign_text(replaced(plain(), der, replacement)));
    };
    const auto armour = content(lab().signer.certificate().pem());
    ASSERT_TRUE(armour.metadata) << armour.error->describe();
    EXPECT_EQ(armour.metadata->signing.at(0).certificate, lab().signer.certificate());
    EXPECT_EQ(armour.warnings.size(), 1U);
    const auto twice = content(base64_encode(as_bytes(lab().signer.certificate().pem())));
    ASSERT_TRUE(twice.metadata) << twice.error->describe();
    EXPECT_EQ(twice.metadata->signing.at(0).certificate, lab().signer.certificate());
    EXPECT_EQ(twice.warnings.size(), 1U);
    for (const char* garbage :
         {"AAAA", "", "not base64!", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}) {
        EXPECT_EQ(outcome(content(garbage)), "reject cert") << garbage;
    }
    EXPECT_EQ(outcome(judge(
                  sign_text(replaced(plain(), std::string(kSigningCode), "  " + std::string(kSigningCode) + "\n")))),
              "accept signature")
        << "white space is collapsed";
    const auto unknown = judge(sign_text(replaced(plain(), std::string(kSigningCode), "urn:other")));
    EXPECT_TRUE(unknown.metadata->signing.empty());
    EXPECT_EQ(unknown.warnings.size(), 1U);
}

// FED-11, FED-15.
TEST(CertPub, NewestValidEncryptionCertificate_FED11_FED15) {
    const auto make = [](Time from, Time to, std::vector<std::string> usage = {"keyEncipherment"}) {
        return make_leaf("exempelkommun.example.se", lab().o2o_root,
                         {.not_before = from, .not_after = to, .key_usage = std::move(usage)})
            .certificate();
    };
    const auto older = make(kNow - std::chrono::hours(200), kEnd);
    const auto newer = make(kNow - std::chrono::hours(100), kEnd);
    const auto expired = make(kNow - std::chrono::hours(50), kNow - std::chrono::hours(1));
    const auto future = make(kNow + std::chrono::hours(1), kEnd);
    const auto signing_only = make(kNow - std::chrono::hours(10), kEnd, {"digitalSignature"});
    Metadata metadata = *judge(sign_text(plain())).metadata;
    metadata.encryption = {{older}, {future}, {newer}, {expired}, {signing_only}};
    const crypto::TrustStore o2o(crypto::Purpose::o2o, lab().o2o_root.chain);
    const crypto::TrustPolicy policy{.at = kNow};
    EXPECT_EQ(must(choose_encryption_certificate(metadata, o2o, *lab().crls, policy)), newer)
        << "never the first in the list";
    crypto::CrlStore crls;
    crls.put(make_crl(lab().o2o_root, {newer}));
    EXPECT_EQ(must(choose_encryption_certificate(metadata, o2o, crls, policy)), older);
    metadata.encryption = {{newer, kNow + seconds(1), {}}, {older, {}, kNow}};
    EXPECT_EQ(choose_encryption_certificate(metadata, o2o, *lab().crls, policy).error().code, "certpub.no_encryption")
        << "activation and expiration of the publication";
    metadata.encryption = {{newer}};
    EXPECT_EQ(choose_encryption_certificate(metadata, o2o, crls, policy).error().code, "trust.revoked");
}

}  // namespace
}  // namespace budkavle::smp
