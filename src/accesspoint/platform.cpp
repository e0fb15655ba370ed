#include "accesspoint/platform.hpp"

namespace budkavle::accesspoint {

smp::OutsideConfig outside_config(const AccessPointConfig& config) {
    const auto& environment = config.environment;
    smp::OutsideConfig out;
    out.resolver_address = environment.resolver_address;
    out.resolver_port = environment.resolver_port;
    out.dnssec = environment.dnssec;
    out.crisis_metadata = environment.crisis_metadata;
    out.permitted_addresses = environment.permitted_addresses;
    out.zone = environment.zone;
    out.profiles = config.profiles;
    out.smp_trust = environment.smp_trust;
    out.ap_trust = environment.ap_trust;
    out.tls_trust = environment.smp_tls_trust;
    out.metadata_cache = config.metadata_cache;
    out.crl_urls = environment.crl_urls;
    out.crl_issuers = environment.crl_issuers;
    out.crl_interval = config.crl_interval;
    out.ocsp_responders = environment.ocsp_responders;
    out.ocsp_get = environment.ocsp_get;
    out.revocation_grace = environment.revocation_grace;
    out.folder = config.folder;
    out.own = {config.as4.certificate(), config.a.identity.certificate()};
    return out;
}

Result<std::unique_ptr<smp::Outside>> start_outside(const AccessPointConfig& config, obs::Log& log, const Clock& clock,
                                                    std::shared_ptr<crypto::CrlStore> data) {
    auto world = outside_config(config);
    world.log = &log;
    return smp::Outside::start(world, clock, smp::log_to(log), std::move(data));
}

Outside seen_by_access_point(smp::Outside& world) {
    return {[&world](const federation::ParticipantId& participant, const std::string& document) {
                return world.directory().lookup(participant, document);
            },
            world.resolve(), world.revocation()};
}

}  // namespace budkavle::accesspoint
