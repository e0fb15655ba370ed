#include "ca/profile.hpp"

#include <gtest/gtest.h>

#include "ca/authority.hpp"
#include "crypto/test_support.hpp"

namespace budkavle::ca {
namespace {

using crypto::testing::Scratch;

/// The whole set in the sizes of the profile, made once.
class SwedishProfile : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        scratch = std::make_unique<Scratch>();
        AuthorityConfig config;
        config.folder = scratch->file("ca");
        config.passphrase = SecretBytes(as_bytes("en lång lösenfras"));
        config.owner = {.organisation = "Exempelmyndigheten för provning",
                        .organisational_unit = "eDelivery",
                        .organisation_identifier = "000000-0000"};
        config.base_urls = {"http://pki.example.se", "https://pki.example.se"};
        const auto authority = Authority::open(std::move(config), obs::null_log(), system_clock()).value();
        const auto keep = [&](const std::string& name, const Result<crypto::Certificate>& made) {
            ASSERT_TRUE(made) << name << " " << made.error().describe();
            scratch->put(name, made->pem());
        };
        keep("aprot", authority->create_root("t", {.id = "aprot",
                                                   .common_name = "Rot CA eDelivery Accesspunkt-LAB",
                                                   .purpose = CaPurpose::issuing_cas}));
        keep("apca", authority->create_ca(
                         "t", "aprot",
                         {.id = "apca", .common_name = "Accesspunkt CA-SDK-LAB", .purpose = CaPurpose::access_point}));
        keep("smprot", authority->create_root("t", {.id = "smprot",
                                                    .common_name = "Rot CA eDelivery SMP-LAB",
                                                    .purpose = CaPurpose::smp,
                                                    .rsa_bits = 3072}));
        keep("tlsca",
             authority->create_root(
                 "t", {.id = "tls", .common_name = "Function CA LAB", .purpose = CaPurpose::tls, .rsa_bits = 3072}));
        keep(
            "o2oca",
            authority->create_root(
                "t", {.id = "o2o", .common_name = "O2O CA LAB", .purpose = CaPurpose::organisation, .rsa_bits = 3072}));
        const auto rsa = [] { return crypto::generate_rsa(3072).value()->public_key(); };
        const std::string holder = "Exempelkommun";
        keep("ap", authority->issue("t", "apca",
                                    {.profile = Profile::access_point,
                                     .common_name = "AP0001-SDK-LAB",
                                     .organisation = holder,
                                     .organisational_unit = "Drift"},
                                    rsa()));
        keep("smp", authority->issue("t", "smprot",
                                     {.profile = Profile::smp_signing,
                                      .common_name = "SMP-SDK-LAB",
                                      .organisation = "Exempelmyndigheten för provning"},
                                     rsa()));
        keep("tls", authority->issue("t", "tls",
                                     {.profile = Profile::tls_function,
                                      .common_name = "ap.example.se",
                                      .organisation = holder,
                                      .dns_names = {"ap.example.se"},
                                      .ip_addresses = {"127.0.0.1"}},
                                     crypto::generate_ec_p256().value()->public_key()));
        keep("sign", authority->issue("t", "o2o",
                                      {.profile = Profile::organisation_sign,
                                       .common_name = "exempelkommun.example.se",
                                       .organisation = holder,
                                       .serial_number = "SE0000000000-0001"},
                                      rsa()));
        keep("enc", authority->issue("t", "o2o",
                                     {.profile = Profile::organisation_encrypt,
                                      .common_name = "exempelkommun.example.se",
                                      .organisation = holder},
                                     rsa()));
        keep("both", authority->issue("t", "o2o",
                                      {.profile = Profile::organisation_both,
                                       .common_name = "exempelkommun.example.se",
                                       .organisation = holder},
                                      rsa()));
    }
    static void TearDownTestSuite() { scratch.reset(); }
    static void expect(const std::string& name, const std::vector<std::string>& wanted,
                       const std::vector<std::string>& unwanted = {}) {
        const auto text =
            scratch->run("openssl x509 -noout -text -nameopt utf8,sep_comma_plus_space -in " + name).output;
        for (const auto& one : wanted)
            EXPECT_NE(text.find(one), std::string::npos) << name << ": " << one << "\n" << text;
        for (const auto& one : unwanted) EXPECT_EQ(text.find(one), std::string::npos) << name << ": " << one;
    }
    static inline std::unique_ptr<Scratch> scratch;
};

// `pki.md` 5.1
TEST_F(SwedishProfile, RootsAndIssuingCas) {
    const std::string owner =
        "C=SE, O=Exempelmyndigheten för provning, OU=eDelivery, organizationIdentifier=000000-0000, CN=";
    expect("aprot",
           {owner + "Rot CA eDelivery Accesspunkt-LAB", "Public-Key: (4096 bit)", "Basic Constraints: critical",
            "CA:TRUE", "Key Usage: critical", "Certificate Sign, CRL Sign",
            "CA Repository - URI:http://pki.example.se/", "sha256WithRSAEncryption"},
           {"pathlen", "Authority Key Identifier", "CRL Distribution"});
    expect("apca",
           {owner + "Accesspunkt CA-SDK-LAB", "Public-Key: (3072 bit)", "Authority Key Identifier", "X509v3 Any Policy",
            "URI:http://pki.example.se/crl/aprot.crl", "URI:https://pki.example.se/crl/aprot.crl"},
           {"pathlen"});
    expect("smprot", {owner + "Rot CA eDelivery SMP-LAB", "Public-Key: (3072 bit)"});
    scratch->must("openssl verify -x509_strict -CAfile aprot apca");
}

// `federation.md` 2.2
TEST_F(SwedishProfile, EndEntities) {
    expect("ap",
           {"Subject: C=SE, O=Exempelkommun, OU=Drift, CN=AP0001-SDK-LAB", "CA:FALSE",
            "Digital Signature, Key Encipherment", "URI:http://pki.example.se/crl/apca.crl"},
           {"Extended Key Usage", "Data Encipherment", "Alternative Name"});
    expect("smp", {"organizationIdentifier=000000-0000, CN=SMP-SDK-LAB", "Digital Signature\n"},
           {"Extended Key Usage"});
    expect("tls", {"CN=ap.example.se", "TLS Web Server Authentication, TLS Web Client Authentication",
                   "DNS:ap.example.se, IP Address:127.0.0.1"});
    expect("sign",
           {"serialNumber=SE0000000000-0001, CN=exempelkommun.example.se", "Digital Signature, Non Repudiation\n"});
    expect("enc", {"Key Encipherment, Data Encipherment\n"}, {"Digital Signature,"});
    expect("both", {"Digital Signature, Non Repudiation, Key Encipherment\n"});
    scratch->must(
        "openssl verify -x509_strict -CAfile aprot -untrusted apca ap && openssl verify -x509_strict -CAfile smprot "
        "smp && openssl verify -x509_strict -CAfile o2oca sign enc both && "
        "openssl verify -x509_strict -CAfile tlsca -purpose sslserver tls && openssl verify -x509_strict -CAfile tlsca "
        "-purpose sslclient tls && "
        "openssl verify -CAfile tlsca -verify_ip 127.0.0.1 tls && openssl verify -CAfile tlsca -verify_hostname "
        "ap.example.se tls");
}

TEST_F(SwedishProfile, TwoYearsAndNeverLongerThanTheIssuer) {
    const auto ap = crypto::testing::certificate(scratch->file("ap"));
    EXPECT_GE(ap.not_after() - ap.not_before(), std::chrono::days(730));
    EXPECT_LE(ap.not_after() - ap.not_before(), std::chrono::days(730) + std::chrono::minutes(5));
    const auto ca = crypto::testing::certificate(scratch->file("apca"));
    const Order order{.profile = Profile::access_point,
                      .common_name = "AP",
                      .organisation = "O",
                      .validity = std::chrono::days(36500)};
    const auto late = make_template(order, {}, {}, ca, ca.not_after() - std::chrono::days(1));
    ASSERT_TRUE(late);
    EXPECT_EQ(late->not_after, ca.not_after());
    const auto early = make_template(order, {}, {}, ca, ca.not_before());
    EXPECT_EQ(early->not_before, ca.not_before());
    EXPECT_EQ(make_template(order, {}, {}, ca, ca.not_after()).error().code, "ca.order");
}

}  // namespace
}  // namespace budkavle::ca
