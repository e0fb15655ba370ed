#include "ca/requests.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "crypto/test_support.hpp"
#include "crypto/trust.hpp"
#include "store/test_cluster.hpp"

namespace budkavle::ca {
namespace {

using crypto::testing::octets;
using crypto::testing::Scratch;
using crypto::testing::shared;
using crypto::testing::text;
using std::chrono::days;

class HandClock final : public Clock {
public:
    [[nodiscard]] Time now() const override { return at; }
    Time at = std::chrono::floor<seconds>(system_clock().now());
};

std::string code(const auto& result) {
    return result ? std::string() : result.error().code;
}

crypto::KeyHandle key(int number) {
    static std::map<int, crypto::KeyHandle> made;
    auto& one = made[number];
    if (!one) one = crypto::generate_rsa(2048).value();
    return one;
}

std::string csr(int number) {
    return crypto::make_request(key(number), {{"C", "SE"}, {"O", "Claimed"}, {"CN", "claimed"}}).value();
}

Order ap(std::string name, std::string organisation = "Exempelkommun") {
    return {.profile = Profile::access_point, .common_name = std::move(name), .organisation = std::move(organisation)};
}

/// The desk on both engines, with keys short enough for tests.
class RequestsTest : public store::test::OnEngine {
protected:
    void SetUp() override {
        OnEngine::SetUp();
        if (HasFatalFailure()) return;
        log = obs::Log::open(scratch.file("log"), "ca", clock).value();
        open(2048);
        ASSERT_TRUE(authority->create_root(
            "anna", {.id = "aprot", .common_name = "Rot CA", .purpose = CaPurpose::issuing_cas, .rsa_bits = 2048}));
        ASSERT_TRUE(authority->create_ca("anna", "aprot",
                                         {.id = "ap",
                                          .common_name = "Accesspunkt CA-SDK-LAB",
                                          .purpose = CaPurpose::access_point,
                                          .rsa_bits = 2048}));
    }
    void TearDown() override {
        authority.reset();
        OnEngine::TearDown();
    }
    void open(unsigned bits) {
        AuthorityConfig config;
        config.folder = scratch.file("ca");
        config.register_at = location_;
        config.passphrase = SecretBytes(as_bytes("en lång lösenfras"));
        config.owner = {.organisation = "Exempelmyndigheten"};
        config.base_urls = {"http://pki.example.se"};
        config.key_policy.min_rsa_bits = bits;
        authority = Authority::open(std::move(config), *log, clock).value();
        desk = std::make_unique<Requests>(*authority);
    }
    PkiRequest submitted(int number, const std::string& name = "AP0001-SDK-LAB") {
        return desk->submit("anna", "ap", ap(name), as_bytes(csr(number))).value();
    }
    crypto::Certificate issued(int number, const std::string& name = "AP0001-SDK-LAB") {
        const auto request = submitted(number, name);
        EXPECT_EQ(code(desk->verify("anna", request.id, request.key_sha256, "Ringt registrerat nummer.")), "");
        EXPECT_EQ(code(desk->approve("bo", request.id, "Avtal finns.")), "");
        return desk->issue("bo", request.id).value();
    }
    std::string audit() const { return text(scratch.file("log") / "audit.jsonl"); }

    HandClock clock;
    Scratch scratch;
    std::unique_ptr<obs::Log> log;
    std::unique_ptr<Authority> authority;
    std::unique_ptr<Requests> desk;
};
BUDKAVLE_ON_BOTH_ENGINES(RequestsTest);

// pki.md 5.2: four eyes; the key alone is taken; every step says who.
TEST_P(RequestsTest, RequestIsVerifiedApprovedByAnotherPersonAndIssued) {
    const auto request = submitted(0);
    EXPECT_EQ(request.state, RequestState::received);
    EXPECT_EQ(request.verdict.organisation, "Claimed");
    EXPECT_EQ(code(desk->approve("bo", request.id, "x")), "ca.state");
    EXPECT_EQ(code(desk->issue("bo", request.id)), "ca.state");
    EXPECT_EQ(code(desk->verify("anna", request.id, std::string(64, '0'), "Ringt.")), "ca.fingerprint");
    EXPECT_EQ(code(desk->verify("anna", request.id, request.key_sha256, " ")), "ca.order");
    EXPECT_EQ(code(desk->verify("", request.id, request.key_sha256, "Ringt.")), "ca.who");
    auto spelled = request.key_sha256;
    for (auto& c : spelled) c = static_cast<char>(std::toupper(c));
    spelled.insert(2, ":");
    spelled.insert(5, " ");
    ASSERT_EQ(code(desk->verify("anna", request.id, spelled, "Ringt.")), "");
    EXPECT_EQ(code(desk->approve("anna", request.id, "x")), "ca.same_person");
    EXPECT_EQ(code(desk->approve("Anna", request.id, "x")), "ca.same_person");
    ASSERT_EQ(code(desk->approve("bo", request.id, "Avtal finns.")), "");
    EXPECT_EQ(code(desk->approve("cecilia", request.id, "x")), "ca.state");
    const auto made = desk->issue("bo", request.id);
    ASSERT_TRUE(made) << made.error().describe();
    EXPECT_EQ(made->subject(), "CN=AP0001-SDK-LAB,O=Exempelkommun,C=SE");
    EXPECT_EQ(made->public_key(), key(0)->public_key());
    EXPECT_EQ(desk->issue("bo", request.id).value(), *made);  // again: the same one
    EXPECT_EQ(authority->list("ap").value().size(), 1U);
    const auto kept = desk->get(request.id).value();
    EXPECT_EQ(kept.state, RequestState::issued);
    EXPECT_EQ(kept.issued_serial, made->serial_decimal());
    EXPECT_EQ(kept.verified->who, "anna");
    EXPECT_EQ(kept.approved->note, "Avtal finns.");
    EXPECT_EQ(desk->approved_for(request.key_sha256).value()->id, request.id);
    const auto chain = crypto::Certificate::all_from_pem(authority->chain_pem("ap", made->serial_decimal()).value());
    ASSERT_EQ(chain.value().size(), 3U);
    EXPECT_EQ(chain->front(), *made);
    const auto told = audit();
    for (const auto* expected :
         {R"("old":"received","new":"verified")", R"("old":"verified","new":"approved")", "ca.same_person",
          R"("old":"approved","new":"issued")", "ca.issued"})
        EXPECT_NE(told.find(expected), std::string::npos) << expected;
    EXPECT_EQ(told.find("Avtal"), std::string::npos);  // free text stays in the register
    EXPECT_TRUE(obs::verify_audit(scratch.file("log") / "audit.jsonl"));
}

// pki.md 5.2: a key is certified once, and a key that left its holder never.
TEST_P(RequestsTest, KeySeenBeforeIsRefused) {
    const auto first = submitted(0);
    const auto twice = submitted(0, "AP0002-SDK-LAB");
    EXPECT_EQ(twice.state, RequestState::rejected);
    EXPECT_FALSE(twice.verdict.issuable());
    ASSERT_TRUE(desk->reject("anna", first.id, "Fel part."));
    EXPECT_EQ(code(desk->reject("anna", first.id, "Igen.")), "ca.state");
    const auto made = issued(0);
    EXPECT_EQ(submitted(0).verdict.reasons.front().text, "A certificate for this key has been issued before.");
    ASSERT_TRUE(authority->block_key("anna", fingerprint(key(1)->public_key()), "Sedd i QA."));
    const auto blocked = submitted(1);
    EXPECT_EQ(blocked.state, RequestState::rejected);
    EXPECT_EQ(blocked.verdict.reasons.front().text, "This key is blocked.");
    EXPECT_EQ(code(authority->issue("anna", "ap", ap("AP0009-SDK-LAB"), key(1)->public_key())), "ca.key_blocked");
    EXPECT_EQ(code(authority->block_key("anna", "00", "x")), "ca.order");
    EXPECT_EQ(code(authority->revoke("anna", "ap", made.serial_decimal(), "keyCompromise", "Stulen.")), "");
    EXPECT_EQ(authority->blocked_keys({}).value().size(), 2U);
}

TEST_P(RequestsTest, PastedPrivateKeyIsNeverKeptAndItsKeyIsBlocked) {
    const auto pem = key(2)->to_pem("").value();
    const auto request = desk->submit("anna", "ap", ap("AP0001-SDK-LAB"), as_bytes(pem + csr(2))).value();
    EXPECT_EQ(request.state, RequestState::rejected);
    EXPECT_TRUE(request.verdict.alarm);
    EXPECT_TRUE(desk->get(request.id).value().octets.empty());
    EXPECT_NE(audit().find("ca.private_key_received"), std::string::npos);
    EXPECT_EQ(submitted(2).state, RequestState::rejected);
    EXPECT_EQ(audit().find("PRIVATE"), std::string::npos);
}

// pki.md 5.5: two certificates of one name at once; the old one is revoked after the overlap, or ends.
TEST_P(RequestsTest, RenewalKeepsTheNamesAndOverlaps) {
    auto order = ap("AP0001-SDK-LAB");
    order.organisational_unit = "Region Öst";
    const auto first = desk->submit("anna", "ap", order, as_bytes(csr(0))).value();
    ASSERT_TRUE(desk->verify("anna", first.id, first.key_sha256, "Ringt."));
    ASSERT_TRUE(desk->approve("bo", first.id, "Ja."));
    const auto old = desk->issue("bo", first.id).value();
    const auto request = desk->submit_renewal("anna", "ap", old.serial_decimal(), as_bytes(csr(1))).value();
    EXPECT_EQ(request.kind, RequestKind::renew);
    ASSERT_TRUE(desk->verify("anna", request.id, request.key_sha256, "Ringt."));
    ASSERT_TRUE(desk->approve("bo", request.id, "Ja."));
    const auto fresh = desk->issue("bo", request.id).value();
    EXPECT_EQ(fresh.subject(), old.subject());
    EXPECT_NE(fresh.subject().find("OU=Region Öst"), std::string::npos);
    const auto both = authority->certificates({.common_name = "AP0001-SDK-LAB", .state = CertificateState::valid}, {});
    EXPECT_EQ(both.value().total, 2U);
    ASSERT_TRUE(authority->revoke("anna", "ap", old.serial_decimal(), "superseded", "Bytt."));
    EXPECT_EQ(code(desk->submit_renewal("anna", "ap", old.serial_decimal(), as_bytes(csr(3)))), "ca.not_valid");
    clock.at += days(800);
    EXPECT_EQ(code(desk->submit_renewal("anna", "ap", fresh.serial_decimal(), as_bytes(csr(3)))), "ca.not_valid");
}

TEST_P(RequestsTest, RevocationNeedsReasonCauseAndTwoPersons) {
    const auto made = issued(0);
    const auto serial = made.serial_decimal();
    EXPECT_EQ(code(desk->submit_revocation("anna", "ap", serial, "dåligt väder", "x")), "ca.order");
    EXPECT_EQ(code(desk->submit_revocation("anna", "ap", serial, "keyCompromise", " ")), "ca.order");
    EXPECT_EQ(code(desk->submit_revocation("anna", "ap", "12345", "keyCompromise", "x")), "ca.not_issued");
    const auto request = desk->submit_revocation("anna", "ap", serial, "keyCompromise", "Nyckeln kopierad.").value();
    EXPECT_EQ(code(desk->verify("bo", request.id, "", "x")), "ca.state");
    EXPECT_EQ(code(desk->approve("ANNA", request.id, "x")), "ca.same_person");
    EXPECT_FALSE(authority->certificate("ap", serial).value().revocation);
    ASSERT_EQ(code(desk->approve("bo", request.id, "Bekräftat.")), "");
    const auto after = authority->certificate("ap", serial).value();
    ASSERT_TRUE(after.revocation);
    EXPECT_EQ(after.revocation->cause, "Nyckeln kopierad.");
    EXPECT_EQ(desk->get(request.id).value().state, RequestState::revoked);
    EXPECT_EQ(code(desk->submit_revocation("anna", "ap", serial, "keyCompromise", "x")), "ca.already_revoked");
    EXPECT_NE(scratch.run("openssl crl -inform DER -noout -text -in ca/publish/ap.crl").output.find("Key Compromise"),
              std::string::npos);
}

TEST_P(RequestsTest, WhatIsNotCarriedThroughExpires) {
    const auto request = submitted(0);
    ASSERT_TRUE(desk->verify("anna", request.id, request.key_sha256, "Ringt."));
    clock.at += days(31);
    EXPECT_EQ(code(desk->approve("bo", request.id, "x")), "ca.state");
    EXPECT_EQ(desk->expire_due("ca.timer").value(), 1U);
    EXPECT_EQ(desk->expire_due("ca.timer").value(), 0U);
    EXPECT_EQ(desk->get(request.id).value().state, RequestState::expired);
    EXPECT_EQ(submitted(0).state, RequestState::received);  // the key is free again
}

TEST_P(RequestsTest, OrdersThatCannotBeIssuedAreRefusedAtOnce) {
    EXPECT_EQ(code(desk->submit("anna", "ap", ap(""), as_bytes(csr(0)))), "ca.order");
    EXPECT_EQ(code(desk->submit("anna", "aprot", ap("AP1"), as_bytes(csr(0)))), "ca.purpose");
    EXPECT_EQ(code(desk->submit("anna", "xx", ap("AP1"), as_bytes(csr(0)))), "ca.unknown");
    EXPECT_EQ(code(desk->submit("anna\n", "ap", ap("AP1"), as_bytes(csr(0)))), "ca.who");
    EXPECT_EQ(code(desk->get("nej")), "ca.unknown_request");
}

TEST_P(RequestsTest, ListsAndSearchesInPages) {
    for (int i = 0; i < 4; ++i) {
        clock.at += seconds(1);
        (void)issued(i, "AP000" + std::to_string(i) + "-SDK-LAB");
    }
    const auto page = authority->certificates({.ca = "ap"}, {.offset = 1, .limit = 2}).value();
    EXPECT_EQ(page.total, 4U);
    ASSERT_EQ(page.rows.size(), 2U);
    EXPECT_EQ(page.rows[0].common_name, "AP0001-SDK-LAB");
    EXPECT_EQ(authority->certificates({.search = "ap0003"}, {}).value().total, 1U);
    EXPECT_EQ(authority->certificates({.search = "%"}, {}).value().total, 0U);
    EXPECT_EQ(authority->certificates({.search = page.rows[0].certificate.sha256_hex()}, {}).value().total, 1U);
    EXPECT_EQ(authority->certificates({.ca = "ap", .ends_before = clock.at}, {}).value().total, 0U);
    EXPECT_EQ(authority->certificates({.ca = "ap", .ends_before = clock.at + days(731)}, {}).value().total, 4U);
    EXPECT_EQ(authority->certificates({.ca = "ap", .state = CertificateState::expired}, {}).value().total, 0U);
    EXPECT_EQ(desk->list({.state = RequestState::issued}, {.limit = 3}).value().rows.size(), 3U);
    EXPECT_EQ(desk->list({.ca = "ap", .organisation = "Exempelkommun", .kind = RequestKind::issue}, {}).value().total,
              4U);
    EXPECT_EQ(desk->list({.state = RequestState::received}, {}).value().total, 0U);
}

// The verdict of each vector is the prefix of its name.
TEST_P(RequestsTest, VectorsOfRequests) {
    open(3072);
    int seen = 0;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(shared("smp-vectors/csr")))
        files.push_back(entry.path());
    // From z to a: the key of the "alarm-" vector is that of others too, and is blocked from then on.
    std::ranges::sort(files, std::greater<>());
    for (const auto& path : files) {
        const auto file = path.filename().string();
        const auto kept = desk->submit("anna", "ap", ap("AP-" + std::to_string(++seen)), octets(path));
        ASSERT_TRUE(kept) << file << kept.error().describe();
        const bool good = file.starts_with("ok-") || file.starts_with("drop-") || file.starts_with("ignore-");
        EXPECT_EQ(kept->state, good ? RequestState::received : RequestState::rejected) << file;
        EXPECT_EQ(kept->verdict.alarm, file.starts_with("alarm-")) << file;
        if (file.starts_with("drop-") || file.starts_with("ignore-")) EXPECT_FALSE(kept->verdict.ignored.empty()) << file;
        if (good) ASSERT_TRUE(desk->reject("anna", kept->id, "Några vektorer har samma nyckel.")) << file;
    }
    EXPECT_EQ(seen, 12);
    EXPECT_EQ(authority->blocked_keys({}).value().size(), 1U);
}

}  // namespace
}  // namespace budkavle::ca
