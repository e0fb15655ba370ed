#include "accesspoint/header_checks.hpp"

#include <algorithm>
#include <array>

namespace budkavle::accesspoint {
namespace {

/// Answers of the register that say no. Everything else (not reached, bad signature, malformed) says nothing about the
/// sender.
constexpr std::array<std::string_view, 8> kDefinite{
    "smp.not_registered", "smp.no_service", "smp.no_group",             "smp.no_document",
    "smp.no_endpoint",    "smp.not_active", "smp.endpoint_certificate", "smp.revoked"};

std::unexpected<Error> not_served(std::string_view text) {
    return fail("as4.origin", "K26", "originalSender", text,
                "The sender's access point must be the one registered for it in the SMP.");
}

std::string document_of(std::string_view action) {
    const auto separator = action.find("::");
    return separator == std::string_view::npos ? std::string() : std::string(action.substr(separator + 2));
}

}  // namespace

Result<> check_age(const AccessPointConfig& config, const as4::UserMessage& message, Time now) {
    if (message.timestamp > now + config.clock_skew) {
        return fail("as4.premature", "AP-6", "eb:Timestamp", "The message is dated in the future.",
                    "Synchronise the clocks of both access points.", Retry::later);
    }
    // A clock that runs ahead may have dated the first copy later than it was received: hence less the skew.
    if (message.timestamp < now - config.duplicate_memory + config.clock_skew) {
        return fail("as4.outdated", "AP-6", "eb:Timestamp", "The message is older than the duplicate memory reaches.",
                    "Send it as a new message.");
    }
    return {};
}

std::string receipt_document_for(std::string_view action) {
    const auto separator = action.find("::");
    if (separator == std::string_view::npos) return {};
    const auto model = action.rfind("::tm-");
    for (const auto& type : federation::document_types()) {
        if (!type.receipt) continue;
        const auto at = type.id.rfind("::tm-");
        if (model != std::string_view::npos && type.id.substr(at) == action.substr(model)) return type.id;
    }
    return {};
}

Result<> check_origin(const Workshop& workshop, const as4::UserMessage& message) {
    if (!workshop.config.environment.check_original_sender) return {};
    const auto sender = federation::ParticipantId::parse(message.original_sender());
    if (!sender) return not_served("The originalSender is no participant identifier.");
    auto document = receipt_document_for(message.action);
    // No transport model of the federation: who sends such a document is registered for it itself.
    if (document.empty()) document = document_of(message.action);
    const auto registered = workshop.lookup(*sender, document);
    if (!registered) {
        auto error = registered.error();
        if (std::ranges::find(kDefinite, error.code) != kDefinite.end())
            return not_served("The originalSender is not registered for receipts (" + error.code + ").");
        error.retry = Retry::later;
        return std::unexpected(error);
    }
    // By name, not by certificate: during a renewal the register may hold the next certificate or the one before
    // (SEC-122), and the AP CA gives a name to one operator only.
    if (registered->endpoint.certificate.common_name() != message.from.id)
        return not_served("The SMP names another access point for the originalSender.");
    return {};
}

Result<> check_quota(const Workshop& workshop, const federation::ParticipantId& participant, const Load& load) {
    const auto quota = quota_of(workshop.config, participant);
    if (load.messages < quota.messages && load.octets < quota.octets) return {};
    return fail("as4.quota", "SEC-107", "finalRecipient", "As much waits for the participant as its quota allows.",
                "Its message service must fetch and acknowledge, or the quota be raised.", Retry::later);
}

}  // namespace budkavle::accesspoint
