#include "accesspoint/envelope_checks.hpp"

#include <algorithm>

namespace budkavle::accesspoint {
namespace {

bool same_participant(const std::string& header, const federation::ParticipantId& envelope) {
    const auto id = federation::ParticipantId::parse(header);
    return id && *id == envelope;
}

}  // namespace

Result<const Participant*> find_served(const AccessPointConfig& config, const as4::UserMessage& message) {
    const auto not_serviced = [](std::string_view place, std::string_view text) {
        return fail("as4.not_serviced", "AP-4.6", place, text);
    };
    const auto id = federation::ParticipantId::parse(message.final_recipient());
    const auto* participant = id ? find_participant(config, *id) : nullptr;
    if (participant == nullptr) return not_serviced("finalRecipient", "The final recipient is not served here.");
    const auto takes = [&](const std::string& document) {
        return message.action == std::string(federation::kDocumentScheme) + "::" + document;
    };
    if (!equal_ignore_case_ascii(message.service, federation::kProcess) ||
        std::ranges::none_of(participant->documents, takes)) {
        return not_serviced("Action", "The final recipient does not take this document type.");
    }
    return participant;
}

Result<> check_equal(const as4::UserMessage& message, const xhe::Envelope& envelope) {
    const auto mismatch = [](std::string_view place) {
        return fail("as4.mismatch", "K23", place, "AS4 header and envelope disagree.");
    };
    if (!same_participant(message.final_recipient(), envelope.to)) return mismatch("finalRecipient");
    if (!same_participant(message.original_sender(), envelope.from)) return mismatch("originalSender");
    if (!equal_ignore_case_ascii(message.service, envelope.process_id)) return mismatch("Service");  // K20
    if (!message.service_type.empty() && !equal_ignore_case_ascii(message.service_type, envelope.process_scheme))
        return mismatch("Service/@type");
    if (message.action != envelope.document_scheme + "::" + envelope.document_id) return mismatch("Action");
    return {};
}

Result<> check_federation(const AccessPointConfig& config, const Participant& participant,
                          const xhe::Envelope& envelope) {
    if (!participant.approved)
        return fail("as4.not_approved", "AP-4.9", "finalRecipient",
                    "The final recipient is not approved in the federation.");
    if (std::ranges::find(config.environment.federation_ids, envelope.federation_id) ==
        config.environment.federation_ids.end()) {
        return fail("as4.federation", "AP-4.9", "FEDERATIONID", "The envelope is of another federation.");
    }
    return {};
}

}  // namespace budkavle::accesspoint
