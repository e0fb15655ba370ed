#include "smpserver/registry.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "smpserver/intake.hpp"
#include "smpserver/publications.hpp"
#include "smpserver/test_support.hpp"

namespace budkavle::smpserver {
namespace {

using namespace testing;

class RegistryTest : public ::testing::Test {
protected:
    std::shared_ptr<const Snapshot> snapshot() { return must(Snapshot::load(*database_)); }
    const Publication* find(const std::string& document = kMessage) {
        held_ = snapshot();
        return held_->find(
            {smp::participant(bench_.id), document.empty() ? std::nullopt : std::optional(smp::document(document))});
    }
    std::string octets(const std::string& document = kMessage) {
        const auto* found = find(document);
        return found == nullptr ? std::string{} : found->octets;
    }
    smp::Verdict verdict(const std::string& document = kMessage) {
        auto expectation = bench_.lab.expectation();
        expectation.document = smp::document(document);
        return smp::verify_metadata(as_bytes(octets(document)), expectation);
    }
    Bench bench_;
    Registry& registry_ = *bench_.registry;
    std::unique_ptr<store::Database> database_ = must(store::Database::open(bench_.config.database, migrations()));
    std::shared_ptr<const Snapshot> held_;
};

TEST_F(RegistryTest, PublishesApprovedParticipantsWithServices) {
    Bench::ok(registry_.set_endpoint("anna", bench_.endpoint()));
    Bench::ok(registry_.add_participant("anna", bench_.id));
    Bench::ok(registry_.set_status("bo", bench_.id, Status::approved));
    EXPECT_EQ(find(""), nullptr) << "no service yet";
    Bench::ok(registry_.set_status("bo", bench_.id, Status::pending));
    Bench::ok(registry_.add_service("anna", bench_.id, kMessage, "ap1"));
    EXPECT_EQ(find(""), nullptr) << "not approved";
    Bench::ok(registry_.set_status("bo", bench_.id, Status::approved));
    ASSERT_NE(find(""), nullptr);
    EXPECT_EQ(smp::to_string(verdict().decision), "accept") << verdict().error->describe();
    EXPECT_EQ(snapshot()->participants(), std::vector{bench_.id});

    for (const auto status : {Status::pending, Status::rejected}) {
        Bench::ok(registry_.set_status("bo", bench_.id, status));
        EXPECT_EQ(find(""), nullptr) << "approval withdrawn";
        EXPECT_EQ(find(), nullptr);
        Bench::ok(registry_.set_status("bo", bench_.id, Status::approved));
    }
    Bench::ok(registry_.remove_service("anna", bench_.id, kMessage, "ap1"));
    EXPECT_EQ(find(""), nullptr) << "the last service is gone";
}

TEST_F(RegistryTest, BothCertificatesOnBothDocuments) {
    bench_.fill();
    for (const auto& document : {kMessage, kReceipt}) {
        const auto found = verdict(document);
        ASSERT_TRUE(found.metadata);
        EXPECT_EQ(found.metadata->signing.at(0).certificate, bench_.lab.signer.certificate());
        EXPECT_EQ(found.metadata->encryption.at(0).certificate, bench_.lab.encrypter.certificate());
        EXPECT_EQ(found.metadata->participant.value, "0203:Kommunen.example.se") << "registered spelling (TA24)";
    }
    EXPECT_NE(octets("").find("messagePayload%23%233.0"), std::string::npos) << "TA05: the group refers to both";
    EXPECT_NE(octets("").find("fdc%3Adigg.se%3Aedelivery%3Amessagetype%3Aresponse%3A1"), std::string::npos);
}

TEST_F(RegistryTest, SameContentKeepsItsOctets) {
    bench_.fill();
    const auto before = octets();
    const auto version = snapshot()->version();
    bench_.clock.at += std::chrono::hours(1);
    Bench::ok(registry_.publish_all("anna"));
    Bench::ok(registry_.set_endpoint("anna", bench_.endpoint()));
    EXPECT_EQ(octets(), before);
    EXPECT_EQ(snapshot()->version(), version);
}

TEST_F(RegistryTest, CertificateSwapReachesAllThatUseIt) {
    bench_.fill();
    const auto other = must(federation::ParticipantId::parse("0203:regionen.example.se"));
    Bench::ok(registry_.add_participant("anna", other));
    Bench::ok(registry_.add_service("anna", other, kMessage, "ap1"));
    Bench::ok(registry_.set_status("bo", other, Status::approved));
    auto endpoint = bench_.endpoint();
    const auto renewed = make_leaf("AP0001-SDK-LAB", bench_.lab.ap_ca);
    endpoint.certificate = renewed.certificate().pem();
    bench_.clock.at += seconds(5);
    Bench::ok(registry_.set_endpoint("anna", endpoint));
    const auto base64 = base64_encode(renewed.certificate().der());
    EXPECT_NE(octets(kMessage).find(base64), std::string::npos);
    EXPECT_NE(octets(kReceipt).find(base64), std::string::npos);
    EXPECT_NE(snapshot()->find({smp::participant(other), smp::document(kMessage)})->octets.find(base64),
              std::string::npos);
    EXPECT_EQ(find()->modified, kNow + seconds(5));
}

TEST_F(RegistryTest, IdentifierIsImmutableAndUniqueWithoutCase) {
    bench_.fill();
    EXPECT_EQ(
        code_of(registry_.add_participant("anna", must(federation::ParticipantId::parse("0203:KOMMUNEN.example.se")))),
        "registry.exists");
    Bench::ok(registry_.remove_participant("anna", bench_.id));
    EXPECT_EQ(find(""), nullptr);
    Bench::ok(registry_.add_participant("anna", must(federation::ParticipantId::parse("0203:kommunen.example.se"))));
}

TEST_F(RegistryTest, OnlyWhatTheFederationHas) {
    bench_.fill();
    EXPECT_EQ(code_of(registry_.add_service("anna", bench_.id, "urn:other", "ap1")), "registry.document");
    EXPECT_EQ(code_of(registry_.add_service(
                  "anna", bench_.id, "urn:riv:infrastructure:messaging:messagewithattachments:2::message::2.0", "ap1")),
              "registry.document")
        << "the old spelling of one example";
    EXPECT_EQ(code_of(registry_.add_service("anna", bench_.id, kMessage, "nothing")), "registry.unknown");
    EXPECT_EQ(code_of(registry_.set_status("anna", must(federation::ParticipantId::parse("0203:x.example.se")),
                                           Status::approved)),
              "registry.unknown");
    auto endpoint = bench_.endpoint("ap2");
    EXPECT_EQ(code_of(registry_.set_endpoint("anna", endpoint)), "none");
    EXPECT_EQ(code_of(registry_.add_service("anna", bench_.id, kMessage, "ap2")), "registry.exists")
        << "TA08: same transport profile";
    endpoint.profile = "other";
    EXPECT_EQ(code_of(registry_.set_endpoint("anna", endpoint)), "registry.profile");
    endpoint = bench_.endpoint("ap2");
    endpoint.uri = "http://ap.example.se/";
    EXPECT_EQ(code_of(registry_.set_endpoint("anna", endpoint)), "registry.endpoint");
    endpoint = bench_.endpoint("ap2");
    endpoint.certificate = make_leaf("AP0001-SDK-LAB", bench_.lab.ap_root).certificate().pem();
    EXPECT_EQ(code_of(registry_.set_endpoint("anna", endpoint)), "registry.certificate") << "AP-14";
    EXPECT_EQ(code_of(registry_.remove_endpoint("anna", "ap1")), "registry.in_use");
    EXPECT_EQ(code_of(registry_.remove_endpoint("anna", "ap2")), "none");
}

TEST_F(RegistryTest, CertificatesAreForParticipantsOnly_FED14) {
    bench_.fill();
    EXPECT_EQ(code_of(registry_.add_certificate("anna", bench_.id, CertificateUse::signing,
                                                bench_.lab.ap.certificate().pem())),
              "registry.certificate");
    EXPECT_EQ(code_of(registry_.add_certificate("anna", bench_.id, CertificateUse::signing,
                                                bench_.lab.encrypter.certificate().pem())),
              "registry.certificate")
        << "key usage";
    EXPECT_EQ(code_of(registry_.add_certificate("anna", bench_.id, CertificateUse::signing,
                                                bench_.lab.o2o_root.certificate().pem())),
              "registry.certificate")
        << "an issuer";
    EXPECT_EQ(code_of(registry_.add_certificate("anna", bench_.id, CertificateUse::signing,
                                                bench_.lab.signer.certificate().pem())),
              "registry.exists");
    const auto second =
        make_leaf("exempelkommun.example.se", bench_.lab.o2o_root, {.key_usage = {"digitalSignature"}}).certificate();
    EXPECT_EQ(
        code_of(registry_.add_certificate("anna", bench_.id, CertificateUse::signing, base64_encode(second.der()))),
        "none");
    EXPECT_EQ(verdict().metadata->signing.size(), 2U) << "overlap (FED-15)";
    EXPECT_EQ(code_of(registry_.remove_certificate("anna", bench_.id, CertificateUse::signing, second.sha256_hex())),
              "none");
    EXPECT_EQ(verdict().metadata->signing.size(), 1U);
}

TEST_F(RegistryTest, PrivateKeysAreRefusedWithAnAlarm) {
    bench_.fill();
    const auto pem = must(bench_.lab.signer.key->to_pem(""));
    EXPECT_EQ(code_of(registry_.add_certificate("anna", bench_.id, CertificateUse::signing,
                                                bench_.lab.signer.certificate().pem() + pem)),
              "registry.private_key");
    EXPECT_EQ(bench_.log.technical_events(), std::vector<std::string>{"alarm.private_key_disclosed"});
    EXPECT_EQ(bench_.log.audit_events().back(), "anna alarm.private_key_disclosed");
    EXPECT_EQ(bench_.log.everything().find(pem.substr(60, 40)), std::string::npos) << "the body is not logged";
}

TEST_F(RegistryTest, ChangesAreAudited_FED05) {
    bench_.fill();
    EXPECT_EQ(bench_.log.audit_events(),
              (std::vector<std::string>{"anna endpoint.set", "anna participant.added", "anna service.added",
                                        "anna service.added", "anna certificate.added", "anna certificate.added",
                                        "bo participant.status"}));
    const auto all = must(registry_.participants());
    ASSERT_EQ(all.size(), 1U);
    EXPECT_TRUE(all[0].published);
    EXPECT_EQ(all[0].services.size(), 2U);
    EXPECT_EQ(all[0].certificates.size(), 2U);
}

TEST_F(RegistryTest, NewSignerSignsEverythingAnew) {
    bench_.fill();
    const auto before = octets();
    (void)bench_.write(
        "smp.pem", make_leaf("SMP 2", bench_.lab.smp_root, {.key_usage = {"digitalSignature"}}).certificate().pem());
    const auto renewed = must(Registry::open(bench_.config, bench_.log, bench_.clock));
    Bench::ok(renewed->publish_all("anna"));
    EXPECT_NE(octets(), before);
    EXPECT_EQ(smp::to_string(verdict().decision), "accept");
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
