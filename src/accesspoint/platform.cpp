#include "accesspoint/platform.hpp"

#include "dns/resolver.hpp"
#include "smp/crl_fetcher.hpp"
#include "smp/directory.hpp"

namespace budkavle::accesspoint {
namespace {

class RealPlatform final : public Platform {
public:
    RealPlatform(const AccessPointConfig& config, const net::AddressGuard& guard, obs::Log& log, const Clock& clock)
        : resolver_(dns::make_resolver(config.environment.resolver_address, config.environment.resolver_port)),
          crls_(std::make_shared<crypto::CrlStore>()),
          crl_client_(net::Client::create(client_options(config, guard, true))),
          smp_client_(net::Client::create(client_options(config, guard, false))),
          fetcher_({.urls = config.environment.crl_urls,
                    .issuers = config.environment.crl_issuers,
                    .folder = config.folder / "crl",
                    .max_interval = config.crl_interval},
                   crls_, *crl_client_, clock,
                   [&log](const std::string& url, const Error& error) {
                       auto fields = obs::error_fields(error);
                       fields.push_back({"url", url});
                       log.technical(obs::Level::warning, "crl.fetch_failed", fields);
                   }),
          directory_({.zone = config.environment.zone,
                      .profiles = config.profiles,
                      .smp_trust = config.environment.smp_trust,
                      .ap_trust = config.environment.ap_trust,
                      .crls = crls_,
                      .cache = config.metadata_cache},
                     *resolver_, *smp_client_, clock) {
        fetcher_.watch(config.as4.certificate());
        fetcher_.watch(config.a.identity.certificate());
        (void)fetcher_
            .refresh_now();  // on_error has logged it; until lists are there everything that needs them waits (AP-18)
        fetcher_.start();
    }

    Outside outside() override {
        return {[this](const federation::ParticipantId& participant, const std::string& document) {
                    return directory_.lookup(participant, document);
                },
                [this](const std::string& host) { return resolver_->addresses(host); }, crls_};
    }

private:
    net::ClientOptions client_options(const AccessPointConfig& config, const net::AddressGuard& guard, bool plain) {
        net::ClientOptions options;
        options.tls.server_trust = config.environment.smp_tls_trust;
        // Lists and metadata are signed; to demand lists for the connection that brings them would never begin.
        options.tls.crls = crls_;
        options.tls.revocation = crypto::RevocationPolicy::when_present;
        options.resolve = [this](const std::string& host) { return resolver_->addresses(host); };
        options.guard = guard;
        options.connect_timeout = std::chrono::seconds(5);
        options.stall_timeout = std::chrono::seconds(10);
        options.total_timeout = std::chrono::seconds(30);
        options.allow_plain_http = plain;
        return options;
    }

    std::unique_ptr<dns::Resolver> resolver_;
    std::shared_ptr<crypto::CrlStore> crls_;
    std::unique_ptr<net::Client> crl_client_;
    std::unique_ptr<net::Client> smp_client_;
    smp::CrlFetcher fetcher_;
    smp::Directory directory_;
};

}  // namespace

Result<std::unique_ptr<Platform>> Platform::start(const AccessPointConfig& config, obs::Log& log, const Clock& clock) {
    BUDKAVLE_TRY(const auto guard, net::AddressGuard::from_ranges(config.environment.permitted_addresses));
    return std::make_unique<RealPlatform>(config, guard, log, clock);
}

}  // namespace budkavle::accesspoint
