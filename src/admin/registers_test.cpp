// PKI and locator over the API: what people do with them, and what they cannot (`pki.md` 5.2, `sml.md` 3).
#include "admin/test_support.hpp"
#include "ca/requests.hpp"

namespace budkavle::admin::testing {
namespace {

const With kChecked{.body = {{"note", "papers and registers agree"}}};

class PkiApi : public ::testing::Test {
protected:
    void SetUp() override {
        for (const auto* name : {"inga", "ove", "pia"}) bench.account(name, {"pki-officer@*"});
        bench.account("inga2", {"pki-officer@*"}, "person-inga");
        ASSERT_TRUE(bench.authority().create_root(
            "test", {.id = "root", .common_name = "Root", .purpose = ca::CaPurpose::issuing_cas, .rsa_bits = 3072}));
        ASSERT_TRUE(bench.authority().create_ca(
            "test", "root", {.id = "ap", .common_name = "AP CA", .purpose = ca::CaPurpose::access_point}));
        bench.scratch().must(
            "openssl req -new -newkey rsa:3072 -nodes -keyout ap.key -out ap.csr -subj "
            "'/C=SE/O=Claimed/CN=claimed.example.se' -addext subjectAltName=DNS:evil.example");
    }
    std::string csr(const char* file = "ap.csr") { return crypto::testing::text(bench.scratch().file(file)); }
    json::object order(const std::string& request, const std::string& name = "AP_1") {
        return {{"ca", "ap"},
                {"profile", "access-point"},
                {"commonName", name},
                {"organisation", "Made-up Operator"},
                {"request", request}};
    }
    Reply submit(const std::string& request) {
        auto body = order(request);
        body["profile"] = std::string(ca::name(ca::Profile::access_point));
        return bench.call("inga", "POST", "/pki/requests", {.body = body});
    }
    /// Submitted by inga, verified by ove, approved and issued by pia.
    std::string issued() {
        const auto made = submit(csr());
        EXPECT_EQ(made.status, 201) << made.text;
        const auto path = "/pki/requests/" + made.at("id");
        EXPECT_EQ(bench
                      .call("ove", "POST", path + "/verification",
                            {.body = {{"keySha256", made.at("keySha256")}, {"note", "read back by telephone"}}})
                      .status,
                  200);
        EXPECT_EQ(bench.call("pia", "POST", path + "/approval", kChecked).status, 200);
        return bench.call("pia", "POST", path + "/certificate").at("serial");
    }
    Bench bench;
};

TEST_F(PkiApi, ARequestIsJudgedVerifiedApprovedByAnotherPersonAndIssued) {
    const auto made = submit(csr());
    ASSERT_EQ(made.status, 201) << made.text;
    EXPECT_EQ(made.at("state"), "received");
    EXPECT_TRUE(made.at("claimedSubject").contains("claimed.example.se"));
    EXPECT_TRUE(made.at("ignored").contains("subjectAltName"));
    const auto path = "/pki/requests/" + made.at("id");
    EXPECT_EQ(bench.call("pia", "POST", path + "/approval", kChecked).code(), "ca.state") << "not before verification";
    EXPECT_EQ(
        bench
            .call("ove", "POST", path + "/verification", {.body = {{"keySha256", std::string(64, 'a')}, {"note", "x"}}})
            .code(),
        "ca.fingerprint");
    EXPECT_EQ(bench
                  .call("ove", "POST", path + "/verification",
                        {.body = {{"keySha256", made.at("keySha256")}, {"note", "telephone"}}})
                  .at("state"),
              "verified");
    EXPECT_EQ(bench.call("ove", "POST", path + "/approval", kChecked).code(), "ca.same_person");
    EXPECT_EQ(bench.call("inga", "POST", path + "/approval", kChecked).code(), "ca.same_person");
    EXPECT_EQ(bench.call("inga2", "POST", path + "/approval", kChecked).code(), "ca.same_person")
        << "the same person under another account";
    EXPECT_EQ(bench.call("pia", "POST", path + "/approval", kChecked).at("state"), "approved");
    const auto certificate = bench.call("pia", "POST", path + "/certificate");
    ASSERT_EQ(certificate.status, 200) << certificate.text;
    bench.scratch().put("made.pem", certificate.at("certificate"));
    const auto seen = bench.scratch().run("openssl x509 -in made.pem -noout -subject -ext subjectAltName").output;
    EXPECT_TRUE(seen.contains("AP_1") && seen.contains("Made-up Operator")) << seen;
    EXPECT_FALSE(seen.contains("evil")) << "names come from the order only";
    const auto chain = bench.call("pia", "GET", "/pki/certificates/ap/" + certificate.at("serial") + "/chain");
    EXPECT_EQ(chain.headers.get("Content-Type"), "application/pem-certificate-chain");
    EXPECT_EQ(bench.call("pia", "GET", "/pki/certificates?search=AP_1").body.at("total").as_int64(), 1);
    EXPECT_EQ(bench.call("pia", "GET", "/pki/requests?state=issued").body.at("total").as_int64(), 1);
}

TEST_F(PkiApi, RevocationNeedsTwoAndACause) {
    const auto serial = issued();
    const auto path = "/pki/certificates/ap/" + serial + "/revocation";
    EXPECT_EQ(bench.call("inga", "POST", path, {.body = {{"crlReason", "keyCompromise"}}}).status, 422);
    EXPECT_EQ(bench.call("inga", "POST", path, {.body = {{"crlReason", "bored"}, {"cause", "x"}}}).status, 422);
    const auto proposed =
        bench.call("inga", "POST", path, {.body = {{"crlReason", "superseded"}, {"cause", "rolled over"}}});
    ASSERT_EQ(proposed.status, 201) << proposed.text;
    const auto approval = "/pki/requests/" + proposed.at("id") + "/approval";
    EXPECT_EQ(bench.call("inga", "POST", approval, kChecked).code(), "ca.same_person");
    EXPECT_EQ(bench.call("ove", "POST", approval, kChecked).at("state"), "revoked");
    const auto now = bench.call("ove", "GET", "/pki/certificates/ap/" + serial);
    EXPECT_EQ(now.at("state"), "revoked");
    EXPECT_EQ(now.at("crlReason"), "superseded");
    EXPECT_EQ(bench.call("inga", "POST", path, {.body = {{"crlReason", "superseded"}, {"cause", "again"}}}).status,
              409);
}

TEST_F(PkiApi, HostileRequestsAreKeptAsRejectedAndKeysBlocked) {
    bench.scratch().must("openssl req -new -newkey rsa:1024 -nodes -keyout weak.key -out weak.csr -subj /CN=weak");
    const auto weak = submit(csr("weak.csr"));
    EXPECT_EQ(weak.at("state"), "rejected") << weak.text;
    EXPECT_FALSE(weak.body.at("findings").as_array().empty());
    const auto leaked = submit(csr() + csr("ap.key"));
    EXPECT_EQ(leaked.at("state"), "rejected") << leaked.text;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bench.scratch().path() / "log"))
        EXPECT_FALSE(crypto::testing::text(entry.path()).contains(csr("ap.key").substr(60, 40))) << entry.path();
    EXPECT_EQ(submit("no request").at("state"), "rejected");
    EXPECT_EQ(submit(std::string(30'000, 'x')).status, 422);
    EXPECT_EQ(bench.call("inga", "GET", "/pki/requests/unknown").status, 404);
    EXPECT_EQ(bench.call("inga", "GET", "/pki/certificates/ap/1").status, 404);
}

TEST_F(PkiApi, ExportsCannotCarryFormulas) {
    bench.scratch().must("openssl req -new -newkey rsa:3072 -nodes -keyout f.key -out f.csr -subj /CN=x");
    ASSERT_TRUE(bench.authority().issue_for_request(
        "t", "ap", {.profile = ca::Profile::access_point, .common_name = "AP_2", .organisation = "=cmd|calc"},
        as_bytes(csr("f.csr"))));
    const auto text = bench.call("inga", "GET", "/pki/certificate-export").text;
    EXPECT_TRUE(text.contains("\"'=cmd|calc\"")) << text;
    EXPECT_TRUE(text.starts_with("ca,serial,"));
}

class SmlApi : public ::testing::Test {
protected:
    void SetUp() override {
        bench.account("s1", {"system-administrator@*"});
        bench.account("s2", {"system-administrator@*"});
    }
    /// A change with four eyes, approved by the second.
    Reply both(const std::string& method, const std::string& target, json::object body) {
        json::value given = nullptr;
        if (method != "DELETE") {
            body["reason"] = "test";
            given = body;
        }
        const auto proposed = bench.call("s1", method, target, {.body = given});
        EXPECT_EQ(proposed.status, 202) << proposed.text;
        return bench.call("s2", "POST", "/cases/" + proposed.at("case") + "/approval");
    }
    Bench bench;
};

TEST_F(SmlApi, FromDomainToParticipantToMigration) {
    EXPECT_EQ(both("PUT", "/sml/domains/sml.example.se", {{"layout", "naptr"}}).at("state"), "done");
    for (const auto* smp : {"smp-one", "smp-two"}) {
        const auto account = both("PUT", std::string("/sml/accounts/") + smp,
                                  {{"domain", "sml.example.se"}, {"certificate", new_certificate(smp).pem()}});
        EXPECT_EQ(account.at("state"), "done") << account.text;
        const auto made = bench.call("s1", "POST", "/sml/publishers",
                                     {.body = {{"account", smp},
                                               {"id", smp},
                                               {"logicalAddress", std::string("https://") + smp + ".example.se"},
                                               {"physicalAddress", "192.0.2.1"}}});
        EXPECT_EQ(made.status, 204) << made.text;
    }
    const json::object participant{{"participants", {"0203:kommun.example.se"}}};
    EXPECT_EQ(bench.call("s1", "POST", "/sml/publishers/smp-one/participants", {.body = participant}).status, 204);
    EXPECT_EQ(bench.call("s1", "POST", "/sml/publishers/smp-one/participants", {.body = participant}).status, 204)
        << "idempotent";
    EXPECT_EQ(bench.call("s1", "POST", "/sml/publishers/smp-two/participants", {.body = participant}).status, 409)
        << "another SMP has it";
    const auto listed = bench.call("s1", "GET", "/sml/participants?state=queued");
    ASSERT_EQ(listed.body.at("items").as_array().size(), 1U) << listed.text;
    EXPECT_FALSE(bench.call("s1", "GET", "/sml/queue").body.at("items").as_array().empty());
    EXPECT_EQ(bench.call("s1", "POST", "/sml/queue/retries", {.body = json::object{}}).status, 200);
    const json::object key{{"participant", "0203:kommun.example.se"}, {"key", "Ab1!Cd2?xy"}};
    EXPECT_EQ(bench.call("s1", "POST", "/sml/publishers/smp-one/migration-preparations", {.body = key}).status, 204);
    EXPECT_EQ(bench
                  .call("s1", "POST", "/sml/publishers/smp-two/migrations",
                        {.body = {{"participant", "0203:kommun.example.se"}, {"key", "Ab1!Cd2?zz"}}})
                  .status,
              404);
    EXPECT_EQ(bench.call("s1", "POST", "/sml/publishers/smp-two/migrations", {.body = key}).status, 204);
    EXPECT_TRUE(bench.call("s1", "GET", "/sml/participants").text.contains("smp-two"));
    EXPECT_FALSE(bench.audit_log().contains("Ab1!Cd2?xy")) << "the key of a migration is a secret (SEC-03)";
    EXPECT_EQ(bench.call("s1", "GET", "/sml/migrations").body.at("total").as_int64(), 1);
    EXPECT_EQ(both("DELETE", "/sml/publishers/smp-two?reason=gone", {}).at("state"), "done");
    EXPECT_EQ(bench.call("s1", "GET", "/sml/publishers/smp-two").status, 404);
}

TEST_F(SmlApi, WhatIsMalformedIsRefused) {
    EXPECT_EQ(both("PUT", "/sml/domains/bad..zone", {}).at("state"), "failed");
    EXPECT_EQ(bench
                  .call("s1", "POST", "/sml/publishers",
                        {.body = {{"account", "nobody"},
                                  {"id", "x"},
                                  {"logicalAddress", "http://x"},
                                  {"physicalAddress", "192.0.2.1"}}})
                  .status,
              404);
    json::array many;
    for (int i = 0; i < 101; ++i) many.emplace_back("0203:p" + std::to_string(i));
    EXPECT_EQ(bench.call("s1", "POST", "/sml/publishers/x/participants", {.body = {{"participants", many}}}).status,
              422);
}

}  // namespace
}  // namespace budkavle::admin::testing
