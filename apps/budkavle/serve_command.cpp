#include <fmt/format.h>
#include <unistd.h>

#include "accesspoint/access_point.hpp"
#include "base/stream.hpp"
#include "command.hpp"
#include "config.hpp"
#include "messageservice/message_service.hpp"
#include "serve.hpp"
#include "shutdown.hpp"

namespace budkavle::app {
namespace {

/// The roles of one process, started in the order in which they need each other, ended in the reverse one.
struct Roles {
    std::unique_ptr<ca::Authority> authority;
    std::unique_ptr<ca::PublishServer> ca;
    std::unique_ptr<smpserver::SmpServer> smp;
    std::unique_ptr<accesspoint::AccessPoint> ap;
    std::unique_ptr<messageservice::MessageService> mt;
};

Result<Roles> start(Config& config, obs::Log& log) {
    const auto& clock = system_clock();
    Roles roles;
    if (config.ca) {
        BUDKAVLE_TRY(roles.authority, open_authority(*config.ca, log));
        BUDKAVLE_TRY(roles.ca, ca::PublishServer::start(config.ca->server, *roles.authority, log, clock));
    }
    if (config.smp) {
        BUDKAVLE_TRY(roles.smp, smpserver::SmpServer::start(*config.smp, log, clock));
    }
    if (config.ap) {
        BUDKAVLE_TRY(roles.ap, accesspoint::AccessPoint::start(std::move(*config.ap), log, clock));
    }
    if (config.mt) {
        BUDKAVLE_TRY(roles.mt, messageservice::MessageService::start(std::move(*config.mt), log, clock));
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

Result<Exit> serve(const std::string& file, int ready_fd) {
    block_shutdown_signals();
    BUDKAVLE_TRY(auto config, good_config(file));
    BUDKAVLE_TRY(const auto log, obs::Log::open(config.log_folder, config.component, system_clock()));
    log->audit("system", "process.started", {{"version", BUDKAVLE_VERSION}});
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
    wait_for_shutdown();
    log->audit("system", "process.stopping");
    if (roles->mt) roles->mt->stop();
    if (roles->ap) roles->ap->stop();
    if (roles->smp) roles->smp->stop();
    if (roles->ca) roles->ca->stop();
    return Exit::yes;
}

}  // namespace

Result<std::unique_ptr<ca::Authority>> open_authority(const CaRole& role, obs::Log& log) {
    BUDKAVLE_TRY(const auto passphrase, read_file(role.passphrase_file, 4096));
    ca::AuthorityConfig config{.folder = role.folder,
                               .passphrase = SecretBytes(as_bytes(trim(as_text(passphrase)))),
                               .owner = role.owner,
                               .base_urls = role.base_urls,
                               .ocsp_urls = {},
                               .key_policy = {.min_rsa_bits = role.min_rsa_bits},
                               .reissue = role.reissue};
    return ca::Authority::open(std::move(config), log, system_clock());
}

void add_serve(CLI::App& app, Exit& exit) {
    static std::string file;
    static int ready_fd = -1;
    auto* serving = app.add_subcommand("serve", std::string(tr("Run the roles that a configuration names",
                                                               "Kör rollerna som en konfiguration anger")));
    serving->add_option("--config", file)->required();
    serving->add_option("--ready-fd", ready_fd,
                        std::string(tr("descriptor that gets one octet once everything serves",
                                       "filbeskrivning som får en oktett när allt är igång")));
    serving->footer("budkavle serve --config /etc/budkavle/ap.toml");
    on(*serving, exit, [] { return serve(file, ready_fd); });

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
