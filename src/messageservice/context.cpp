#include "messageservice/context.hpp"

#include <malloc.h>

#include <algorithm>
#include <set>

namespace budkavle::messageservice {

Result<> Context::open_tenants() {
    for (const auto& participant : config.participants) {
        BUDKAVLE_TRY(auto tenant, Tenant::open(participant, config.data, config.keys));
        std::vector<std::string> used;
        BUDKAVLE_CHECK(database.read([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(used, blobs_in_use(tx, tenant->key()));
            return {};
        }));
        const std::set<std::string> keep(used.begin(), used.end());
        BUDKAVLE_TRY(const auto removed,
                     tenant->blobs().sweep([&](const std::string& id) { return keep.contains(id); }));
        if (removed > 0)
            log.technical(obs::Level::info, "mt.swept",
                          {{"participant", tenant->key()}, {"blobs", static_cast<std::int64_t>(removed)}});
        auto key = tenant->key();
        tenants_.insert_or_assign(std::move(key), std::move(tenant));
    }
    return {};
}

const Tenant* Context::find_tenant(const std::string& key) const {
    const auto found = tenants_.find(key);
    return found == tenants_.end() ? nullptr : found->second.get();
}

Result<const Tenant*> Context::tenant(const std::string& key) const {
    if (const auto* found = find_tenant(key)) return found;
    return fail("mt.participant", "", key, "The participant is not in the configuration.");
}

crypto::TrustPolicy Context::trust_policy() const {
    return {.at = now(), .revocation = config.environment.revocation};
}

std::unique_lock<std::mutex> Context::turn(std::int64_t octets) {
    return octets > kLarge ? std::unique_lock(large_) : std::unique_lock<std::mutex>();
}

void Context::release_memory(std::int64_t octets) {
    if (octets > kLarge) malloc_trim(0);
}

Subject Subject::parse(const std::string& text) {
    const auto space = text.find(' ');
    return {text.substr(0, space), space == std::string::npos ? std::string() : text.substr(space + 1)};
}

std::string subject(const std::string& participant, const std::string& id) {
    return participant + " " + id;
}

milliseconds pause(std::int64_t attempt, milliseconds first, milliseconds last) {
    auto wait = first;
    for (std::int64_t i = 1; i < attempt && wait < last; ++i) wait *= 2;
    return std::min(wait, last);
}

Event event_of(Time at, std::string_view name, const Error& error) {
    return {.time = at,
            .event = std::string(name),
            .status = {},
            .detail = error.code,
            .place = error.place,
            .text = error.rule.empty() ? error.text : error.rule + ": " + error.text,
            .ids = {},
            .certificate = {}};
}

Event event_of(Time at, std::string_view name, std::string_view text,
               std::vector<std::pair<std::string, std::string>> ids) {
    return {.time = at,
            .event = std::string(name),
            .status = {},
            .detail = {},
            .place = {},
            .text = std::string(text),
            .ids = std::move(ids),
            .certificate = {}};
}

void log_transfer(obs::Log& log, std::string_view event, const TransferLine& line) {
    log.transfer(event, {{"participant", line.participant},
                         {"direction", std::string(name(line.direction))},
                         {"sender", line.sender},
                         {"recipient", line.receiver},
                         {"messageId", line.message_id},
                         {"as4MessageId", line.as4_message_id},
                         {"conversationId", line.conversation_id},
                         {"document", line.document},
                         {"bytes", line.octets},
                         {"certificateSha256", line.certificate},
                         {"cause", line.cause},
                         {"result", std::string(line.cause.empty() ? "ok" : "error")},
                         {"trace", obs::Trace::from_header(line.trace).trace_id}});
}

std::string child_of(const std::string& traceparent) {
    return obs::Trace::from_header(traceparent).child().header();
}

}  // namespace budkavle::messageservice
