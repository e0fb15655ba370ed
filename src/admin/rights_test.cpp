// Every operation by every role on own and foreign objects, generated from the table of routes (SEC-31, SEC-53,
// FED-04).
#include "admin/test_support.hpp"
#include "smpserver/test_support.hpp"

namespace budkavle::admin::testing {
namespace {

/// Who may, written by hand and apart from the table: S system administrator, F federation owner, P PKI officer, A
/// auditor, R reading system (those on everything); on one operator: o administrator, + administrator plus, w writing
/// system, a auditor, r reading system; g administrator of one organisation. "*": every account, "-": also nobody.
const std::map<std::string, std::string>& expectations() {
    static const std::map<std::string, std::string> all{
        {"api.openapi", "-"},
        {"api.info", "-"},
        {"api.health", "-"},
        {"account.show", "*"},
        {"accounts.list", "SA"},
        {"accounts.create", "S"},
        {"accounts.show", "SA"},
        {"accounts.suspend", "S"},
        {"accounts.reactivate", "S"},
        {"accounts.credentials", "SA"},
        {"accounts.add-credential", "S"},
        {"accounts.remove-credential", "S"},
        {"accounts.grants", "SA"},
        {"accounts.grant", "S"},
        {"accounts.end-grant", "S"},
        {"cases.list", "*"},
        {"cases.show", "*"},
        {"cases.approve", "*"},
        {"cases.reject", "*"},
        {"cases.withdraw", "*"},
        {"audit.search", "SFA"},
        {"audit.verify", "SFA"},
        {"smp.operators", "SFARo+war"},
        {"smp.operator", "SFARo+war"},
        {"smp.ap-certificates", "SFARo+war"},
        {"smp.ap-certificate", "SFARo+war"},
        {"smp.endpoints", "SFARo+war"},
        {"smp.endpoint", "SFARo+war"},
        {"smp.participants", "SFARo+war"},
        {"smp.endpoint-history", "SFARo+war"},
        {"smp.planned", "SFARo+war"},
        {"smp.bulks", "SFARo+war"},
        {"smp.bulk", "SFARo+war"},
        {"smp.events", "SFARo+war"},
        {"smp.queue", "SFARo+war"},
        {"smp.findings", "SFARo+war"},
        {"smp.participant", "SFARo+warg"},
        {"smp.history", "SFARo+warg"},
        {"smp.add-ap-certificate", "So+w"},
        {"smp.remove-ap-certificate", "So+w"},
        {"smp.replace-ap-certificate", "So+w"},
        {"smp.put-endpoint", "So+w"},
        {"smp.remove-endpoint", "So+w"},
        {"smp.replace-endpoint", "So+w"},
        {"smp.add-participant", "So+w"},
        {"smp.request-removal", "So+w"},
        {"smp.put-service", "So+w"},
        {"smp.remove-service", "So+w"},
        {"smp.roll-back-endpoint", "So+w"},
        {"smp.preview", "So+w"},
        {"smp.plan", "So+w"},
        {"smp.cancel-planned", "So+w"},
        {"smp.start-bulk", "So+w"},
        {"smp.cancel-bulk", "So+w"},
        {"smp.put-operator", "S"},
        {"smp.operator-state", "S"},
        {"smp.remove-operator", "S"},
        {"smp.publish-all", "S"},
        {"smp.set-organisation", "SF+"},
        {"smp.status", "SF+"},
        {"smp.suspend", "SF+"},
        {"smp.roll-back", "SF+"},
        {"smp.remove-participant", "SFo+w"},
        {"smp.republish", "SFo+w"},
        {"smp.move", "SF"},
        {"smp.add-certificate", "SF+g"},
        {"smp.remove-certificate", "SF+g"},
        {"pki.cas", "SFPA"},
        {"pki.requests", "SFPA"},
        {"pki.request", "SFPA"},
        {"pki.certificates", "SFPA"},
        {"pki.export", "SFPA"},
        {"pki.certificate", "SFPA"},
        {"pki.chain", "SFPA"},
        {"pki.blocked-keys", "SFPA"},
        {"pki.submit", "P"},
        {"pki.verify", "P"},
        {"pki.approve", "P"},
        {"pki.issue", "P"},
        {"pki.reject", "P"},
        {"pki.renew", "P"},
        {"pki.revoke", "P"},
        {"pki.block-key", "P"},
        {"sml.domains", "SFAR"},
        {"sml.accounts", "SFAR"},
        {"sml.publishers", "SFAR"},
        {"sml.publisher", "SFAR"},
        {"sml.participants", "SFAR"},
        {"sml.migrations", "SFAR"},
        {"sml.queue", "SFAR"},
        {"sml.set-domain", "S"},
        {"sml.remove-domain", "S"},
        {"sml.rebuild", "S"},
        {"sml.reconcile", "S"},
        {"sml.add-account", "S"},
        {"sml.change-certificate", "S"},
        {"sml.block-account", "S"},
        {"sml.remove-account", "S"},
        {"sml.create-publisher", "S"},
        {"sml.update-publisher", "S"},
        {"sml.delete-publisher", "S"},
        {"sml.create-participants", "S"},
        {"sml.delete-participants", "S"},
        {"sml.prepare-migration", "S"},
        {"sml.migrate", "S"},
        {"sml.cancel-migration", "S"},
        {"sml.retry", "S"},
    };
    return all;
}

struct Subject {
    char letter;
    std::string role;  ///< empty: no grant
};
const std::vector<Subject>& subjects() {
    static const std::vector<Subject> all{{'S', "system-administrator@*"},
                                          {'F', "federation-owner@*"},
                                          {'P', "pki-officer@*"},
                                          {'A', "auditor@*"},
                                          {'R', "client-reader@*"},
                                          {'o', "operator-administrator@operator:own-op"},
                                          {'+', "operator-administrator-plus@operator:own-op"},
                                          {'w', "client-writer@operator:own-op"},
                                          {'a', "auditor@operator:own-op"},
                                          {'r', "client-reader@operator:own-op"},
                                          {'g', "organisation-administrator@organisation:0203:own.example.se"},
                                          {'0', ""}};
    return all;
}
bool is_scoped(char letter) {
    return std::string_view("o+warg").contains(letter);
}

std::string target_of(const Route& route, bool own, const std::string& account) {
    std::string out;
    for (const auto segment : split(route.path, '/')) {
        if (segment.empty()) continue;
        out += '/';
        if (segment == "{operator}")
            out += own ? "own-op" : "other-op";
        else if (segment == "{participant}")
            out += own ? "0203%3Aown.example.se" : "0203%3Aother.example.se";
        else if (segment == "{account}")
            out += account;
        else if (segment.starts_with('{'))
            out += "7c0f5f9e-1111-4222-8333-123456789abc";
        else
            out += segment;
    }
    return out;
}

/// What has to come back. `own`: the path names the operator and organisation of the scoped roles.
enum class Expected : std::uint8_t { allowed, denied, hidden, unknown_caller };

Expected expected(const Route& route, char letter, bool own) {
    const auto& who = expectations().at(route.operation);
    if (who == "-" || who == "*") return Expected::allowed;
    if (!who.contains(letter)) return Expected::denied;
    if (!is_scoped(letter) || route.permission.reach == Reach::collection) return Expected::allowed;
    return own ? Expected::allowed : Expected::hidden;
}

TEST(Rights, EveryRouteHasAnExpectationAndEveryExpectationARoute) {
    smpserver::testing::Bench smp;
    Bench bench({}, smp.registry.get());
    for (const auto& route : bench.api().routes())
        EXPECT_TRUE(expectations().contains(route.operation)) << route.operation << " has no expectation";
    for (const auto& [operation, unused] : expectations())
        EXPECT_NE(bench.api().operation(operation), nullptr) << operation << " is no route";
}

TEST(Rights, EveryOperationByEveryRoleOnOwnAndForeignObjects_SEC_31_SEC_53) {
    smpserver::testing::Bench smp;
    Bench bench({}, smp.registry.get());
    for (const auto& subject : subjects())
        bench.account(std::string(1, subject.letter),
                      subject.role.empty() ? std::vector<std::string>{} : std::vector{subject.role});
    const auto target_account = bench.account("target", {});
    std::size_t checked = 0;
    for (const auto& route : bench.api().routes()) {
        if (!expectations().contains(route.operation)) continue;  // told by the test above
        const bool owned = route.path.contains("{operator}");
        for (const auto& subject : subjects()) {
            for (const bool own : {true, false}) {
                if (!own && !owned) continue;
                const auto target = target_of(route, own, target_account);
                const auto reply =
                    bench.call(std::string(1, subject.letter), std::string(name_of(route.method)), target);
                const auto where = route.operation + " by " + subject.role + (own ? " own " : " foreign ") + reply.text;
                ++checked;
                switch (expected(route, subject.letter, own)) {
                    case Expected::allowed:
                        EXPECT_NE(reply.status, 401) << where;
                        EXPECT_NE(reply.status, 403) << where;
                        EXPECT_NE(reply.code(), "access.denied") << where;
                        EXPECT_NE(reply.code(), "api.unknown") << where;
                        EXPECT_LT(reply.status, 500) << where;
                        break;
                    case Expected::denied:
                        EXPECT_EQ(reply.status, 403) << where;
                        break;
                    case Expected::hidden:
                        EXPECT_EQ(reply.status, 404) << where;
                        EXPECT_EQ(reply.code(), "api.unknown") << where;
                        break;
                    case Expected::unknown_caller:
                        break;
                }
            }
        }
        bench.clock().at += 1s;  // strangers of one address have five requests a second
        const auto stranger =
            bench.call("", std::string(name_of(route.method)), target_of(route, true, target_account));
        EXPECT_EQ(stranger.status == 401, expectations().at(route.operation) != "-")
            << route.operation << stranger.text;
        ++checked;
    }
    RecordProperty("checked", static_cast<int>(checked));
    std::printf("[  matrix  ] %zu routes, %zu calls\n", bench.api().routes().size(), checked);
}

TEST(Rights, ARouteWithoutARuleEndsTheStart) {
    const auto make = [](const Permission& permission, const char* path, bool summary = true) {
        Routes routes;
        routes.emplace_back(Method::get, path, "x.y", summary ? Summary{"a", "b"} : Summary{}, permission)
            .returns(Schema::anything())
            .does([](Context&) -> Result<Answer> { return Answer{}; });
        return faults_of(routes);
    };
    EXPECT_TRUE(make(Permission("x", Action::read, Reach::installation, Role::auditor), "/x").empty());
    EXPECT_FALSE(make(Permission("x", Action::read, Reach::installation, Roles()), "/x").empty());
    EXPECT_FALSE(make(Permission("x", Action::create, Reach::installation, Role::auditor), "/x").empty());
    EXPECT_FALSE(make(Permission("x", Action::read, Reach::one_operator, Role::auditor), "/x").empty());
    EXPECT_FALSE(make(Permission("x", Action::read, Reach::one_organisation, Role::auditor), "/x/{operator}").empty());
    EXPECT_FALSE(make(Permission("x", Action::read, Reach::installation, Role::auditor), "/x/{operator}").empty());
    EXPECT_FALSE(make(Permission("x", Action::read, Reach::installation, Role::auditor), "/x", false).empty());
    Routes twice;
    for (int i = 0; i < 2; ++i)
        twice
            .emplace_back(Method::get, "/x", "x.y", Summary{"a", "b"},
                          Permission("x", Action::read, Reach::installation, Role::auditor))
            .returns(Schema::anything())
            .does([](Context&) -> Result<Answer> { return Answer{}; });
    EXPECT_EQ(faults_of(twice).size(), 2U);
    crypto::testing::Scratch scratch;
    TestClock clock;
    const auto database = store::Database::open_at(fresh_location(scratch), tables()).value();
    const auto refused = Api::make({.hosts = {"x"}}, twice, *database, obs::null_log(), clock);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "api.routes");
}

TEST(Rights, ScopesAreComparedAsTheirRegistersDo) {
    const std::map<std::string, std::string> path{{"operator", "op1"}, {"participant", "0203:a.example.se"}};
    const auto judged = [&](const char* role, const char* scope, Reach reach) {
        const Permission permission("x", Action::read, reach, Roles::every());
        return judge(permission, permission.roles,
                     {Grant{.role = *role_named(role), .scope = Scope::parse(scope).value()}}, path);
    };
    EXPECT_EQ(judged("operator-administrator", "operator:op1", Reach::one_operator), Access::granted);
    EXPECT_EQ(judged("operator-administrator", "operator:OP1", Reach::one_operator), Access::other_object);
    EXPECT_EQ(judged("operator-administrator", "operator:op", Reach::one_operator), Access::other_object);
    EXPECT_EQ(judged("organisation-administrator", "organisation:0203:A.example.SE", Reach::one_organisation),
              Access::granted);
    EXPECT_EQ(judged("organisation-administrator", "organisation:0203:a.example.se", Reach::one_operator),
              Access::other_object);
    EXPECT_EQ(judged("organisation-administrator", "organisation:0203:b.example.se", Reach::one_organisation),
              Access::other_object);
    for (const auto* bad : {"", "operator:", "operator", "OPERATOR:x", "**", "organisation:"})
        EXPECT_FALSE(Scope::parse(bad)) << bad;
}

TEST(Rights, GrantsEndAndAccountsAreSuspendedFromTheNextRequestOn_SEC_53) {
    Bench bench;
    bench.account("a", {"auditor@*"});
    const auto other = bench.account("b", {"auditor@*"});
    bench.account("s", {"system-administrator@*"});
    EXPECT_EQ(bench.call("a", "GET", "/audit-events").status, 200);
    const auto version = bench.call("s", "GET", "/accounts/" + other).headers.get("ETag").value();
    EXPECT_EQ(bench
                  .call("s", "POST", "/accounts/" + other + "/suspension",
                        {.body = {{"reason", "left"}}, .headers = {{"If-Match", version}}})
                  .status,
              200);
    EXPECT_EQ(bench.call("b", "GET", "/audit-events").status, 401);
    bench.clock().at += 24h * 31;
    EXPECT_EQ(bench.call("a", "GET", "/audit-events").status, 403);
    EXPECT_EQ(bench.call("a", "GET", "/account").status, 200);
}

}  // namespace
}  // namespace budkavle::admin::testing
