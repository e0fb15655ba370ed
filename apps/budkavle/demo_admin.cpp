#include "demo_admin.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/accounts.hpp"
#include "admin/tables.hpp"
#include "command.hpp"

namespace budkavle::app {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::days kOfficerGrant{90};

std::string quoted(const std::string& text) {
    return json::serialize(json::value(text));
}

}  // namespace

const std::vector<DemoOfficer>& demo_officers() {
    static const std::vector<DemoOfficer> all{
        {"anna", "system-administrator", "*", "Systemförvaltning"},
        {"bo", "system-administrator", "*", "Systemförvaltning"},
        {"fia", "federation-owner", "*", "Federationsägare"},
        {"pia", "pki-officer", "*", "PKI"},
        {"per", "pki-officer", "*", "PKI"},
        {"pim", "pki-officer", "*", "PKI"},
        {"olle", "operator-administrator", "operator:ap1", "Drift"},
        {"ola", "operator-administrator-plus", "operator:ap1", "Drift"},
        {"oda", "operator-administrator-plus", "operator:ap2", "Drift"},
        {"rut", "auditor", "*", "Revision"},
    };
    return all;
}

fs::path officer_files(const fs::path& demo, const DemoOfficer& officer) {
    return demo / "clients" / fmt::format("admin-{}", officer.name);
}

Result<> enter_officers(const fs::path& demo, const fs::path& database) {
    BUDKAVLE_TRY(const auto store, store::Database::open_at(database, admin::tables()));
    admin::Accounts accounts(*store);
    const auto now = system_clock().now();
    for (const auto& officer : demo_officers()) {
        BUDKAVLE_TRY(const auto certificate, certificate_of(officer_files(demo, officer).string() + ".crt"));
        BUDKAVLE_TRY(const auto account, accounts.create("host", officer.name, officer.name, false, now));
        BUDKAVLE_CHECK(
            accounts.add_credential("host", account.id, "certificate", certificate.sha256_hex(), now));
        BUDKAVLE_TRY(const auto scope, admin::Scope::parse(officer.scope));
        BUDKAVLE_CHECK(accounts.grant("host", account.id, *admin::role_named(officer.role), scope,
                                      now + kOfficerGrant, "demo", now));
    }
    return {};
}

std::string admin_tables_text(const DemoAdminPlan& plan) {
    std::string urls;
    for (const auto& ca : plan.ca_names)
        urls += fmt::format("{}\"http://127.0.0.1:{}/crl/{}.crl\"", urls.empty() ? "" : ", ", plan.ca_port, ca);
    const auto at = [&](const char* part) { return quoted((plan.demo / part).string()); };
    auto out = fmt::format(
        "\n[admin]\ndatabase = \"data/admin.db\"\naddress = \"127.0.0.1\"\nport = {}\nkey = \"keys/admin.key\"\n"
        "certificate = \"keys/admin.crt\"\nclient_trust = [{}]\ncrl_urls = [{}]\ncrl_issuers = [{}]\n"
        "crl_folder = \"data/crls\"\npermitted_addresses = [\"127.0.0.0/8\"]\nhosts = [\"{}\", \"127.0.0.1\"]\n",
        plan.port, at("trust/tls.pem"), urls, at("trust/crl-issuers.pem"), plan.host);
    out += fmt::format(
        "\n[admin.smp]\ndatabase = {}\nbase_url = \"{}\"\nsigning_key = {}\nsigning_certificate = {}\nsmp_trust = {}\n"
        "ap_trust = {}\no2o_trust = {}\n",
        at("smp/data/registry.db"), plan.smp_url, at("smp/keys/signer.key"), at("smp/keys/signer.crt"),
        at("trust/smp.pem"), at("trust/as4.pem"), at("trust/o2o.pem"));
    if (!plan.pins.empty()) out += fmt::format("ap_pins = {}\n", quoted(plan.pins.string()));
    return out + fmt::format("\n[admin.sml]\ndatabase = {}\n", at("sml/data/sml.db"));
}

json::array officers_json(const fs::path& demo) {
    json::array out;
    for (const auto& officer : demo_officers()) {
        const auto files = officer_files(demo, officer).string();
        out.push_back({{"name", officer.name},
                       {"role", officer.role},
                       {"scope", officer.scope},
                       {"cert", files + ".crt"},
                       {"key", files + ".key"}});
    }
    return out;
}

}  // namespace budkavle::app
