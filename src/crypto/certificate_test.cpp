#include "crypto/certificate.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/test_support.hpp"

namespace budkavle::crypto {
namespace {

using testing::certificate;
using testing::shared;

TEST(Certificate, ReadsEveryPublishedOne) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(shared("spec/data/certs"))) {
        const auto extension = entry.path().extension();
        if (extension != ".cer" && extension != ".crt") continue;
        ++count;
        const auto one = certificate(entry.path());
        EXPECT_TRUE(one.is_ca()) << entry.path();
        EXPECT_TRUE(one.public_key().is_rsa()) << entry.path();
        EXPECT_GE(one.public_key().bits(), 2048U) << entry.path();
        EXPECT_TRUE(one.subject_key_identifier()) << entry.path();
        EXPECT_TRUE(one.issuer_matches(one.issuer())) << entry.path();
        EXPECT_EQ(Certificate::from_pem(one.pem()).value().der(), one.der());
    }
    EXPECT_EQ(count, 27U);
}

TEST(Certificate, FactsAreThoseOfOpenssl) {
    const auto ca = certificate(shared("spec/data/certs/PROD/Accesspunkt/Accesspunkt-CA-SDK-PROD.cer"));
    EXPECT_EQ(ca.common_name(), "Accesspunkt CA-SDK-PROD");
    EXPECT_EQ(ca.organisation(), "Myndigheten för digital förvaltning");
    EXPECT_EQ(ca.public_key().describe(), "RSA 3072");
    EXPECT_EQ(ca.crl_urls(), std::vector<std::string>{"https://ca.edelivery.digg.se/crl/aprot.crl"});
    EXPECT_EQ(ca.subject_key_identifier().value().size(), 32U);
    EXPECT_FALSE(ca.is_self_issued());
    const testing::Scratch scratch;
    scratch.put("ca.pem", ca.pem());
    scratch.must(
        "openssl x509 -in ca.pem -noout -fingerprint -sha256 | tr -d ':' | tr 'A-F' 'a-f' > print; openssl x509 -in "
        "ca.pem -noout -pubkey | "
        "openssl pkey -pubin -outform DER -out spki; openssl x509 -in ca.pem -noout -serial | sed 's/serial=//' > "
        "serial");
    EXPECT_NE(testing::text(scratch.file("print")).find(ca.sha256_hex()), std::string::npos);
    EXPECT_EQ(testing::octets(scratch.file("spki")), ca.public_key().spki_der());
    const auto ap = certificate(shared("smp-vectors/pki/ap0001.pem"));
    EXPECT_EQ(ap.common_name(), "AP0001-SDK-LAB");
    EXPECT_EQ(ap.not_before(), testing::at("2026-11-22T11:01:11Z"));
    EXPECT_EQ(ap.not_after(), testing::at("2028-11-21T11:01:11Z"));
    EXPECT_EQ(ap.serial_decimal(), "148899154883785957161718128570777948982");  // 7004EF21BB7635D8B19750D6474B5336
    EXPECT_TRUE(ap.may_sign());
    EXPECT_TRUE(ap.may_encipher());
    EXPECT_FALSE(ap.is_ca());
    EXPECT_TRUE(certificate(shared("smp-vectors/pki/o2o-sign.pem")).may_sign());
    EXPECT_FALSE(certificate(shared("smp-vectors/pki/o2o-sign.pem")).may_encipher());
    EXPECT_FALSE(certificate(shared("smp-vectors/pki/o2o-enc.pem")).may_sign());
}

// `federation.md` 2.1: exponents 57169 and 50907 exist among the issuers.
TEST(Certificate, UnusualExponentsAreRead) {
    for (const auto* path : {"spec/data/certs/OpenTest/O2O/ExpiTrust-Test-CA-v8.cer",
                             "spec/data/certs/PROD/O2O/ExpiTrust-EID-CA-v4-(1).cer"}) {
        EXPECT_TRUE(certificate(shared(path)).public_key().is_rsa());
    }
}

TEST(Certificate, IssuerNamesInManySpellings) {
    const auto ap = certificate(shared("smp-vectors/pki/ap0001.pem"));
    for (const auto* name : {
             "CN=Accesspunkt CA-SDK-LAB,organizationIdentifier=000000-0000,OU=eDelivery,O=Testmyndigheten för digital "
             "förvaltning,C=SE",
             "CN=Accesspunkt CA-SDK-LAB, OID.2.5.4.97=000000-0000, OU=eDelivery, O=Testmyndigheten för digital "
             "förvaltning, C=SE",
             "cn = accesspunkt  ca-sdk-lab ; 2.5.4.97 = #0c0b3030303030302d30303030 ; OU=\"eDelivery\"; "
             "O=Testmyndigheten f\\C3\\B6r digital f\\c3\\b6rvaltning; c=se",
             "C=SE,O=Testmyndigheten för digital "
             "förvaltning,OU=eDelivery,organizationIdentifier=000000-0000,CN=Accesspunkt CA-SDK-LAB",
         }) {
        EXPECT_TRUE(ap.issuer_matches(name)) << name;
    }
    for (const auto* name : {
             "",
             "CN",
             "CN=",
             "=",
             "CN=Accesspunkt CA-SDK-LAB",
             "XX=1,C=SE",
             "CN=\\",
             "CN=Accesspunkt CA-SDK-LAB,organizationIdentifier=000000-0000,OU=eDelivery,O=Testmyndigheten för digital "
             "förvaltning,C=NO",
             "CN=Accesspunkt CA-SDK-LAB+C=SE,organizationIdentifier=000000-0000,OU=eDelivery,O=Testmyndigheten för "
             "digital förvaltning",
             "OU=eDelivery,CN=Accesspunkt CA-SDK-LAB,organizationIdentifier=000000-0000,O=Testmyndigheten för digital "
             "förvaltning,C=SE",
         }) {
        EXPECT_FALSE(ap.issuer_matches(name)) << name;
    }
}

TEST(Certificate, RefusesWhatIsNotOneCertificate) {
    const auto good = certificate(shared("smp-vectors/pki/ap0001.pem"));
    auto trailing = good.der();
    trailing.push_back(0);
    EXPECT_EQ(Certificate::from_der(trailing).error().code, "certificate.malformed");
    EXPECT_EQ(Certificate::from_der({}).error().code, "certificate.malformed");
    EXPECT_EQ(Certificate::from_der(ByteView(good.der()).first(100)).error().code, "certificate.malformed");
    EXPECT_EQ(Certificate::from_der(as_bytes("hello")).error().code, "certificate.malformed");
    EXPECT_EQ(Certificate::from_pem("").error().code, "certificate.malformed");
    EXPECT_EQ(Certificate::from_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").error().code,
              "certificate.malformed");
    auto indefinite = good.der();  // BER length form: another fingerprint for the same certificate
    indefinite[1] = 0x83;
    indefinite.insert(indefinite.begin() + 2, 0);
    EXPECT_EQ(Certificate::from_der(indefinite).error().code, "certificate.malformed");
    auto flipped = good.der();
    for (std::size_t i = 0; i < flipped.size(); i += 3) {  // no octet may crash the reader
        flipped[i] = static_cast<std::uint8_t>(flipped[i] ^ 0x41);
        (void)Certificate::from_der(flipped);
        flipped[i] = good.der()[i];
    }
}

TEST(Certificate, PemHelpers) {
    const auto both =
        testing::text(shared("smp-vectors/pki/ap0001.pem")) + testing::text(shared("smp-vectors/pki/ca-ap.pem"));
    const auto all = Certificate::all_from_pem(both);
    ASSERT_TRUE(all);
    EXPECT_EQ(all->size(), 2U);
    EXPECT_EQ(Certificate::from_pem(both)->common_name(), "AP0001-SDK-LAB");
    const auto with_key =
        testing::text(shared("sdk-vectors/keys/snd.key")) + testing::text(shared("sdk-vectors/keys/snd.crt"));
    EXPECT_EQ(Certificate::from_pem(with_key)->common_name(), "Test sender");
}

TEST(Certificate, TlsNamesAndUrls) {
    const testing::Scratch scratch;
    scratch.must(
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=x -days 1 -addext "
        "'subjectAltName=DNS:a.example.se,IP:127.0.0.1,DNS:b.example.se' -addext "
        "'crlDistributionPoints=URI:http://h/1.crl,URI:ldap://h/2'");
    const auto one = certificate(scratch.file("c"));
    EXPECT_EQ(one.dns_names(), (std::vector<std::string>{"a.example.se", "b.example.se"}));
    EXPECT_EQ(one.crl_urls(), std::vector<std::string>{"http://h/1.crl"});
    EXPECT_TRUE(one.may_sign());  // no keyUsage: anything
    EXPECT_TRUE(one.is_self_issued());
}

TEST(CrlReader, ReadsPemAndDer) {
    const auto crl = Crl::parse(testing::octets(shared("smp-vectors/pki/apca.crl")));
    ASSERT_TRUE(crl);
    EXPECT_EQ(crl->this_update(), testing::at("2026-11-22T11:01:14Z"));
    EXPECT_EQ(crl->next_update(), testing::at("2026-11-29T11:01:14Z"));
    EXPECT_TRUE(crl->is_signed_by(certificate(shared("smp-vectors/pki/ca-ap.pem"))));
    EXPECT_FALSE(crl->is_signed_by(certificate(shared("smp-vectors/pki/rot-ap.pem"))));
    auto der = crl->der();
    EXPECT_TRUE(Crl::parse(der));
    der.push_back(0);
    EXPECT_EQ(Crl::parse(der).error().code, "crl.malformed");
    EXPECT_EQ(Crl::parse({}).error().code, "crl.malformed");
}

}  // namespace
}  // namespace budkavle::crypto
