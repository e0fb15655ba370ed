#include "accesspoint/config.hpp"

#include <algorithm>

namespace budkavle::accesspoint {
namespace {

std::unexpected<Error> wrong(std::string_view code, std::string_view rule, std::string_view place,
                             std::string_view text) {
    return fail(code, rule, place, text, "Correct the configuration.");
}

Result<> check_own_certificate(const AccessPointConfig& config, Time now) {
    if (config.as4.chain.empty() || config.as4.certificate().common_name() != config.id) {
        return wrong("config.as4_certificate", "AP-04", "ap.as4",
                     "The common name of the AS4 certificate is not the id of the access point.");
    }
    // AP-19: a certificate of another environment must not be used by mistake. Revocation is the peers' question.
    const crypto::CrlStore none;
    const auto trusted = config.environment.ap_trust->check(
        config.as4.certificate(), config.as4.chain, none,
        {.at = now, .revocation = crypto::RevocationPolicy::when_present, .anchor_must_issue = true});
    if (!trusted)
        return fail("config.as4_certificate", "AP-19", "ap.as4", trusted.error().text,
                    "Use the certificate issued for this federation and environment.");
    return {};
}

}  // namespace

Result<> check(const AccessPointConfig& config, Time now) {
    if (config.environment.federation_ids.empty())
        return wrong("config.federation", "AP-20", "environment.federation_ids", "No federation is named.");
    if (!config.environment.ap_trust || !config.environment.smp_trust)
        return wrong("config.trust", "AP-14", "environment", "A trust store is missing.");
    if (!config.a.client_trust || !config.a.server_trust)
        return wrong("config.trust", "AP-10", "ap.a", "Mutual TLS needs trust stores for both directions.");
    if (!config.c.client_trust)
        return wrong("config.trust", "SEC-40", "ap.c", "Interface C needs a trust store for its clients.");
    if (config.duplicate_memory < std::chrono::hours(24 * 30)) {
        return wrong("config.duplicate_memory", "AP-6", "ap.duplicate_memory",
                     "Duplicates must be remembered for at least 30 days.");
    }
    if (config.log_retention < std::chrono::hours(24 * 365)) {
        return wrong("config.log_retention", "SEC-02", "ap.log_retention",
                     "The log must be kept for at least 12 months.");
    }
    if (config.send_retries.attempts == 0 || config.lookup_retries.attempts == 0 || config.senders == 0) {
        return wrong("config.attempts", "AP-6", "ap", "The number of attempts and of senders must be at least 1.");
    }
    if (config.o && (!config.o->client_trust || config.o->operators.empty())) {
        return wrong("config.operators", "SEC-51", "ap.o",
                     "Interface O needs a trust store and at least one operator.");
    }
    if (config.takeover_after < std::chrono::seconds(5))
        return wrong("config.takeover_after", "AP-6", "ap.takeover_after", "Claims must last at least 5 seconds.");
    BUDKAVLE_CHECK(store::check(database_location(config)));
    for (const auto& profile : config.profiles) {
        if (federation::find_transport_profile(profile) == nullptr)
            return wrong("config.profile", "AP-01", "ap.profiles", "A transport profile is not known.");
    }
    for (const auto& [fingerprint, participants] : config.c.clients) {
        for (const auto& id : participants) {
            if (find_participant(config, id) == nullptr)
                return wrong("config.client", "AP-31", "ap.c.clients",
                             "A client may act for a participant that is not served.");
        }
    }
    return check_own_certificate(config, now);
}

store::Location database_location(const AccessPointConfig& config) {
    if (config.postgresql) return *config.postgresql;
    return config.folder / "accesspoint.db";
}

const Participant* find_participant(const AccessPointConfig& config, const federation::ParticipantId& id) {
    const auto found = std::ranges::find(config.participants, id, &Participant::id);
    return found == config.participants.end() ? nullptr : &*found;
}

}  // namespace budkavle::accesspoint
