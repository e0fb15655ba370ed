#include <fmt/format.h>

#include "admin/tables.hpp"
#include "api_client.hpp"
#include "config.hpp"

namespace budkavle::app {
namespace {

struct HostOptions {
    std::string config, person, name, certificate, log;
};

Result<AdminConfig> admin_config(const std::string& file) {
    BUDKAVLE_TRY(auto config, load_config(file));
    if (!config.admin) return fail("usage.config", {}, file, "The configuration has no role [admin].");
    return std::move(*config.admin);
}

/// On the host, with the rights to the database: before anybody can sign in (SEC-46).
Result<Exit> first_account(const HostOptions& options) {
    BUDKAVLE_TRY(auto loaded, load_config(options.config));
    if (!loaded.admin) return fail("usage.config", {}, options.config, "The configuration has no role [admin].");
    BUDKAVLE_TRY(const auto certificate, certificate_of(options.certificate));
    BUDKAVLE_TRY(const auto log, obs::Log::open(loaded.log_folder, loaded.component, system_clock()));
    BUDKAVLE_TRY(const auto database, store::Database::open_at(loaded.admin->server.database, admin::tables()));
    admin::Accounts accounts(*database);
    BUDKAVLE_TRY(const auto made,
                 accounts.create_first(options.person, options.name, certificate.sha256_hex(), system_clock().now()));
    admin::AuditTrail trail(*database, *log, system_clock());
    BUDKAVLE_CHECK(trail.write({.account = "host",
                                .who = "host",
                                .operation = "accounts.first",
                                .outcome = "done",
                                .object_type = "account",
                                .object_id = made.id,
                                .new_value = certificate.sha256_hex(),
                                .reason = "made on the host"}));
    fmt::print("{} {}\n", tr("account", "konto"), made.id);
    fmt::print("{}\n",
               tr("System administrator for 90 days. A second person is needed for changes with four eyes.",
                  "Systemadministratör i 90 dagar. En andra person behövs för ändringar som två ska godkänna."));
    return Exit::yes;
}

Result<Exit> verify_trail(const HostOptions& options) {
    if (!options.log.empty()) {
        BUDKAVLE_TRY(const auto lines, obs::verify_audit(options.log));
        fmt::print("{}: {}\n", tr("lines, unbroken", "rader, obrutna"), lines);
        return Exit::yes;
    }
    BUDKAVLE_TRY(const auto config, admin_config(options.config));
    BUDKAVLE_TRY(const auto database, store::Database::open_at(config.server.database, admin::tables()));
    const admin::AuditTrail trail(*database, obs::null_log(), system_clock());
    BUDKAVLE_TRY(const auto verdict, trail.verify());
    fmt::print("{}: {}\n{}: {}\n", tr("lines, unbroken", "rader, obrutna"), verdict.lines,
               tr("last hash", "sista hash"), verdict.last_hash);
    return Exit::yes;
}

}  // namespace

void add_admin(CLI::App& app, Exit& exit) {
    auto* command =
        app.add_subcommand("admin", std::string(tr("Accounts, roles, approvals and audit trail of the registers",
                                                   "Konton, roller, godkännanden och revisionsspår för registren")));
    command->require_subcommand(1);
    static HostOptions options;
    auto* first = command->add_subcommand("first-account",
                                          std::string(tr("On the host: make one of the first two administrators",
                                                         "På värden: skapa en av de två första administratörerna")));
    first->add_option("--config", options.config)->required();
    first
        ->add_option("--person", options.person,
                     std::string(tr("reference in your directory", "beteckning i er katalog")))
        ->required();
    first->add_option("--name", options.name)->required();
    first
        ->add_option("--certificate", options.certificate,
                     std::string(tr("the person's TLS certificate", "personens TLS-certifikat")))
        ->required();
    first->footer(
        "budkavle admin first-account --config admin.toml --person A17 --name 'Anna A' --certificate anna.pem");
    on(*first, exit, [] { return first_account(options); });
    auto* verify = command->add_subcommand("verify-audit",
                                           std::string(tr("Verify the hash chain of a trail or of an audit log",
                                                          "Kontrollera hashkedjan i ett spår eller en revisionslogg")));
    verify->add_option("--config", options.config,
                       std::string(tr("of the service: its trail", "tjänstens: dess spår")));
    verify->add_option("--log", options.log, "audit.jsonl");
    verify->footer(
        "budkavle admin verify-audit --config admin.toml\nbudkavle admin verify-audit --log "
        "/var/log/budkavle/audit.jsonl");
    on(*verify, exit, [] { return verify_trail(options); });
    for (const auto* part : {"api", "account", "accounts", "cases", "audit", "smp", "sml", "pki"}) {
        auto* below = command->add_subcommand(part, fmt::format("budkavle admin {} --help", part));
        below->require_subcommand(1);
        add_api_commands(*below, exit, part);
    }
}

}  // namespace budkavle::app
