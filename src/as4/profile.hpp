#pragma once
/// The processing mode of the federation, held against a user message (`access-point.md` 1: AP-01, AP-02, AP-04).

#include <string>
#include <vector>

#include "as4/refusal.hpp"
#include "as4/user_message.hpp"
#include "federation/identifiers.hpp"

namespace budkavle::as4 {

/// What a receiver accepts.
struct Acceptance {
    /// Transport profiles whose roles are accepted (AP-02): v1.0 and v1.2.
    std::vector<federation::TransportProfile> profiles = federation::transport_profiles();
    /// Exactly one payload part, `cid:message`, with an XML MimeType: what an access point of the federation gets. Off
    /// when only the AS4 layer is judged.
    bool single_xml_payload = true;
    /// Any document type passes (B1.4.2: content-agnostic); who is served what is judged elsewhere. Off: those of SDK.
    bool any_document = false;
};

/// Everything but the signer: To PartyId, party types, roles, service type, properties, known service and action,
/// payload profile. The test service needs no properties and no payload. Refuses: processing_mode (AP-02, AP-04),
/// property_missing, not_serviced.
[[nodiscard]] Outcome<> check_processing_mode(const UserMessage& message, std::string_view own_party_id,
                                              const Acceptance& accept);

/// AS4 Action of a document identifier: `busdox-docid-qns::` + id.
[[nodiscard]] std::string action_of(std::string_view document_id);

}  // namespace budkavle::as4
