#include "crypto/issue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "crypto/test_support.hpp"
#include "crypto/trust.hpp"

namespace budkavle::crypto {
namespace {

using testing::shared;

CertificateTemplate named(std::string name) {
    const auto now = system_clock().now();
    CertificateTemplate out;
    out.subject = {{"C", "SE"},
                   {"O", "Myndigheten för exempel"},
                   {"organizationIdentifier", "000000-0000"},
                   {"CN", std::move(name)}};
    out.not_before = now - std::chrono::minutes(5);
    out.not_after = now + std::chrono::days(100);
    return out;
}

class Issue : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        auto key = generate_rsa(2048).value();
        auto what = named("Rot");
        what.ca = true;
        what.key_usage = {"keyCertSign", "cRLSign"};
        what.ca_repository_urls = {"http://pki.example.se/"};
        auto certificate = issue_self_signed(what, key).value();
        root = std::make_unique<Identity>(make_identity(key, {certificate}).value());
    }
    static void TearDownTestSuite() { root.reset(); }
    static inline std::unique_ptr<Identity> root;
};

TEST_F(Issue, OpensslVerifiesTheChainAndTheList) {
    const testing::Scratch scratch;
    const auto sub_key = generate_rsa(2048).value();
    auto sub_template = named("Accesspunkt CA");
    sub_template.ca = true;
    sub_template.path_length = 0;
    sub_template.any_policy = true;
    sub_template.key_usage = {"keyCertSign", "cRLSign"};
    sub_template.crl_urls = {"http://pki.example.se/crl/rot.crl"};
    const auto sub_certificate = issue(sub_template, sub_key->public_key(), *root).value();
    const auto sub = make_identity(sub_key, {sub_certificate}).value();
    auto leaf_template = named("AP0001-SDK-LAB");
    leaf_template.key_usage = {"digitalSignature", "keyEncipherment"};
    leaf_template.extended_key_usage = {"serverAuth", "clientAuth"};
    leaf_template.dns_names = {"ap.example.se"};
    leaf_template.ip_addresses = {"127.0.0.1", "::1"};
    leaf_template.crl_urls = {"http://pki.example.se/crl/ap.crl", "https://pki.example.se/crl/ap.crl"};
    leaf_template.ocsp_urls = {"http://pki.example.se/ocsp"};
    const auto leaf = issue(leaf_template, generate_ec_p256().value()->public_key(), sub).value();
    const auto gone = issue(leaf_template, generate_ec_p256().value()->public_key(), sub).value();
    const auto now = system_clock().now();
    const auto root_crl = issue_crl(*root, {}, 1, now - std::chrono::minutes(1), now + std::chrono::days(7)).value();
    const auto sub_crl =
        issue_crl(sub,
                  {{gone.serial_decimal(), now - std::chrono::minutes(1), "keyCompromise"}, {"1", now, "unspecified"}},
                  258, now - std::chrono::minutes(1), now + std::chrono::days(7))
            .value();
    scratch.put("root", root->certificate().pem());
    scratch.put("sub", sub_certificate.pem());
    scratch.put("leaf", leaf.pem());
    scratch.put("gone", gone.pem());
    scratch.put("sub.crl", sub_crl);
    scratch.put("root.crl", root_crl);
    scratch.must(
        "for c in sub root; do openssl crl -inform DER -in $c.crl -out $c.crl.pem; done; cat root.crl.pem sub.crl.pem "
        "> crls; "
        "openssl verify -x509_strict -crl_check_all -CRLfile crls -CAfile root -untrusted sub -purpose sslserver leaf");
    EXPECT_NE(scratch.run("openssl verify -crl_check_all -CRLfile crls -CAfile root -untrusted sub gone")
                  .output.find("certificate revoked"),
              std::string::npos);
    const auto shown = scratch.run("openssl x509 -in leaf -noout -text -nameopt utf8,sep_comma_plus").output;
    for (const auto* expected :
         {"CA:FALSE", "Digital Signature, Key Encipherment",
          "DNS:ap.example.se, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1", "URI:http://pki.example.se/crl/ap.crl",
          "OCSP - URI:http://pki.example.se/ocsp", "sha256WithRSAEncryption", "organizationIdentifier=000000-0000",
          "O=Myndigheten för exempel", "Version: 3"}) {
        EXPECT_NE(shown.find(expected), std::string::npos) << expected << "\n" << shown;
    }
    const auto list = scratch.run("openssl crl -in sub.crl.pem -noout -text").output;
    for (const auto* expected :
         {"Version 2", "X509v3 CRL Number", "258", "X509v3 Authority Key Identifier", "Key Compromise"}) {
        EXPECT_NE(list.find(expected), std::string::npos) << expected;
    }
    EXPECT_EQ(list.find("Issuing Distribution Point"), std::string::npos);
    EXPECT_NE(
        scratch.run("openssl x509 -in root -noout -text").output.find("CA Repository - URI:http://pki.example.se/"),
        std::string::npos);
    EXPECT_NE(scratch.run("openssl x509 -in sub -noout -text").output.find("X509v3 Any Policy"), std::string::npos);
}

// `pki.md` 5.1: SKI over the whole SubjectPublicKeyInfo, AKI keyid, none in the root; names in UTF8String.
TEST_F(Issue, KeyIdentifiersAreThoseOfTheProfile) {
    const auto key = generate_rsa(2048).value();
    const auto one = issue(named("x"), key->public_key(), *root).value();
    EXPECT_EQ(one.subject_key_identifier(), sha256(key->public_key().spki_der()));
    const testing::Scratch scratch;
    scratch.put("one", one.pem());
    scratch.put("root", root->certificate().pem());
    auto ski = hex_encode(root->certificate().subject_key_identifier().value());
    EXPECT_NE(scratch.run("openssl x509 -in one -noout -ext authorityKeyIdentifier | tr -d ':' | tr A-F a-f")
                  .output.find(ski),
              std::string::npos);
    EXPECT_EQ(scratch.run("openssl x509 -in root -noout -text").output.find("Authority Key"), std::string::npos);
    const auto parsed = scratch.run(
        "openssl x509 -in one -outform DER | openssl asn1parse -inform DER | grep -A1 -E 'OBJECT "
        "+:(organizationName|organizationIdentifier|commonName)'");
    EXPECT_EQ(parsed.output.find("PRINTABLESTRING"), std::string::npos) << parsed.output;
    const auto serial =
        hex_decode(scratch.run("openssl x509 -in one -noout -serial | sed s/serial=// | tr -d '\\n'").output);
    ASSERT_TRUE(serial);
    EXPECT_EQ(serial->size(), 16U);
    EXPECT_NE(one.serial_decimal(), issue(named("x"), key->public_key(), *root).value().serial_decimal());
}

TEST_F(Issue, RefusesWhatCannotBeEncoded) {
    const auto key = generate_ec_p256().value();
    const auto code = [&](const std::function<void(CertificateTemplate&)>& change) {
        auto what = named("x");
        change(what);
        const auto made = issue(what, key->public_key(), *root);
        return made ? std::string() : made.error().code;
    };
    EXPECT_EQ(code([](auto&) {}), "");
    EXPECT_EQ(code([](auto& t) { t.subject.push_back({"CN", ""}); }), "issue.template");
    EXPECT_EQ(code([](auto& t) { t.subject.push_back({"CN", "a\xff"}); }), "issue.template");
    EXPECT_EQ(code([](auto& t) { t.subject.push_back({"NoSuchType", "a"}); }), "issue.template");
    EXPECT_EQ(code([](auto& t) { t.subject.push_back({"C", "Sverige"}); }), "issue.template");
    EXPECT_EQ(code([](auto& t) { t.dns_names = {"a b"}; }), "issue.template");
    EXPECT_EQ(code([](auto& t) { t.ip_addresses = {"127.0.0.300"}; }), "issue.template");
    EXPECT_EQ(code([](auto& t) { t.key_usage = {"everything"}; }), "issue.template");
    EXPECT_EQ(code([](auto& t) { t.extended_key_usage = {"nothing we know"}; }), "issue.template");
    EXPECT_EQ(code([](auto& t) { t.crl_urls = {"http://å"}; }), "issue.template");
    EXPECT_EQ(code([](auto& t) { t.not_after = t.not_before; }), "issue.failed");
    const auto now = system_clock().now();
    EXPECT_EQ(issue_crl(*root, {{"12x", now, "superseded"}}, 1, now, now + seconds(5)).error().code, "issue.template");
    EXPECT_EQ(issue_crl(*root, {{"12", now, "because"}}, 1, now, now + seconds(5)).error().code, "issue.template");
    EXPECT_EQ(issue_crl(*root, {}, 1, now, now).error().code, "issue.failed");
}

TEST(Request, RoundTripThroughOpenssl) {
    const testing::Scratch scratch;
    const auto key = generate_rsa(2048).value();
    scratch.put("r", make_request(key, {{"C", "SE"}, {"O", "Exempelkommun"}, {"OU", "Drift"}, {"CN", "x"}}).value());
    scratch.must("openssl req -in r -noout -verify");
    scratch.must(
        "openssl genrsa -out k 2048; openssl req -new -key k -subj "
        "'/C=SE/O=Exempel/OU=Drift/CN=y/emailAddress=a@example.se' -addext "
        "'basicConstraints=CA:TRUE' -addext 'subjectAltName=DNS:x.example.se' -out theirs -outform DER");
    const auto ours = parse_request(testing::octets(scratch.file("r")));
    ASSERT_TRUE(ours);
    EXPECT_TRUE(ours->proof_of_possession);
    EXPECT_EQ(ours->key, key->public_key());
    const auto theirs = parse_request(testing::octets(scratch.file("theirs")));
    ASSERT_TRUE(theirs);
    EXPECT_EQ(theirs->organisation, "Exempel");
    EXPECT_EQ(theirs->organisational_unit, "Drift");
    EXPECT_EQ(theirs->attributes, (std::vector<std::string>{"countryName", "commonName", "emailAddress",
                                                            "basicConstraints", "subjectAltName"}));
    EXPECT_FALSE(theirs->self_signed_certificate);
}

TEST(Request, ProofOfPossessionIsChecked) {
    auto der = testing::octets(shared("smp-vectors/csr/ok-der.csr"));
    ASSERT_TRUE(parse_request(der)->proof_of_possession);
    der.back() = static_cast<std::uint8_t>(der.back() ^ 1);
    EXPECT_FALSE(parse_request(der)->proof_of_possession);
    EXPECT_TRUE(
        parse_request(testing::octets(shared("smp-vectors/csr/ok-selfsigned-cert.pem")))->self_signed_certificate);
}

TEST(Request, PrivateKeysAndRubbish) {
    const testing::Scratch scratch;
    scratch.must(
        "openssl genrsa -out k 2048; openssl pkey -in k -outform DER -out k.der; openssl pkcs8 -topk8 -in k -passout "
        "pass:x -outform DER -out sealed.der; "
        "openssl req -new -key k -subj /CN=x -out r; cat r k > both; cat r r > twice");
    const auto code = [&](ByteView bytes) {
        const auto read = parse_request(bytes);
        return read ? std::string() : read.error().code;
    };
    for (const auto* name : {"k", "k.der", "sealed.der", "both"})
        EXPECT_EQ(code(testing::octets(scratch.file(name))), "request.private_key") << name;
    EXPECT_EQ(code(testing::octets(scratch.file("r"))), "");
    EXPECT_EQ(code(testing::octets(scratch.file("twice"))), "request.malformed");
    EXPECT_EQ(code({}), "request.malformed");
    EXPECT_EQ(code(as_bytes("hello")), "request.malformed");
    EXPECT_EQ(code(testing::octets(shared("smp-vectors/csr/bad-truncated.csr"))), "request.malformed");
    EXPECT_EQ(code(testing::octets(shared("smp-vectors/pki/ap0001.pem"))), "request.malformed");  // not self-signed
    EXPECT_EQ(code(Bytes(70'000, 0x30)), "request.malformed");
}

}  // namespace
}  // namespace budkavle::crypto
