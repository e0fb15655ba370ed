// Accounts, four eyes and the audit trail (SEC-10, SEC-11, SEC-12, SEC-46, SEC-51, SEC-55).
#include "admin/test_support.hpp"

namespace budkavle::admin::testing {
namespace {

class FourEyesTest : public ::testing::Test {
protected:
    void SetUp() override {
        bench.account("anna", {"system-administrator@*"});
        bench.account("bo", {"system-administrator@*"});
        bench.account("anna2", {"system-administrator@*"}, "person-anna");
        bench.account("audit", {"auditor@*"});
        bench.account("none", {});
        target = bench.account("target", {});
    }
    std::string expires() { return format_utc(bench.clock().now() + 24h * 10); }
    Reply propose(const std::string& who = "anna") {
        return bench.call(
            who, "POST", "/accounts/" + target + "/grants",
            {.body = {
                 {"role", "federation-owner"}, {"scope", "*"}, {"expires", expires()}, {"reason", "new on the team"}}});
    }
    std::size_t roles_of_target() { return bench.api().accounts().grants(target).value().size(); }
    Bench bench;
    std::string target;
};

TEST_F(FourEyesTest, AnotherPersonApprovesWhatWasProposed_SEC_55) {
    const auto proposed = propose();
    ASSERT_EQ(proposed.status, 202) << proposed.text;
    const auto path = "/cases/" + proposed.at("case");
    EXPECT_EQ(proposed.headers.get("Location"), std::string(kBasePath) + path);
    EXPECT_EQ(roles_of_target(), 0U) << "nothing happened yet";
    EXPECT_EQ(bench.call("anna", "POST", path + "/approval").code(), "case.same_person");
    EXPECT_EQ(bench.call("anna2", "POST", path + "/approval").code(), "case.same_person")
        << "the same person under another account";
    EXPECT_EQ(bench.call("none", "POST", path + "/approval").status, 404);
    EXPECT_EQ(bench.call("none", "GET", path).status, 404);
    EXPECT_EQ(bench.call("audit", "POST", path + "/approval").status, 403);
    EXPECT_EQ(bench.call("audit", "GET", path).status, 200);
    EXPECT_EQ(bench.call("none", "GET", "/cases").body.at("total").as_int64(), 0);
    EXPECT_EQ(bench.call("bo", "GET", "/cases?state=pending").body.at("total").as_int64(), 1);
    const auto approved = bench.call("bo", "POST", path + "/approval", {.body = {{"reason", "checked"}}});
    ASSERT_EQ(approved.status, 200) << approved.text;
    EXPECT_EQ(approved.at("state"), "done");
    EXPECT_EQ(roles_of_target(), 1U);
    EXPECT_EQ(bench.call("bo", "POST", path + "/approval").code(), "case.state") << "once";
    EXPECT_EQ(roles_of_target(), 1U);
}

TEST_F(FourEyesTest, CasesAreRejectedWithdrawnAndExpire) {
    const auto rejected = "/cases/" + propose().at("case");
    EXPECT_EQ(bench.call("bo", "POST", rejected + "/rejection").status, 422) << "without a reason";
    EXPECT_EQ(bench.call("bo", "POST", rejected + "/rejection", {.body = {{"reason", "no"}}}).at("state"), "rejected");
    const auto withdrawn = "/cases/" + propose().at("case");
    EXPECT_EQ(bench.call("bo", "POST", withdrawn + "/withdrawal").status, 403);
    EXPECT_EQ(bench.call("anna", "POST", withdrawn + "/withdrawal").at("state"), "withdrawn");
    const auto expired = "/cases/" + propose().at("case");
    bench.clock().at += 73h;
    EXPECT_EQ(bench.call("bo", "GET", expired).at("state"), "expired");
    for (const auto& path : {rejected, withdrawn, expired})
        EXPECT_EQ(bench.call("bo", "POST", path + "/approval").code(), "case.state");
    EXPECT_EQ(roles_of_target(), 0U);
}

TEST_F(FourEyesTest, RightsThatEndedMeanwhileDoNotCount_SEC_53) {
    const auto path = "/cases/" + propose().at("case");
    const auto grant = bench.api().accounts().grants(bench.id("anna")).value().front().id;
    EXPECT_EQ(bench.call("bo", "DELETE", "/accounts/" + bench.id("anna") + "/grants/" + grant + "?reason=left").status,
              204);
    const auto approved = bench.call("bo", "POST", path + "/approval");
    EXPECT_EQ(approved.at("state"), "failed");
    EXPECT_EQ(roles_of_target(), 0U);
}

TEST_F(FourEyesTest, NobodyGivesRolesToHimself_SEC_53) {
    target = bench.id("bo");
    auto path = "/cases/" + propose().at("case");
    EXPECT_EQ(bench.call("bo", "POST", path + "/approval").at("state"), "failed")
        << "the approver is the one who gains";
    target = bench.id("anna2");
    path = "/cases/" + propose().at("case");
    EXPECT_EQ(bench.call("bo", "POST", path + "/approval").at("state"), "failed")
        << "the same person under another account";
    EXPECT_EQ(bench.api().accounts().grants(bench.id("anna2")).value().size(), 1U);
}

TEST_F(FourEyesTest, SwitchedOffOnlyByNameAndOnlyWhereAllowed) {
    Bench weaker(ApiOptions{.without_four_eyes = {"accounts.grant"}});
    weaker.account("anna", {"system-administrator@*"});
    const auto one = weaker.account("one", {});
    EXPECT_EQ(weaker
                  .call("anna", "POST", "/accounts/" + one + "/grants",
                        {.body = {{"role", "auditor"}, {"scope", "*"}, {"expires", expires()}, {"reason", "r"}}})
                  .status,
              201);
    EXPECT_TRUE(weaker.audit_log().contains("admin.four_eyes_off"));
    for (const auto* name : {"accounts.list", "nothing.here"})
        EXPECT_EQ(Api::make({.hosts = {"x"}, .without_four_eyes = {name}}, all_routes(weaker.services()),
                            weaker.database(), obs::null_log(), weaker.clock())
                      .error()
                      .code,
                  "api.four_eyes");
}

TEST_F(FourEyesTest, TheTrailSaysWhoWhatOldNewAndWhy_SEC_11) {
    const auto tag = bench.call("anna", "GET", "/accounts/" + target).headers.get("ETag").value();
    const auto done = bench.call("anna", "POST", "/accounts/" + target + "/suspension",
                                 {.body = {{"reason", "left the team"}}, .headers = {{"If-Match", tag}}});
    const auto request = done.headers.get("X-Request-Id").value();
    const auto found = bench.call("audit", "GET", "/audit-events?requestId=" + request);
    ASSERT_EQ(found.body.at("total").as_int64(), 2);  // begun, done
    const auto& line = found.body.at("items").at(0).as_object();
    EXPECT_EQ(line.at("outcome").as_string(), "done");
    EXPECT_EQ(line.at("account").as_string(), bench.id("anna"));
    EXPECT_EQ(line.at("role").as_string(), "system-administrator@*");
    EXPECT_EQ(line.at("objectId").as_string(), target);
    EXPECT_EQ(line.at("old").as_string(), R"({"status":"active"})");
    EXPECT_EQ(line.at("new").as_string(), R"({"status":"suspended"})");
    EXPECT_EQ(line.at("reason").as_string(), "left the team");
    EXPECT_EQ(bench.call("none", "GET", "/audit-events").status, 403);
    const auto denied = bench.call("audit", "GET", "/audit-events?operation=audit.search");
    EXPECT_EQ(denied.body.at("items").at(0).at("detail").as_string(), "access.denied")
        << "SEC-10: the attempt stands there";
    EXPECT_TRUE(bench.audit_log().contains("left the team"));
    EXPECT_TRUE(obs::verify_audit(bench.scratch().path() / "log" / "audit.jsonl"));
}

TEST_F(FourEyesTest, AChangedTrailIsFound_SEC_12) {
    for (int i = 0; i < 3; ++i) static_cast<void>(propose());
    const auto good = bench.call("audit", "GET", "/audit-events/verification");
    ASSERT_EQ(good.status, 200);
    const auto lines = good.body.at("lines").as_int64();
    ASSERT_GE(lines, 3);
    const auto tamper = [&](const char* sql) {
        EXPECT_TRUE(bench.database().write([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(tx.execute(sql));
            return {};
        }));
    };
    tamper("UPDATE admin_audit SET time = time + 1 WHERE position = 1");
    EXPECT_EQ(bench.call("audit", "GET", "/audit-events/verification").code(), "audit.broken");
    tamper("UPDATE admin_audit SET time = time - 1 WHERE position = 1");
    EXPECT_EQ(bench.call("audit", "GET", "/audit-events/verification").status, 200);
    tamper("UPDATE admin_audit SET line = '{}' WHERE position = 2");
    EXPECT_EQ(bench.call("audit", "GET", "/audit-events/verification").status, 409);
    tamper("DELETE FROM admin_audit WHERE position = 2");
    EXPECT_EQ(bench.call("audit", "GET", "/audit-events/verification").status, 409);
}

TEST_F(FourEyesTest, APrivateKeyInACertificateFieldIsRefusedAndAlarmed_SEC_44) {
    const auto key = crypto::generate_ec_p256().value()->to_pem("").value();
    Bench direct(ApiOptions{.without_four_eyes = {"accounts.add-credential"}});
    direct.account("anna", {"system-administrator@*"});
    const auto one = direct.account("one", {});
    const auto path = "/accounts/" + one + "/credentials";
    const auto reply = direct.call("anna", "POST", path,
                                   {.body = {{"certificate", key + bench.certificate("bo").pem()}, {"reason", "r"}}});
    EXPECT_EQ(reply.code(), "request.private_key");
    EXPECT_TRUE(direct.audit_log().contains("admin.private_key_refused"));
    EXPECT_FALSE(direct.audit_log().contains(key.substr(40, 20)));
    EXPECT_EQ(direct
                  .call("anna", "POST", path,
                        {.body = {{"certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
                                  {"reason", "r"}}})
                  .status,
              422);
    EXPECT_EQ(
        direct.call("anna", "POST", path, {.body = {{"certificate", bench.certificate("bo").pem()}, {"reason", "r"}}})
            .status,
        201);
    const auto two = direct.account("two", {});
    EXPECT_EQ(direct
                  .call("anna", "POST", "/accounts/" + two + "/credentials",
                        {.body = {{"certificate", bench.certificate("bo").pem()}, {"reason", "r"}}})
                  .status,
              409)
        << "SEC-51: one credential, one account";
}

TEST_F(FourEyesTest, APrivateKeyIsNotKeptInAWaitingCaseEither_SEC_44) {
    const auto key = crypto::generate_ec_p256().value()->to_pem("").value();
    const auto reply = bench.call("anna", "POST", "/accounts/" + target + "/credentials",
                                  {.body = {{"certificate", key}, {"reason", "r"}}});
    EXPECT_EQ(reply.code(), "request.private_key") << reply.text;
    EXPECT_EQ(bench.call("anna", "GET", "/cases").body.at("total").as_int64(), 0);
}

TEST(FirstAccounts, AreMadeOnTheHostAndOnlyTwo_SEC_46) {
    Bench bench;
    auto& accounts = bench.api().accounts();
    const auto now = bench.clock().now();
    EXPECT_EQ(bench.api().accounts().persons_with(Role::system_administrator, now).value(), 0) << "nothing is preset";
    const auto first = new_certificate("first");
    ASSERT_TRUE(accounts.create_first("p1", "First", first.sha256_hex(), now));
    EXPECT_EQ(accounts.create_first("p3", "Same certificate", first.sha256_hex(), now).error().code,
              "account.credential");
    const auto second = accounts.create_first("p2", "Second", new_certificate("second").sha256_hex(), now);
    ASSERT_TRUE(second);
    EXPECT_EQ(accounts.create_first("p3", "Third", new_certificate("third").sha256_hex(), now).error().code,
              "account.not_first");
    EXPECT_EQ(accounts.create_first("191212121212", "Number", new_certificate("n").sha256_hex(), now).error().code,
              "account.person");
    const auto actor = accounts.actor("certificate", first.sha256_hex(), now).value();
    ASSERT_EQ(actor.grants.size(), 1U);
    EXPECT_EQ(actor.grants.front().expires, now + 24h * 90);
    EXPECT_EQ(accounts.end_grant(actor.account, actor.grants.front().id, now).has_value(), true);
    EXPECT_EQ(accounts.set_active(second->id, false, 1, now).error().code, "account.last") << "somebody must be left";
}

TEST(Grants, RolesFitScopesPersonsAndTime_SEC_53) {
    Bench bench;
    auto& accounts = bench.api().accounts();
    const auto now = bench.clock().now();
    const auto person = bench.account("p", {});
    const auto system = accounts.create("t", "system-1", "s", true, now).value().id;
    const auto grant = [&](const std::string& who, Role role, const char* scope, Time until) {
        const auto made = accounts.grant("t", who, role, Scope::parse(scope).value(), until, "r", now);
        return made ? std::string("ok") : made.error().code;
    };
    EXPECT_EQ(grant(person, Role::system_administrator, "operator:op1", now + 1h), "grant.role");
    EXPECT_EQ(grant(person, Role::operator_administrator, "*", now + 1h), "grant.role");
    EXPECT_EQ(grant(person, Role::organisation_administrator, "operator:op1", now + 1h), "grant.role");
    EXPECT_EQ(grant(person, Role::client_writer, "operator:op1", now + 1h), "grant.role") << "a person is no system";
    EXPECT_EQ(grant(system, Role::operator_administrator, "operator:op1", now + 1h), "grant.role")
        << "a system is no person";
    EXPECT_EQ(grant(person, Role::auditor, "*", now), "grant.period");
    EXPECT_EQ(grant(person, Role::auditor, "*", now + 24h * 367), "grant.period");
    EXPECT_EQ(grant(person, Role::auditor, "*", now + 24h * 366), "ok");
    EXPECT_EQ(grant(system, Role::client_writer, "operator:op1", now + 1h), "ok");
}

}  // namespace
}  // namespace budkavle::admin::testing
