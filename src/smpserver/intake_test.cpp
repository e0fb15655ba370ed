// What people hand in as a certificate, and the proof that it fits (`certpub.md` 4.3, FED-14).
#include "smpserver/intake.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "smpserver/publications.hpp"
#include "smpserver/test_support.hpp"

namespace budkavle::smpserver {
namespace {

using namespace testing;

crypto::Identity leaf_with(std::vector<crypto::NameAttribute> subject, const crypto::Identity& issuer,
                           std::vector<std::string> dns_names = {}) {
    const auto key = Lab::instance().signer.key;
    auto what = make_template(std::move(subject), kStart, kEnd);
    what.key_usage = {"digitalSignature"};
    what.dns_names = std::move(dns_names);
    return must(crypto::make_identity(key, {must(crypto::issue(what, key->public_key(), issuer))}));
}

class IntakeTest : public ::testing::Test {
protected:
    IntakeTest() { bench_.fill(); }
    std::string add(const crypto::Certificate& certificate, CertificateUse use = CertificateUse::signing) {
        return bench_.tell(bench_.federation, AddCertificate{bench_.id.text(), use, certificate.pem()});
    }
    Bench bench_;
};

TEST_F(IntakeTest, CertificatesAreForParticipantsOnly_FED14) {
    const auto& lab = bench_.lab;
    EXPECT_EQ(add(lab.ap.certificate()), "registry.certificate");
    EXPECT_EQ(add(lab.encrypter.certificate()), "registry.certificate") << "key usage";
    EXPECT_EQ(add(lab.o2o_root.certificate()), "registry.certificate") << "an issuer";
    EXPECT_EQ(add(lab.signer.certificate()), "registry.exists");
    EXPECT_EQ(bench_.tell(bench_.anna, AddApCertificate{"op1", "x", lab.signer.certificate().pem()}),
              "registry.certificate");
}

TEST_F(IntakeTest, IssuerOfTheFederation_Validity_Revocation) {
    const auto other_root = make_root("Annan rot");
    EXPECT_EQ(add(make_leaf("exempelkommun.example.se", other_root).certificate()), "registry.certificate");
    const auto old = make_leaf("exempelkommun.example.se", bench_.lab.o2o_root,
                               {.not_before = kStart, .not_after = kNow - std::chrono::hours(1)});
    EXPECT_EQ(add(old.certificate()), "registry.certificate");
    const auto early = make_leaf("exempelkommun.example.se", bench_.lab.o2o_root,
                                 {.not_before = kNow + std::chrono::hours(1), .not_after = kEnd});
    EXPECT_EQ(add(early.certificate()), "registry.certificate");

    const auto revoked = make_leaf("exempelkommun.example.se", bench_.lab.o2o_root).certificate();
    auto crls = std::make_shared<crypto::CrlStore>();
    crls->put(make_crl(bench_.lab.o2o_root, {revoked}));
    bench_.config.crls = crls;
    bench_.reopen();
    EXPECT_EQ(add(revoked), "registry.certificate");
    const auto good = make_leaf("exempelkommun.example.se", bench_.lab.o2o_root).certificate();
    EXPECT_EQ(add(good), "none");
    bench_.config.crls = std::make_shared<crypto::CrlStore>();
    bench_.reopen();
    const auto unknown = make_leaf("exempelkommun.example.se", bench_.lab.o2o_root).certificate();
    EXPECT_EQ(add(unknown), "registry.certificate") << "no list at hand: not proven";
}

TEST_F(IntakeTest, OverlapOfOldAndNew_FED15) {
    const auto second =
        make_leaf("exempelkommun.example.se", bench_.lab.o2o_root, {.key_usage = {"digitalSignature"}}).certificate();
    EXPECT_EQ(bench_.tell(bench_.federation, AddCertificate{.participant = bench_.id.text(),
                                                            .use = CertificateUse::signing,
                                                            .certificate = base64_encode(second.der()),
                                                            .activation = kNow + std::chrono::hours(24)}),
              "none");
    const auto record = must(bench_.registry->participant(bench_.anna, bench_.id.text()));
    EXPECT_EQ(record.certificates.size(), 3U);
    EXPECT_EQ(bench_.tell(bench_.federation, RemoveCertificate{bench_.id.text(), CertificateUse::signing,
                                                               bench_.lab.signer.certificate().sha256_hex()}),
              "none");
}

TEST_F(IntakeTest, SubjectNamesTheOrganisation) {
    const auto& root = bench_.lab.o2o_root;
    const auto fits = [](const crypto::Identity& identity, const Organisation& organisation) {
        return subject_fits(identity.certificate(), organisation);
    };
    const Organisation numbered{"0203:kommun.example.se", "Kommunen", "2021006883"};
    EXPECT_TRUE(fits(leaf_with({{"O", "kommunen"}, {"CN", "x"}}, root), numbered)) << "name without case";
    EXPECT_TRUE(fits(leaf_with({{"O", "A"}, {"CN", "x"}, {"serialNumber", "SE2021006883-0001"}}, root), numbered));
    EXPECT_TRUE(fits(leaf_with({{"O", "A"}, {"CN", "x"}, {"organizationIdentifier", "202100-6883"}}, root), numbered));
    EXPECT_TRUE(fits(leaf_with({{"O", "A"}, {"CN", "sdk.kommun.example.se"}}, root), numbered)) << "domain";
    EXPECT_TRUE(fits(leaf_with({{"O", "A"}, {"CN", "x"}}, root, {"KOMMUN.example.se"}), numbered));
    EXPECT_TRUE(fits(leaf_with({{"O", "A"}, {"CN", "x"}, {"serialNumber", "SE2021006883"}}, root),
                     {"0007:2021006883", "", ""}));
    for (const auto& wrong :
         std::vector<std::vector<crypto::NameAttribute>>{{{"O", "A"}, {"CN", "x"}},
                                                         {{"O", "A"}, {"CN", "x,serialNumber=SE2021006883"}},
                                                         {{"O", "A"}, {"CN", "x"}, {"serialNumber", "SE20210068830"}},
                                                         {{"O", "A"}, {"CN", "x"}, {"serialNumber", "SE2021006884"}},
                                                         {{"O", "A"}, {"CN", "xkommun.example.se"}},
                                                         {{"O", "A"}, {"CN", "kommun.example.se.evil.se"}},
                                                         {{"O", "Kommunen AB"}, {"CN", "x"}}}) {
        EXPECT_FALSE(fits(leaf_with(wrong, root), numbered)) << wrong.back().value;
    }
    EXPECT_EQ(add(leaf_with({{"O", "Annan"}, {"CN", "annan.example.se"}}, root).certificate()), "registry.certificate");
    EXPECT_EQ(bench_.tell(bench_.federation, SetOrganisation{bench_.id.text(), "Annan", ""}), "none");
    EXPECT_EQ(add(leaf_with({{"O", "Annan"}, {"CN", "annan.example.se"}}, root).certificate()), "none");
}

TEST_F(IntakeTest, FunctionalUnitsHaveTheirOwn) {
    auto change = bench_.certificate(bench_.id.text(), CertificateUse::encryption);
    change.unit = "socialjour";
    EXPECT_EQ(bench_.tell(bench_.federation, change), "none");
    const auto served = must(Snapshot::load(*bench_.database()));
    const auto* answer = served->find({smp::participant(bench_.id), smp::document(kMessage)});
    ASSERT_NE(answer, nullptr);
    EXPECT_NE(answer->octets.find(smp::kUnitExtension), std::string::npos);
    EXPECT_NE(answer->octets.find(">socialjour<"), std::string::npos);
    const auto verdict = smp::verify_metadata(as_bytes(answer->octets), bench_.lab.expectation());
    EXPECT_EQ(verdict.metadata->encryption.size(), 1U) << "clients that do not know units see the participant's alone";
}

TEST_F(IntakeTest, PrivateKeysAreRefusedWithAnAlarm) {
    const auto pem = must(bench_.lab.signer.key->to_pem(""));
    const auto both = bench_.lab.signer.certificate().pem() + pem;
    for (const Change& change : std::vector<Change>{AddCertificate{bench_.id.text(), CertificateUse::signing, both},
                                                    AddApCertificate{"op1", "x", both}}) {
        const auto alarms = bench_.log.technical_events().size();
        EXPECT_EQ(bench_.tell(bench_.system, change), "registry.private_key");
        EXPECT_EQ(bench_.log.technical_events().size(), alarms + 1);
        EXPECT_EQ(bench_.log.technical_events().back(), "alarm.private_key_disclosed");
        const auto audit = bench_.log.audit_events();
        EXPECT_NE(std::ranges::find(audit, "sa alarm.private_key_disclosed"), audit.end());
        EXPECT_EQ(code_of(bench_.registry->plan(bench_.system, change, kNow)), "registry.private_key");
        EXPECT_EQ(code_of(bench_.registry->preview(bench_.system, change)), "registry.private_key");
    }
    EXPECT_EQ(bench_.log.everything().find(pem.substr(60, 40)), std::string::npos) << "the body is not logged";
    EXPECT_EQ(must(bench_.registry->planned(bench_.system, {})).items.size(), 0U) << "nor stored";
}

// Keys as openssl writes them.
TEST(Intake, FindsKeysInEveryForm) {
    const auto folder = std::filesystem::temp_directory_path() / ("intake-" + new_uuid());
    std::filesystem::create_directories(folder);
    const auto run = [&](const std::string& command) {
        ASSERT_EQ(std::system(("cd " + folder.string() + " && openssl " + command + " 2>/dev/null").c_str()), 0)
            << command;
    };
    run("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -subj /CN=x -days 3");
    run("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out pkcs8.der");
    run("rsa -in key.pem -traditional -outform DER -out pkcs1.der");
    run("pkcs8 -topk8 -passout pass:x -in key.pem -outform DER -out encrypted.der");
    run("pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout pass:x -in key.pem -outform DER -out old.der");
    run("ecparam -name prime256v1 -genkey -noout -outform DER -out ec.der");
    run("pkcs12 -export -passout pass:x -in certificate.pem -inkey key.pem -out both.p12");
    run("x509 -in certificate.pem -outform DER -out certificate.der");
    for (const char* name : {"key.pem", "pkcs8.der", "pkcs1.der", "encrypted.der", "old.der", "ec.der", "both.p12"}) {
        const auto octets = read_text(folder / name);
        EXPECT_TRUE(holds_private_key(octets)) << name;
        if (std::string_view(name).ends_with(".pem")) continue;
        EXPECT_TRUE(holds_private_key(base64_encode(as_bytes(octets)))) << name;
        EXPECT_TRUE(holds_private_key("-----BEGIN CERTIFICATE-----\n" + base64_encode(as_bytes(octets)) +
                                      "\n-----END CERTIFICATE-----\n"))
            << name;
    }
    for (const char* name : {"certificate.pem", "certificate.der"})
        EXPECT_FALSE(holds_private_key(read_text(folder / name))) << name;
    EXPECT_TRUE(
        holds_private_key(read_text(shared_folder() / "smp-vectors" / "csr" / "alarm-contains-private-key.pem")));
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace budkavle::smpserver
