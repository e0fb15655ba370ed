#include <fmt/format.h>
#include <unistd.h>

#include "accesspoint/access_point.hpp"
#include "ca/requests.hpp"
#include "base/stream.hpp"
#include "command.hpp"
#include "config.hpp"
#include "inventory.hpp"
#include "messageservice/message_service.hpp"
#include "process.hpp"
#include "serve.hpp"
#include "shutdown.hpp"

namespace budkavle::app {
namespace {

constexpr std::chrono::hours kExpiryInterval{1};

/// The roles of one process, started in the order in which they need each other, ended in the reverse one.
struct Roles {
    std::unique_ptr<ca::Authority> authority;
    std::unique_ptr<ca::PublishServer> ca;
    RunningSml sml;
    std::unique_ptr<smpserver::SmpServer> smp;
    std::unique_ptr<accesspoint::AccessPoint> ap;
    std::unique_ptr<messageservice::MessageService> mt;
    std::unique_ptr<ca::Requests> requests;
    std::unique_ptr<AdminRole> admin;
};

Result<Roles> start(Config& config, obs::Log& log) {
    const auto& clock = system_clock();
    Roles roles;
    if (config.ca) {
        BUDKAVLE_TRY(roles.authority, open_authority(*config.ca, log));
        BUDKAVLE_TRY(roles.ca, ca::PublishServer::start(config.ca->server, *roles.authority, log, clock));
    }
    if (config.sml) {
        BUDKAVLE_TRY(roles.sml, start_sml(std::move(*config.sml), log, clock));
    }
    if (config.smp) {
        if (config.smp_sml) {
            BUDKAVLE_TRY(config.smp->locator_port, SmlPort::open(std::move(*config.smp_sml)));
        }
        BUDKAVLE_TRY(roles.smp, smpserver::SmpServer::start(*config.smp, log, clock));
    }
    if (config.ap) {
        BUDKAVLE_TRY(roles.ap, accesspoint::AccessPoint::start(std::move(*config.ap), log, clock));
    }
    if (config.mt) {
        BUDKAVLE_TRY(roles.mt, messageservice::MessageService::start(std::move(*config.mt), log, clock));
    }
    if (config.admin) {
        admin::Services services;
        if (roles.authority) {
            roles.requests = std::make_unique<ca::Requests>(*roles.authority);
            services.authority = roles.authority.get();
            services.requests = roles.requests.get();
        }
        BUDKAVLE_TRY(roles.admin, AdminRole::start(std::move(*config.admin), services, log));
    }
    return roles;
}

Result<Config> good_config(const std::string& file) {
    BUDKAVLE_TRY(auto config, load_config(file));
    for (const auto& fault : config.faults) fmt::print(stderr, "{}: {}\n", fault.place, fault.text);
    if (!config.faults.empty())
        return fail("config.faults", {}, file, fmt::format("The configuration has {} fault(s).", config.faults.size()));
    return config;
}

/// Reads the configuration anew and hands each role its part. A configuration that cannot be served changes nothing.
Result<std::vector<crypto::InventoryItem>> reload(const std::string& file, Roles& roles) {
    BUDKAVLE_TRY(auto config, load_config(file));
    auto inventory = inventory_of(config);
    if (!config.faults.empty()) {
        const auto& first = config.faults.front();
        return fail("config.faults", {}, first.place,
                    config.faults.size() == 1
                        ? first.text
                        : fmt::format("{} (and {} more)", first.text, config.faults.size() - 1),
                    "Correct the configuration; the old one stays in use.");
    }
    if (config.ap.has_value() != (roles.ap != nullptr) || config.mt.has_value() != (roles.mt != nullptr) ||
        config.smp.has_value() != (roles.smp != nullptr) || config.ca.has_value() != (roles.ca != nullptr) ||
        config.sml.has_value() != (roles.sml.server != nullptr) || config.admin.has_value() != (roles.admin != nullptr))
        return fail("config.restart", {}, file, "The roles of a running process cannot be changed.", "Restart it.");
    if (roles.ap) BUDKAVLE_CHECK(roles.ap->reload(std::move(*config.ap)));
    return inventory;
}

void reload_and_tell(const std::string& file, Roles& roles, obs::Log& log, Presence& presence,
                     std::vector<crypto::InventoryItem>& inventory) {
    auto done = reload(file, roles);
    if (!done) {
        const auto fields = obs::error_fields(done.error());
        log.technical(obs::Level::error, "process.reload_refused", fields);
        log.audit("system", "process.reload_refused", fields);
        presence.note_reload(std::unexpected(done.error()));
        return;
    }
    inventory = std::move(*done);
    presence.note_reload({});
}

struct ServeOptions {
    std::string file;
    int ready_fd = -1;
    ProcessRights rights;
};

Result<Exit> serve(const ServeOptions& options) {
    block_service_signals();
    BUDKAVLE_CHECK(take_rights(options.rights));
    const auto& file = options.file;
    const int ready_fd = options.ready_fd;
    BUDKAVLE_TRY(auto config, good_config(file));
    BUDKAVLE_TRY(const auto log, obs::Log::open(config.log_folder, config.component, system_clock()));
    const auto presence = Presence::announce(config.log_folder, config.component);
    log->audit("system", "process.started", {{"version", BUDKAVLE_VERSION}});
    auto inventory = inventory_of(config);  // before the roles take their parts
    auto roles = start(config, *log);
    if (!roles) {
        log->technical(obs::Level::error, "process.start_failed", obs::error_fields(roles.error()));
        return std::unexpected(roles.error());
    }
    if (ready_fd >= 0) {
        const char byte = '1';
        if (::write(ready_fd, &byte, 1) != 1) log->technical(obs::Level::warning, "process.nobody_waits");
        ::close(ready_fd);
    }
    notify_manager("READY=1");
    crypto::ExpiryWatch expiry;
    for (auto wish = Wish::none; wish != Wish::end; wish = wait_for_wish(kExpiryInterval)) {
        if (wish == Wish::reload) reload_and_tell(file, *roles, *log, *presence, inventory);
        tell_expiry(expiry, inventory, system_clock().now(), *log);
    }
    notify_manager("STOPPING=1");
    log->audit("system", "process.stopping");
    if (roles->admin) roles->admin->stop();
    if (roles->mt) roles->mt->stop();
    if (roles->ap) roles->ap->stop();
    if (roles->smp) roles->smp->stop();
    if (roles->sml.server) roles->sml.server->stop();
    if (roles->ca) roles->ca->stop();
    return Exit::yes;
}

}  // namespace

Result<PkiOffice> open_pki(const std::string& config_file) {
    BUDKAVLE_TRY(const auto config, load_config(config_file));
    if (!config.ca) return fail("usage.config", {}, config_file, "The configuration has no role [ca].");
    PkiOffice out;
    BUDKAVLE_TRY(out.log, obs::Log::open(config.log_folder, config.component, system_clock()));
    BUDKAVLE_TRY(out.authority, open_authority(*config.ca, *out.log));
    return out;
}

Result<std::unique_ptr<ca::Authority>> open_authority(const CaRole& role, obs::Log& log) {
    Bytes passphrase;
    if (role.keys.empty()) {
        BUDKAVLE_TRY(passphrase, read_file(role.passphrase_file, 4096));
    }
    ca::AuthorityConfig config{.folder = role.folder,
                               .passphrase = SecretBytes(as_bytes(trim(as_text(passphrase)))),
                               .owner = role.owner,
                               .base_urls = role.base_urls,
                               .ocsp_urls = {},
                               .key_policy = {.min_rsa_bits = role.min_rsa_bits},
                               .reissue = role.reissue,
                               .ocsp_rsa_bits = role.min_rsa_bits};
    if (!role.keys.empty()) {
        BUDKAVLE_TRY(const auto uri, crypto::parse_pkcs11_uri(role.keys));
        BUDKAVLE_TRY(auto token, crypto::token_of(uri));
        config.keys = ca::token_keys(std::move(token));
    }
    if (role.ocsp) {
        for (const auto& base : role.base_urls) config.ocsp_urls.push_back(base + "/ocsp");
    }
    if (role.postgresql) config.register_at = *role.postgresql;
    return ca::Authority::open(std::move(config), log, system_clock());
}

void add_serve(CLI::App& app, Exit& exit) {
    static ServeOptions options;
    auto* serving = app.add_subcommand("serve", std::string(tr("Run the roles that a configuration names",
                                                               "Kör rollerna som en konfiguration anger")));
    serving->add_option("--config", options.file)->required();
    serving->add_option("--ready-fd", options.ready_fd,
                        std::string(tr("descriptor that gets one octet once everything serves",
                                       "filbeskrivning som får en oktett när allt är igång")));
    serving->add_option("--user", options.rights.user,
                        std::string(tr("when started as root: become this user first",
                                       "om den startas som root: bli den här användaren först")));
    serving->add_flag("--allow-root", options.rights.allow_root,
                      std::string(tr("serve as root; for tests and containers of one user",
                                     "kör som root; för prov och behållare med en enda användare")));
    serving->footer("budkavle serve --config /etc/budkavle/ap.toml\nSIGHUP, or `budkavle reload`, reads it again.");
    on(*serving, exit, [] { return serve(options); });

    auto* reloading = app.add_subcommand(
        "reload", std::string(tr("Let a running service read its configuration, keys and certificates again",
                                 "Låt en tjänst som körs läsa om sin konfiguration, nycklar och certifikat")));
    static std::string to_reload;
    reloading->add_option("--config", to_reload)->required();
    reloading->footer("budkavle reload --config /etc/budkavle/ap.toml");
    on(*reloading, exit, []() -> Result<Exit> {
        BUDKAVLE_TRY(const auto checked, good_config(to_reload));
        BUDKAVLE_CHECK(request_reload(checked.log_folder, checked.component));
        fmt::print("{}\n", tr("The new configuration is in use.", "Den nya konfigurationen används."));
        return Exit::yes;
    });

    auto* config = app.add_subcommand("config", std::string(tr("Configurations", "Konfigurationer")));
    config->require_subcommand(1);
    auto* checking =
        config->add_subcommand("check", std::string(tr("Validate a configuration; names every fault with its line",
                                                       "Validera en konfiguration; anger varje fel med rad")));
    static std::string to_check;
    checking->add_option("FILE", to_check)->required();
    on(*checking, exit, []() -> Result<Exit> {
        BUDKAVLE_CHECK(good_config(to_check));
        fmt::print("{}\n", tr("The configuration can be served.", "Konfigurationen kan köras."));
        return Exit::yes;
    });
}

}  // namespace budkavle::app
