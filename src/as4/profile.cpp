#include "as4/profile.hpp"

#include <algorithm>

#include "as4/names.hpp"
#include "base/bytes.hpp"

namespace budkavle::as4 {

namespace {

constexpr std::string_view kActionPrefix = "busdox-docid-qns::";

bool is_known_action(std::string_view action, bool any_document) {
    if (!action.starts_with(kActionPrefix)) return false;
    const auto document = action.substr(kActionPrefix.size());
    return any_document ? !document.empty() : federation::find_document_type(document) != nullptr;
}

// AP-02, K4: no type, the identifier scheme, or the party type of profile v1.2.
bool is_participant_type(std::string_view type) {
    return type.empty() || type == federation::kParticipantScheme || type == kParticipantPartyType;
}

bool is_xml_type(std::string_view mime_type) {
    mime_type = trim(mime_type.substr(0, mime_type.find(';')));  // parameters as of a Content-Type
    return equal_ignore_case_ascii(mime_type, "text/xml") || equal_ignore_case_ascii(mime_type, "application/xml");
}

Outcome<> check_parties(const UserMessage& message, std::string_view own_party_id, const Acceptance& accept) {
    if (message.to.id != own_party_id)
        return refuse(Cause::processing_mode, "The To PartyId is not this access point.", "AP-04");
    if (message.from.type != federation::kApPartyType || message.to.type != federation::kApPartyType)
        return refuse(Cause::processing_mode, "A PartyId has another type than that of access points.",
                      "access-point 1 Party type");
    const auto roles_match = [&](const federation::TransportProfile& profile) {
        return message.from.role == profile.initiator_role && message.to.role == profile.responder_role;
    };
    if (std::ranges::none_of(accept.profiles, roles_match))
        return refuse(Cause::processing_mode, "The roles are of no accepted transport profile.", "AP-02");
    return {};
}

}  // namespace

Outcome<> check_processing_mode(const UserMessage& message, std::string_view own_party_id, const Acceptance& accept) {
    BUDKAVLE_CHECK(check_parties(message, own_party_id, accept));
    for (const auto* name : {"originalSender", "finalRecipient"}) {
        const auto* property = message.property(name);
        if (!property && message.is_test()) continue;
        if (!property) return refuse(Cause::property_missing);
        if (!is_participant_type(property->type))
            return refuse(Cause::processing_mode, "A participant property has an unknown type.", "AP-02");
    }
    if (message.is_test()) return {};

    // K20: the process and its type are compared without case.
    if (!message.service_type.empty() && !equal_ignore_case_ascii(message.service_type, federation::kProcessScheme))
        return refuse(Cause::not_serviced);
    if (!equal_ignore_case_ascii(message.service, federation::kProcess) || !is_known_action(message.action, accept.any_document))
        return refuse(Cause::not_serviced);
    if (message.parts.empty())
        return refuse(Cause::part_mismatch, "The message has no payload.", "access-point 1 Payload part");
    if (accept.single_xml_payload && (message.parts.size() != 1 || message.parts.front().cid != "message" ||
                                      !is_xml_type(message.parts.front().mime_type)))
        return refuse(Cause::processing_mode, "The payload must be one XML part with the Content-ID message.",
                      "access-point 1 Payload part");
    return {};
}

std::string action_of(std::string_view document_id) {
    return std::string(kActionPrefix) + std::string(document_id);
}

}  // namespace budkavle::as4
