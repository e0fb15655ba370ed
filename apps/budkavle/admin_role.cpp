#include "admin_role.hpp"

#include "outside.hpp"

namespace budkavle::app {

Result<std::unique_ptr<AdminRole>> AdminRole::start(AdminConfig config, admin::Services services, obs::Log& log) {
    auto role = std::unique_ptr<AdminRole>(new AdminRole());
    if (!config.crl_urls.empty()) {
        net::ClientOptions options;
        options.resolve = system_resolve();
        options.allow_plain_http = true;  // lists are signed
        BUDKAVLE_TRY(options.guard, net::AddressGuard::from_ranges(config.permitted_addresses));
        role->client_ = net::Client::create(std::move(options));
        auto issuers = config.server.tls.client_trust->anchors();
        issuers.insert(issuers.end(), config.crl_issuers.begin(), config.crl_issuers.end());
        smp::CrlFetcherConfig fetching{
            .urls = config.crl_urls, .issuers = std::move(issuers), .folder = config.crl_folder};
        role->fetcher_ =
            std::make_unique<smp::CrlFetcher>(std::move(fetching), role->crls_, *role->client_, system_clock());
        if (const auto fetched = role->fetcher_->refresh_now(); !fetched)
            log.technical(obs::Level::warning, "admin.crl_not_fetched", obs::error_fields(fetched.error()));
        role->fetcher_->start();
    }
    config.server.tls.crls = role->crls_;
    if (config.smp) {
        config.smp->crls = role->crls_;
        BUDKAVLE_TRY(role->registry_, smpserver::Register::open(*config.smp, log, system_clock()));
        role->registry_->start_worker();
        services.registry = role->registry_.get();
    }
    if (config.sml) {
        BUDKAVLE_TRY(role->locator_, sml::Register::open(*config.sml, log, system_clock()));
        services.locator = role->locator_.get();
    }
    BUDKAVLE_TRY(role->server_,
                 admin::AdminServer::start(std::move(config.server), config.api, services, log, system_clock()));
    return role;
}

AdminRole::~AdminRole() {
    stop();
}

void AdminRole::stop() {
    if (server_) server_->stop();
    if (fetcher_) fetcher_->stop();
}

}  // namespace budkavle::app
