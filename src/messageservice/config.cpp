#include "messageservice/config.hpp"

#include <set>

namespace budkavle::messageservice {
namespace {

std::unexpected<Error> wrong(std::string_view field, std::string_view text) {
    return fail("mt.config", {}, field, text);
}

Result<> check(const EnvironmentConfig& environment) {
    if (environment.federation_ids.empty()) return wrong("environment.federation_ids", "No FEDERATIONID is given.");
    if (!environment.o2o_trust || environment.o2o_trust->purpose() != crypto::Purpose::o2o)
        return wrong("environment.o2o_trust", "The trust store of O2O issuers is missing or of another purpose.");
    return {};
}

Result<> check(const ParticipantConfig& participant, std::string_view field, std::set<std::string>& seen) {
    const auto id = federation::ParticipantId::parse(participant.id);
    if (!id) return wrong(field, "A participant identifier is malformed.");
    if (!seen.insert(id->folded()).second) return wrong(field, "A participant is listed twice.");
    if (participant.identities.empty()) return wrong(field, "A participant has no signing certificate.");
    std::set<std::string> functions;
    for (const auto& function : participant.functions)
        if (function.id.empty() || !functions.insert(function.id).second)
            return wrong(field, "A function address is empty or listed twice.");
    return {};
}

/// SEC-30: no private key is shared between participants.
Result<> check_keys_apart(const std::vector<ParticipantConfig>& participants) {
    std::set<Bytes> keys;
    for (const auto& participant : participants) {
        std::set<Bytes> own;
        for (const auto& identity : participant.identities) own.insert(identity.certificate().public_key().spki_der());
        for (const auto& key : own)
            if (!keys.insert(key).second)
                return wrong("participants", "Two participants share a private key (SEC-30).");
    }
    return {};
}

}  // namespace

Result<> check(const MessageServiceConfig& config) {
    BUDKAVLE_CHECK(check(config.environment));
    if (config.participants.empty()) return wrong("participants", "No participant is given.");
    std::set<std::string> seen;
    for (const auto& participant : config.participants) BUDKAVLE_CHECK(check(participant, "participants", seen));
    BUDKAVLE_CHECK(check_keys_apart(config.participants));
    for (const auto& [certificate, participants] : config.api.clients)
        for (const auto& id : participants)
            if (!seen.contains(id.folded()))
                return wrong("api.clients", "A client may act for a participant that is not served here.");
    if (config.access_point.url.empty()) return wrong("access_point.url", "The access point's address is missing.");
    if (config.data.empty() || config.keys.empty()) return wrong("data", "The folders of data and keys must be given.");
    if (config.data == config.keys) return wrong("keys", "Storage keys must lie apart from the data (SEC-43).");
    if (config.workers == 0) return wrong("workers", "At least one worker is needed.");
    return {};
}

}  // namespace budkavle::messageservice
