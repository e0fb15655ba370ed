#include "messageservice/platform.hpp"

namespace budkavle::messageservice {
namespace {

smp::OutsideConfig outside_config(const MessageServiceConfig& config) {
    const auto& environment = config.environment;
    smp::OutsideConfig out;
    out.resolver_address = environment.resolver_address;
    out.resolver_port = environment.resolver_port;
    out.dnssec = environment.dnssec;
    out.crisis_metadata = environment.crisis_metadata;
    out.permitted_addresses = environment.permitted_addresses;
    out.zone = environment.zone;
    out.smp_trust = environment.smp_trust;
    out.ap_trust = environment.ap_trust;
    out.tls_trust = environment.smp_tls_trust;
    out.revocation = environment.revocation;
    out.metadata_cache = environment.directory_cache;
    out.crl_urls = environment.crl_urls;
    out.crl_issuers = environment.crl_issuers;
    out.crl_interval = environment.crl_interval;
    out.ocsp_responders = environment.ocsp_responders;
    out.ocsp_get = environment.ocsp_get;
    out.revocation_grace = environment.revocation_grace;
    out.folder = config.data;
    for (const auto& participant : config.participants) {
        for (const auto& identity : participant.identities) out.own.push_back(identity.certificate());
    }
    out.own.push_back(config.api.identity.certificate());
    out.own.push_back(config.access_point.identity.certificate());
    return out;
}

}  // namespace

Result<std::unique_ptr<smp::Outside>> start_outside(const MessageServiceConfig& config, obs::Log& log,
                                                    const Clock& clock) {
    auto world = outside_config(config);
    world.log = &log;
    return smp::Outside::start(world, clock, smp::log_to(log));
}

Outside seen_by_message_service(smp::Outside& world) {
    return {[&world](const federation::ParticipantId& participant, const std::string& document) {
                return world.directory().lookup(participant, document);
            },
            world.resolve(), world.revocation()};
}

}  // namespace budkavle::messageservice
