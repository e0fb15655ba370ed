#include <boost/json.hpp>

#include "admin/routes.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

constexpr Roles kAdministrators = Role::system_administrator;
constexpr Roles kReaders = Role::system_administrator | Role::auditor;

std::vector<std::string> role_names() {
    std::vector<std::string> names;
    for (const auto role : all_roles()) names.emplace_back(name_of(role));
    return names;
}

Schema account_schema() {
    return Schema::object({{"id", Schema::uuid()},
                           {"person", Schema::text(1, 128)},
                           {"name", Schema::text(1, 128)},
                           {"system", Schema::boolean()},
                           {"status", Schema::choice({"active", "suspended"})},
                           {"created", Schema::time()},
                           {"createdBy", Schema::text(0, 256)},
                           {"version", Schema::integer(1)}});
}
Schema credential_schema() {
    return Schema::object({{"id", Schema::uuid()},
                           {"kind", Schema::choice({"certificate", "token"})},
                           {"value", Schema::text(1, 600, Schema::Text::lines), true,
                            "SHA-256 of the certificate, or issuer, line feed, subject"},
                           {"added", Schema::time()}});
}
Schema grant_schema() {
    return Schema::object({{"id", Schema::uuid()},
                           {"role", Schema::choice(role_names())},
                           {"scope", Schema::text(1, 220), true, "*, operator:ID or organisation:ID"},
                           {"granted", Schema::time()},
                           {"expires", Schema::time()},
                           {"grantedBy", Schema::text(0, 256)},
                           {"reason", Schema::text(0, 500)}});
}

json::object to_json(const Account& account) {
    return {{"id", account.id},
            {"person", account.person},
            {"name", account.name},
            {"system", account.system},
            {"status", account.active ? "active" : "suspended"},
            {"created", format_utc(account.created)},
            {"createdBy", account.created_by},
            {"version", account.version}};
}
json::object to_json(const Credential& one) {
    return {{"id", one.id}, {"kind", one.kind}, {"value", one.value}, {"added", format_utc(one.added)}};
}
json::object to_json(const Grant& one) {
    return {{"id", one.id},
            {"role", name_of(one.role)},
            {"scope", one.scope.text()},
            {"granted", format_utc(one.granted)},
            {"expires", format_utc(one.expires)},
            {"grantedBy", one.granted_by},
            {"reason", one.reason}};
}

template <class T>
json::array list_of(const std::vector<T>& all) {
    json::array out;
    for (const auto& one : all) out.push_back(to_json(one));
    return out;
}

Result<Answer> set_active(Desk& desk, Context& context, bool active) {
    const auto& id = context.parameter("account");
    if (active) BUDKAVLE_CHECK(desk.api->accounts().show(id));
    BUDKAVLE_TRY(const auto account,
                 desk.api->accounts().set_active(id, active, *context.expected_version, context.now));
    context.changed({{"status", active ? "suspended" : "active"}}, {{"status", active ? "active" : "suspended"}});
    return Answer{.body = to_json(account), .version = account.version};
}

Result<Answer> add_credential(Desk& desk, Context& context) {
    const auto& id = context.parameter("account");
    std::string kind = "certificate";
    std::string value = context.text("sha256");
    if (context.has("certificate")) {
        BUDKAVLE_TRY(const auto certificate, certificate_in(context.text("certificate")));
        value = certificate.sha256_hex();
    } else if (context.has("issuer") && context.has("subject")) {
        kind = "token";
        value = context.text("issuer") + "\n" + context.text("subject");
    }
    if (value.empty())
        return fail("request.schema", {}, "body", "One of certificate, sha256, or issuer with subject is needed.", {});
    BUDKAVLE_TRY(const auto made, desk.api->accounts().add_credential(context.who(), id, kind, value, context.now));
    context.changed(nullptr, to_json(made));
    return Answer{.body = to_json(made), .location = "/accounts/" + id + "/credentials/" + made.id};
}

/// Nobody gives a role to himself, or to the person he is under another account (SEC-53).
Result<> check_not_self(Desk& desk, const Context& context, const std::string& account) {
    BUDKAVLE_TRY(const auto target, desk.api->accounts().show(account));
    const auto same = [&](const Actor& actor) { return actor.account == account || actor.person == target.person; };
    if (!same(context.actor) && (context.approver == nullptr || !same(*context.approver))) return {};
    return fail("grant.self", "SEC-53", "account", "Nobody may change the roles of himself.", "Another person has to.");
}

Result<Answer> add_grant(Desk& desk, Context& context) {
    const auto& id = context.parameter("account");
    BUDKAVLE_CHECK(check_not_self(desk, context, id));
    BUDKAVLE_TRY(const auto scope, Scope::parse(context.text("scope")));
    BUDKAVLE_TRY(const auto expires, parse_time(context.text("expires")));
    BUDKAVLE_TRY(const auto made, desk.api->accounts().grant(context.who(), id, *role_named(context.text("role")),
                                                             scope, expires, context.reason, context.now));
    context.changed(nullptr, to_json(made));
    return Answer{.body = to_json(made), .location = "/accounts/" + id + "/grants/" + made.id};
}

}  // namespace

Routes account_routes(const Services& services) {
    const auto desk = services.desk;
    const auto may = [](std::string_view resource, Action action) {
        return Permission(resource, action, Reach::installation, action == Action::read ? kReaders : kAdministrators);
    };
    Routes all;
    all.emplace_back(Method::get, "/accounts", "accounts.list", Summary{"List the accounts", "Lista konton"},
                     may("account", Action::read))
        .paged()
        .returns(Schema::page_of(account_schema()))
        .does([desk](Context& c) -> Result<Answer> {
            std::int64_t total = 0;
            BUDKAVLE_TRY(const auto found, desk->api->accounts().list(c.page.offset, c.page.limit, total));
            return Answer{.body = page_of(c, list_of(found), total)};
        });
    all.emplace_back(
           Method::post, "/accounts", "accounts.create",
           Summary{"Make an account for a person or a system", "Skapa ett konto för en person eller ett system"},
           may("account", Action::create))
        .takes(
            Schema::object({{"person", Schema::text(1, 128), true, "reference in your directory; no identity number"},
                            {"name", Schema::text(1, 128)},
                            optional("system", Schema::boolean(), "of a system, not a person")}))
        .returns(account_schema(), 201)
        .idempotent()
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto made, desk->api->accounts().create(c.who(), c.text("person"), c.text("name"),
                                                                       c.flag("system"), c.now));
            c.about("account", made.id);
            c.changed(nullptr, to_json(made));
            return Answer{.body = to_json(made), .version = made.version, .location = "/accounts/" + made.id};
        });
    all.emplace_back(Method::get, "/accounts/{account}", "accounts.show", Summary{"Show an account", "Visa ett konto"},
                     may("account", Action::read))
        .returns(account_schema())
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto found, desk->api->accounts().show(c.parameter("account")));
            return Answer{.body = to_json(found), .version = found.version};
        });
    all.emplace_back(Method::post, "/accounts/{account}/suspension", "accounts.suspend",
                     Summary{"Suspend an account at once", "Spärra ett konto genast"}, may("account", Action::change))
        .returns(account_schema())
        .versioned()
        .explained()
        .does([desk](Context& c) { return set_active(*desk, c, false); });
    all.emplace_back(Method::post, "/accounts/{account}/reactivation", "accounts.reactivate",
                     Summary{"Lift the suspension of an account", "Häv spärren av ett konto"},
                     may("account", Action::change))
        .returns(account_schema())
        .versioned()
        .explained()
        .four_eyes(FourEyes::standard, kAdministrators)
        .does([desk](Context& c) { return set_active(*desk, c, true); });
    all.emplace_back(Method::get, "/accounts/{account}/credentials", "accounts.credentials",
                     Summary{"List how an account proves itself", "Lista hur ett konto styrker sig"},
                     may("credential", Action::read))
        .paged()
        .returns(Schema::page_of(credential_schema()))
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_CHECK(desk->api->accounts().show(c.parameter("account")));
            BUDKAVLE_TRY(const auto found, desk->api->accounts().credentials(c.parameter("account")));
            return Answer{.body = page_of(c, list_of(found))};
        });
    all.emplace_back(Method::post, "/accounts/{account}/credentials", "accounts.add-credential",
                     Summary{"Tie a certificate or a token's subject to an account",
                             "Knyt ett certifikat eller en identitet hos en inloggningstjänst till ett konto"},
                     may("credential", Action::create))
        .takes(
            Schema::object({optional("certificate", Schema::text(1, 20000, Schema::Text::lines), "PEM"),
                            optional("sha256", Schema::text(64, 64, Schema::Text::sha256), "of the certificate's DER"),
                            optional("issuer", Schema::text(1, 255), "iss of tokens"),
                            optional("subject", Schema::text(1, 255), "sub of tokens")}))
        .returns(credential_schema(), 201)
        .explained()
        .idempotent()
        .four_eyes(FourEyes::standard, kAdministrators)
        .does([desk](Context& c) { return add_credential(*desk, c); });
    all.emplace_back(Method::remove, "/accounts/{account}/credentials/{credential}", "accounts.remove-credential",
                     Summary{"Take a credential from an account", "Ta en identitet från ett konto"},
                     may("credential", Action::remove))
        .returns_nothing()
        .explained()
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_CHECK(desk->api->accounts().remove_credential(c.parameter("account"), c.parameter("credential")));
            return Answer{};
        });
    all.emplace_back(Method::get, "/accounts/{account}/grants", "accounts.grants",
                     Summary{"List the roles of an account, ended ones too", "Lista ett kontos roller, även avslutade"},
                     may("grant", Action::read))
        .paged()
        .returns(Schema::page_of(grant_schema()))
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_CHECK(desk->api->accounts().show(c.parameter("account")));
            BUDKAVLE_TRY(const auto found, desk->api->accounts().grants(c.parameter("account")));
            return Answer{.body = page_of(c, list_of(found))};
        });
    all.emplace_back(Method::post, "/accounts/{account}/grants", "accounts.grant",
                     Summary{"Give an account a role for a time", "Ge ett konto en roll för en tid"},
                     may("grant", Action::create))
        .takes(Schema::object({{"role", Schema::choice(role_names())},
                               {"scope", Schema::text(1, 220), true, "*, operator:ID or organisation:ID"},
                               {"expires", Schema::time(), true, "at most 366 days from now"}}))
        .returns(grant_schema(), 201)
        .explained()
        .idempotent()
        .four_eyes(FourEyes::standard, kAdministrators)
        .does([desk](Context& c) { return add_grant(*desk, c); });
    all.emplace_back(Method::remove, "/accounts/{account}/grants/{grant}", "accounts.end-grant",
                     Summary{"End a role of an account now", "Avsluta en roll för ett konto nu"},
                     may("grant", Action::remove))
        .returns_nothing()
        .explained()
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_CHECK(desk->api->accounts().end_grant(c.parameter("account"), c.parameter("grant"), c.now));
            return Answer{};
        });
    return all;
}

Routes general_routes(const Services& services) {
    const auto desk = services.desk;
    Routes all;
    all.emplace_back(Method::get, "/openapi.json", "api.openapi",
                     Summary{"This interface as OpenAPI 3.1", "Gränssnittet som OpenAPI 3.1"},
                     Permission::open("description"))
        .returns(Schema::anything())
        .does([desk](Context&) -> Result<Answer> { return Answer{.body = openapi(desk->api->routes())}; });
    all.emplace_back(Method::get, "/api-info", "api.info",
                     Summary{"Name, version and state of the interface", "Gränssnittets namn, version och status"},
                     Permission::open("description"))
        .returns(Schema::object({{"apiName", Schema::text(1, 100)},
                                 {"apiVersion", Schema::text(1, 20)},
                                 {"apiReleased", Schema::text(10, 10)},
                                 {"apiDocumentation", Schema::text(1, 300)},
                                 {"apiStatus", Schema::choice({"design", "preview", "active", "deprecated"})}}))
        .does([desk](Context&) -> Result<Answer> {
            return Answer{.body = json::object{{"apiName", "budkavle-administration"},
                                               {"apiVersion", "1.0.0"},
                                               {"apiReleased", "2026-11-24"},
                                               {"apiDocumentation", desk->api->options().documentation},
                                               {"apiStatus", "active"}}};
        });
    all.emplace_back(Method::get, "/health", "api.health", Summary{"Does the process answer?", "Svarar processen?"},
                     Permission::open("description"))
        .returns(Schema::object({{"status", Schema::choice({"ok"})}}))
        .does([](Context&) -> Result<Answer> { return Answer{.body = json::object{{"status", "ok"}}}; });
    all.emplace_back(Method::get, "/account", "account.show",
                     Summary{"Who am I, and what may I do?", "Vem är jag och vad får jag göra?"},
                     Permission("own-account", Action::read, Reach::itself, Roles::every()))
        .returns(Schema::object({{"account", account_schema()}, {"grants", Schema::list(grant_schema())}}))
        .does([desk](Context& c) -> Result<Answer> {
            BUDKAVLE_TRY(const auto own, desk->api->accounts().show(c.actor.account));
            return Answer{.body = json::object{{"account", to_json(own)}, {"grants", list_of(c.actor.grants)}},
                          .version = own.version};
        });
    return all;
}

}  // namespace budkavle::admin
