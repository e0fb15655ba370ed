#include "accesspoint/config.hpp"

#include <algorithm>

namespace budkavle::accesspoint {
namespace {

bool is_valid(const crypto::Identity& identity, Time now) {
    return !identity.chain.empty() && identity.certificate().not_before() <= now &&
           now <= identity.certificate().not_after();
}

std::unexpected<Error> wrong(std::string_view code, std::string_view rule, std::string_view place,
                             std::string_view text) {
    return fail(code, rule, place, text, "Correct the configuration.");
}

/// Of `as4` and of the ones that take over from it.
Result<> check_own_certificate(const AccessPointConfig& config, const crypto::Identity& identity, Time now) {
    if (identity.chain.empty() || identity.certificate().common_name() != config.id) {
        return wrong("config.as4_certificate", "AP-04", "ap.as4",
                     "The common name of the AS4 certificate is not the id of the access point.");
    }
    // AP-19: a certificate of another environment must not be used by mistake. Revocation is the peers' question.
    const crypto::CrlStore none;
    const auto trusted = config.environment.ap_trust->check(
        identity.certificate(), identity.chain, none,
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
    if (config.a.proxy && (config.a.proxy->certificates.empty() || config.a.proxy->header.empty()))
        return wrong("config.proxy", "AP-13", "ap.a.proxy", "The proxy needs a certificate of its own and a header.");
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
    if (config.clock_skew > std::chrono::hours(1)) {
        return wrong("config.clock_skew", "SEC-70", "ap.clock_skew", "Clocks may differ by at most one hour.");
    }
    if (config.quota.messages == 0 || config.quota.octets < config.max_message) {
        return wrong("config.quota", "SEC-107", "ap.quota", "The quota must hold the largest message.");
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
    if (config.sends_per_peer == 0 || config.retry_after_limit.count() < 0) {
        return wrong("config.attempts", "AP-6", "ap", "Every peer needs at least one place.");
    }
    BUDKAVLE_CHECK(check_profiles(config.profile_values));
    for (const auto& profile : config.profiles) {
        if (find_profile(config.profile_values, profile) == nullptr)
            return wrong("config.profile", "AP-01", "ap.profiles", "A transport profile is not known.");
    }
    for (const auto& [fingerprint, participants] : config.c.clients) {
        for (const auto& id : participants) {
            if (find_participant(config, id) == nullptr)
                return wrong("config.client", "AP-31", "ap.c.clients",
                             "A client may act for a participant that is not served.");
        }
    }
    for (const auto& next : config.next_as4) {
        // One that begins later is judged as of its beginning.
        const auto at = next.identity.chain.empty() ? now : std::max(now, next.identity.certificate().not_before());
        BUDKAVLE_CHECK(check_own_certificate(config, next.identity, at));
    }
    const bool taken_over = std::ranges::any_of(config.next_as4, [&](const auto& next) {
        return next.sign_from <= now && is_valid(next.identity, now);
    });
    // An ended certificate may stay configured while its successor signs: it still decrypts (AP-19).
    const auto at = taken_over && !config.as4.chain.empty() ? std::min(now, config.as4.certificate().not_after()) : now;
    return check_own_certificate(config, config.as4, at);
}

std::vector<crypto::Identity> decrypting_identities(const AccessPointConfig& config) {
    std::vector<crypto::Identity> all{config.as4};
    for (const auto& next : config.next_as4) all.push_back(next.identity);
    all.insert(all.end(), config.previous_as4.begin(), config.previous_as4.end());
    return all;
}

const crypto::Identity& signing_identity(const AccessPointConfig& config, Time now) {
    const crypto::Identity* best = is_valid(config.as4, now) ? &config.as4 : nullptr;
    const auto consider = [&](const crypto::Identity& one) {
        if (is_valid(one, now) && (best == nullptr || one.certificate().not_before() >= best->certificate().not_before()))
            best = &one;
    };
    for (const auto& next : config.next_as4) {
        if (next.sign_from <= now) consider(next.identity);
    }
    if (best == nullptr) std::ranges::for_each(config.previous_as4, consider);
    return best != nullptr ? *best : config.as4;
}

const crypto::Identity& receipt_signer(const AccessPointConfig& config, const std::string& recipient_sha256, Time now) {
    const auto fits = [&](const crypto::Identity& one) {
        return !one.chain.empty() && one.certificate().sha256_hex() == recipient_sha256 && is_valid(one, now);
    };
    if (fits(config.as4)) return config.as4;
    for (const auto& next : config.next_as4) {
        if (fits(next.identity)) return next.identity;
    }
    for (const auto& previous : config.previous_as4) {
        if (fits(previous)) return previous;
    }
    return signing_identity(config, now);
}

Result<> check_reload(const AccessPointConfig& old, const AccessPointConfig& fresh) {
    const auto restart = [](std::string_view place) {
        return fail("config.restart", "SEC-35", place, "This cannot be changed while the access point runs.",
                    "Restart the access point, or take the change back.");
    };
    if (old.id != fresh.id) return restart("ap.id");
    if (old.environment.name != fresh.environment.name) return restart("environment.name");
    if (old.environment.federation_ids != fresh.environment.federation_ids)
        return restart("environment.federation_ids");
    if (old.folder != fresh.folder) return restart("ap.data");
    if (old.key_file != fresh.key_file) return restart("ap.key_file");
    if (old.postgresql.has_value() != fresh.postgresql.has_value() ||
        (old.postgresql && (old.postgresql->server != fresh.postgresql->server ||
                            old.postgresql->schema != fresh.postgresql->schema)))
        return restart("ap.postgresql");
    if (old.a.address != fresh.a.address || old.a.port != fresh.a.port) return restart("ap.a");
    if (old.c.address != fresh.c.address || old.c.port != fresh.c.port) return restart("ap.c");
    if (old.o.has_value() != fresh.o.has_value() ||
        (old.o && (old.o->address != fresh.o->address || old.o->port != fresh.o->port)))
        return restart("ap.o");
    if (old.max_message != fresh.max_message) return restart("ap.max_message");
    if (old.limits.connections != fresh.limits.connections) return restart("ap.connections");
    return {};
}

store::Location database_location(const AccessPointConfig& config) {
    if (config.postgresql) return *config.postgresql;
    return config.folder / "accesspoint.db";
}

Quota quota_of(const AccessPointConfig& config, const federation::ParticipantId& id) {
    const auto* participant = find_participant(config, id);
    return participant != nullptr && participant->quota ? *participant->quota : config.quota;
}

const Participant* find_participant(const AccessPointConfig& config, const federation::ParticipantId& id) {
    const auto found = std::ranges::find(config.participants, id, &Participant::id);
    return found == config.participants.end() ? nullptr : &*found;
}

}  // namespace budkavle::accesspoint
