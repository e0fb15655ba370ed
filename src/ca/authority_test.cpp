#include "ca/authority.hpp"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "crypto/test_support.hpp"
#include "crypto/trust.hpp"

namespace budkavle::ca {
namespace {

using crypto::testing::octets;
using crypto::testing::Scratch;
using crypto::testing::shared;
using crypto::testing::text;
using std::chrono::days;
using std::chrono::hours;

class HandClock final : public Clock {
public:
    [[nodiscard]] Time now() const override { return at; }
    Time at = std::chrono::floor<seconds>(system_clock().now());
};

constexpr std::string_view kPassphrase = "en lång lösenfras";

AuthorityConfig config_in(const std::filesystem::path& folder, std::string_view passphrase = kPassphrase) {
    AuthorityConfig out;
    out.folder = folder;
    out.passphrase = SecretBytes(as_bytes(passphrase));
    out.owner = {.organisation = "Exempelmyndigheten för provning",
                 .organisational_unit = "eDelivery",
                 .organisation_identifier = "000000-0000"};
    out.base_urls = {"http://pki.example.se"};
    return out;
}

CaOrder small(std::string id, std::string name, CaPurpose purpose) {
    return {.id = std::move(id), .common_name = std::move(name), .purpose = purpose, .rsa_bits = 2048};
}

Order ap(std::string name, std::string organisation = "Exempelkommun") {
    return {.profile = Profile::access_point, .common_name = std::move(name), .organisation = std::move(organisation)};
}

std::string code(const auto& result) {
    return result ? std::string() : result.error().code;
}

/// Key generation is slow: each key is made when a test first asks for it.
crypto::PublicKey key(std::size_t number) {
    static std::mutex mutex;
    static std::map<std::size_t, crypto::PublicKey> made;
    const std::lock_guard lock(mutex);
    const auto known = made.find(number);
    if (known != made.end()) return known->second;
    return made.emplace(number, crypto::generate_rsa(3072).value()->public_key()).first->second;
}

/// One root with an access point CA below it.
class AuthorityTest : public ::testing::Test {
protected:
    void SetUp() override {
        open();
        ASSERT_TRUE(authority->create_root("anna", small("aprot", "Rot CA", CaPurpose::issuing_cas)));
        ASSERT_TRUE(
            authority->create_ca("anna", "aprot", small("ap", "Accesspunkt CA-SDK-LAB", CaPurpose::access_point)));
    }
    void open() {
        log = obs::Log::open(scratch.file("log"), "ca", clock).value();
        authority = Authority::open(config_in(scratch.file("ca")), *log, clock).value();
    }
    crypto::Crl list(const std::string& id) const {
        return crypto::Crl::parse(octets(authority->publish_folder() / (id + ".crl"))).value();
    }
    std::string shown(const std::string& id) const {
        return scratch.run("openssl crl -inform DER -noout -text -in ca/publish/" + id + ".crl").output;
    }
    std::string verify(const crypto::Certificate& certificate, const std::string& options = "") const {
        scratch.put("leaf.pem", certificate.pem());
        const auto chain = authority->chain_of("ap").value();
        scratch.put("ap.pem", chain.at(0).pem());
        scratch.put("root.pem", chain.at(1).pem());
        return scratch
            .run(
                "for c in ap aprot; do openssl crl -inform DER -in ca/publish/$c.crl; done > crls; openssl verify "
                "-x509_strict " +
                options + " -attime " +
                std::to_string(std::chrono::floor<seconds>(clock.at).time_since_epoch().count()) +
                " -crl_check_all -CRLfile crls -CAfile root.pem -untrusted ap.pem leaf.pem")
            .output;
    }

    Scratch scratch;
    HandClock clock;
    std::unique_ptr<obs::Log> log;
    std::unique_ptr<Authority> authority;
};

TEST_F(AuthorityTest, OpensslAndOurTrustAcceptAndThenSeeTheRevocation) {
    const auto one = authority->issue("anna", "ap", ap("AP0001-SDK-LAB"), key(0));
    const auto two = authority->issue("anna", "ap", ap("AP0002-SDK-LAB", "Exempelregion"), key(1));
    ASSERT_TRUE(one) << one.error().describe();
    ASSERT_TRUE(two);
    EXPECT_NE(verify(*one).find("leaf.pem: OK"), std::string::npos) << verify(*one);
    EXPECT_NE(shown("ap").find("No Revoked Certificates"), std::string::npos);
    clock.at += seconds(2);
    ASSERT_TRUE(authority->revoke("anna", "ap", two->serial_decimal(), "keyCompromise",
                                  "Nyckeln låg på en bärbar dator som stals."));
    EXPECT_NE(verify(*two).find("certificate revoked"), std::string::npos);
    EXPECT_NE(verify(*one).find("leaf.pem: OK"), std::string::npos);
    EXPECT_NE(shown("ap").find("Key Compromise"), std::string::npos);
    crypto::CrlStore crls;
    crls.put(list("ap"));
    const crypto::TrustStore store(crypto::Purpose::as4, {authority->chain_of("ap").value().front()});
    const crypto::TrustPolicy policy{.at = clock.at, .anchor_must_issue = true};
    EXPECT_EQ(code(store.check(*one, {}, crls, policy)), "");
    EXPECT_EQ(code(store.check(*two, {}, crls, policy)), "trust.revoked");
    const auto all = authority->list("ap").value();
    ASSERT_EQ(all.size(), 2U);
    const auto& revoked = all[0].revocation ? all[0] : all[1];
    EXPECT_EQ(revoked.common_name, "AP0002-SDK-LAB");
    EXPECT_EQ(revoked.revocation->reason, "keyCompromise");
    EXPECT_EQ(revoked.profile, "access-point");
}

// `pki.md` 5.3: v2, number, AKI, 7 days, no IssuingDistributionPoint; renewed at 24 h, kept 30 days beyond expiry.
TEST_F(AuthorityTest, ListsFollowTheirCalendar) {
    EXPECT_EQ(list("ap").next_update(), clock.at + days(7));
    EXPECT_EQ(list("aprot").next_update(), clock.at + days(180));
    const auto first = shown("ap");
    EXPECT_NE(first.find("Version 2"), std::string::npos);
    EXPECT_NE(first.find("CRL Number: \n                1"), std::string::npos) << first;
    EXPECT_NE(first.find("Authority Key Identifier"), std::string::npos);
    EXPECT_EQ(first.find("Issuing Distribution Point"), std::string::npos);
    const auto one = authority->issue("anna", "ap", ap("AP0001-SDK-LAB"), key(0)).value();
    ASSERT_TRUE(authority->revoke("anna", "ap", one.serial_decimal(), "superseded", "Förnyad i god tid."));
    clock.at += hours(23);
    EXPECT_EQ(authority->publish_due("timer").value(), 0U);
    clock.at += hours(1);
    EXPECT_EQ(authority->publish_due("timer").value(), 1U);
    EXPECT_NE(shown("ap").find("CRL Number: \n                3"), std::string::npos);
    EXPECT_NE(shown("ap").find("Superseded"), std::string::npos);
    clock.at = one.not_after() + days(29);
    EXPECT_EQ(authority->publish_due("timer").value(), 2U);
    EXPECT_NE(shown("ap").find("Superseded"), std::string::npos);
    clock.at += days(2);
    EXPECT_EQ(authority->publish_due("timer").value(), 1U);
    EXPECT_NE(shown("ap").find("No Revoked Certificates"), std::string::npos);
    clock.at += days(365 * 30);
    EXPECT_EQ(authority->publish_due("timer").value(), 0U);  // the CAs are of the past
}

TEST_F(AuthorityTest, RefusalsHaveTheirOwnCodes) {
    const auto one = authority->issue("anna", "ap", ap("AP0001-SDK-LAB"), key(0)).value();
    EXPECT_EQ(code(authority->issue("anna", "ap", ap("AP0009-SDK-LAB"), key(0))), "ca.key_reused");
    EXPECT_EQ(code(authority->issue("anna", "ap", ap("AP0001-SDK-LAB", "Exempelregion"), key(1))), "ca.name_taken");
    EXPECT_EQ(code(authority->issue("anna", "ap", ap(""), key(1))), "ca.order");
    EXPECT_EQ(code(authority->issue("anna", "ap", ap("AP1", ""), key(1))), "ca.order");
    EXPECT_EQ(code(authority->issue("anna", "nobody", ap("AP1"), key(1))), "ca.unknown");
    EXPECT_EQ(code(authority->issue("anna", "aprot", ap("AP1"), key(1))), "ca.purpose");
    EXPECT_EQ(code(authority->issue(
                  "anna", "ap", {.profile = Profile::smp_signing, .common_name = "SMP", .organisation = "X"}, key(1))),
              "ca.purpose");
    auto named = ap("AP0001-SDK-LAB");
    named.dns_names = {"ap.example.se"};
    EXPECT_EQ(code(authority->issue("anna", "ap", named, key(1))), "ca.order");
    EXPECT_EQ(code(authority->issue("anna", "ap", ap("AP1"), crypto::generate_rsa(2048).value()->public_key())),
              "ca.key");
    EXPECT_EQ(code(authority->issue("anna", "ap", ap("AP1"), crypto::generate_ec_p256().value()->public_key())),
              "ca.key");
    EXPECT_EQ(code(authority->revoke("anna", "ap", one.serial_decimal(), "because", "x")), "ca.order");
    EXPECT_EQ(code(authority->revoke("anna", "ap", one.serial_decimal(), "superseded", " ")), "ca.order");
    EXPECT_EQ(code(authority->revoke("anna", "ap", "1", "superseded", "x")), "ca.not_issued");
    EXPECT_EQ(code(authority->revoke("anna", "aprot", one.serial_decimal(), "superseded", "x")), "ca.not_issued");
    EXPECT_EQ(code(authority->revoke("anna", "ap", one.serial_decimal(), "superseded", "x")), "");
    EXPECT_EQ(code(authority->revoke("anna", "ap", one.serial_decimal(), "superseded", "x")), "ca.already_revoked");
    EXPECT_EQ(code(authority->create_root("anna", small("ap", "Other", CaPurpose::smp))), "ca.exists");
    EXPECT_EQ(code(authority->create_root("anna", small("x", "Rot CA", CaPurpose::smp))), "ca.exists");
    EXPECT_EQ(code(authority->create_root("anna", small("../x", "Other", CaPurpose::smp))), "ca.order");
    EXPECT_EQ(code(authority->create_ca("anna", "ap", small("x", "Other", CaPurpose::access_point))), "ca.purpose");
    EXPECT_EQ(code(authority->create_ca("anna", "", small("x", "Other", CaPurpose::access_point))), "ca.unknown");
    EXPECT_EQ(code(authority->create_ca("anna", "none", small("x", "Other", CaPurpose::access_point))), "ca.unknown");
}

// `pki.md` 5.2: only the key is taken from the request.
TEST_F(AuthorityTest, RequestsGiveTheirKeyOnly) {
    const auto csr = [](const std::string& name) { return octets(shared("smp-vectors/csr/" + name)); };
    const auto made = authority->issue_for_request("anna", "ap", ap("AP0001-SDK-LAB"), csr("ignore-requested-san.csr"));
    ASSERT_TRUE(made) << made.error().describe();
    EXPECT_EQ(made->subject(), "CN=AP0001-SDK-LAB,O=Exempelkommun,C=SE");
    EXPECT_TRUE(made->dns_names().empty());
    EXPECT_EQ(code(authority->issue_for_request("anna", "ap", ap("AP0002-SDK-LAB"), csr("bad-rsa2048.csr"))),
              "ca.request");
    EXPECT_EQ(
        code(authority->issue_for_request("anna", "ap", ap("AP0002-SDK-LAB"), csr("alarm-contains-private-key.pem"))),
        "ca.request");
    EXPECT_NE(text(scratch.file("log") / "audit.jsonl").find("ca.private_key_received"), std::string::npos);
}

TEST_F(AuthorityTest, SubCaIsRevokedInTheListOfItsRoot) {
    const auto sub = authority->chain_of("ap").value().front();
    ASSERT_TRUE(authority->revoke("anna", "aprot", sub.serial_decimal(), "cACompromise", "Övning."));
    EXPECT_NE(shown("aprot").find("CA Compromise"), std::string::npos);
}

TEST_F(AuthorityTest, EverythingOutlivesTheProcess) {
    const auto one = authority->issue("anna", "ap", ap("AP0001-SDK-LAB"), key(0)).value();
    authority.reset();
    log.reset();
    EXPECT_EQ(code(Authority::open(config_in(scratch.file("ca"), "en annan lösenfras"), obs::null_log(), clock)),
              "key.passphrase");
    EXPECT_EQ(code(Authority::open(config_in(scratch.file("ca"), "kort"), obs::null_log(), clock)), "ca.passphrase");
    open();
    EXPECT_EQ(authority->list("ap").value().front().certificate, one);
    EXPECT_EQ(authority->cas().value().size(), 2U);
    EXPECT_EQ(code(authority->revoke("bo", "ap", one.serial_decimal(), "cessationOfOperation", "Avtalet upphörde.")),
              "");
    const auto pem = text(scratch.file("ca") / "keys" / "ap.pem");
    EXPECT_TRUE(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    EXPECT_EQ(scratch.run("stat -c %a ca/keys/ap.pem ca/keys").output, "600\n700\n");
    scratch.must("openssl pkey -in ca/keys/ap.pem -passin 'pass:" + std::string(kPassphrase) + "' -noout");
}

// A revocation whose list was not published (crash, full disk) is made up for.
TEST_F(AuthorityTest, MissedListIsPublishedLater) {
    const auto one = authority->issue("anna", "ap", ap("AP0001-SDK-LAB"), key(0)).value();
    scratch.must("mv ca/publish ca/away");
    const auto revoked = authority->revoke("anna", "ap", one.serial_decimal(), "superseded", "x");
    ASSERT_FALSE(revoked);
    EXPECT_EQ(revoked.error().retry, Retry::later);
    scratch.must("mv ca/away ca/publish");
    EXPECT_EQ(authority->publish_due("timer").value(), 1U);
    EXPECT_NE(shown("ap").find("Superseded"), std::string::npos);
}

TEST_F(AuthorityTest, KeyFileOfALostRegisterIsKept) {
    scratch.put("ca/keys/smp.pem", "precious");
    ASSERT_TRUE(authority->create_root("anna", small("smp", "Rot CA SMP", CaPurpose::smp)));
    scratch.must("grep -q precious ca/keys/smp.pem.unused-*");
}

TEST_F(AuthorityTest, SeveralWritersNeverShareANumber) {
    const auto other = Authority::open(config_in(scratch.file("ca")), *log, clock).value();
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            auto& mine = i % 2 == 0 ? *authority : *other;
            const auto one = mine.issue("anna", "ap", ap("AP000" + std::to_string(i) + "-SDK-LAB"), key(i));
            ASSERT_TRUE(one);
            EXPECT_TRUE(mine.revoke("anna", "ap", one->serial_decimal(), "superseded", "x"));
        });
    }
    for (auto& thread : threads) thread.join();
    std::set<std::string> serials;
    for (const auto& record : authority->list("ap").value()) serials.insert(record.certificate.serial_decimal());
    EXPECT_EQ(serials.size(), 4U);
    EXPECT_EQ(authority->cas().value().front().crl_number, 5U);
    EXPECT_NE(shown("ap").find("CRL Number: \n                5"), std::string::npos);
    EXPECT_EQ(
        scratch.run("openssl crl -inform DER -noout -text -in ca/publish/ap.crl | grep -c 'Serial Number'").output,
        "4\n");
}

TEST_F(AuthorityTest, EveryActIsAudited) {
    const auto one = authority->issue("anna", "ap", ap("AP0001-SDK-LAB"), key(0)).value();
    ASSERT_TRUE(authority->revoke("bo", "ap", one.serial_decimal(), "superseded", "hemlig orsak"));
    (void)authority->issue("cecilia", "ap", ap("AP0002-SDK-LAB"), key(0));
    const auto file = scratch.file("log") / "audit.jsonl";
    EXPECT_TRUE(obs::verify_audit(file));
    const auto audit = text(file);
    for (const auto* expected : {"ca.created", "ca.crl_issued", "ca.issued", "ca.revoked", "ca.refused",
                                 "ca.key_reused", "anna", "bo", "cecilia"}) {
        EXPECT_NE(audit.find(expected), std::string::npos) << expected;
    }
    EXPECT_EQ(audit.find("hemlig"), std::string::npos);
    EXPECT_NE(audit.find(one.serial_decimal()), std::string::npos);
}

}  // namespace
}  // namespace budkavle::ca
