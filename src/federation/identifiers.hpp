#pragma once
/// Identifiers and code lists of the federation (`federation.md` 2–4). Values that cannot be wrong once made.

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace budkavle::federation {

inline constexpr std::string_view kParticipantScheme = "iso6523-actorid-upis";
inline constexpr std::string_view kDocumentScheme = "busdox-docid-qns";
inline constexpr std::string_view kProcessScheme = "urn:fdc:digg.se:edelivery:process";
inline constexpr std::string_view kProcess = "bdx:noprocess";
inline constexpr std::string_view kFunctionRoot = "urn:riv:infrastructure:messaging:functionalAddress";
inline constexpr std::string_view kMessageDocument =
    "urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base-ext-sigenc";
inline constexpr std::string_view kReceiptDocument =
    "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse##fdc:digg.se:edelivery:"
    "messagetype:response:1::2.1::tm-base-ext-sigenc";
inline constexpr std::string_view kFederationSdk = "urn:fdc:digg.se:edelivery:federation:sdk";
inline constexpr std::string_view kFederationTest = "urn:fdc:digg.se:edelivery:federation:test";
inline constexpr std::string_view kApPartyType = "urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:ap";

/// ICD:id, for example 0203:kommunen.example.se. Equality and order ignore ASCII case; `text` keeps the spelling given.
class ParticipantId {
public:
    /// Validates per ICD (0007: 10 digits, 0088: 13 digits, 0203: domain name). Error "participant.malformed".
    static Result<ParticipantId> parse(std::string_view text);
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const std::string& folded() const { return folded_; }
    bool operator==(const ParticipantId& other) const { return folded_ == other.folded_; }
    auto operator<=>(const ParticipantId& other) const { return folded_ <=> other.folded_; }

private:
    std::string text_;
    std::string folded_;
};

/// A message type of the federation's list.
struct DocumentType {
    std::string id;              ///< document identifier as published
    std::string root_namespace;  ///< of the payload in clear
    std::string root_name;
    std::string name;  ///< for people
    bool receipt = false;
    bool encrypted = true;                        ///< transport model demands encryption (receipts: no, K2)
    [[nodiscard]] std::string type_code() const;  ///< Q{namespace}name
};
/// The official list (C3.2.6/7, 2022-01-31): message 3 and receipt 1, each Bas and Utökad Bas.
[[nodiscard]] const std::vector<DocumentType>& document_types();
[[nodiscard]] const DocumentType* find_document_type(std::string_view id);

/// Values that the transport profile of the receiver's SMP endpoint selects (`access-point.md` 1).
struct TransportProfile {
    std::string id;  ///< digg-transport-as4-v1_0
    std::string initiator_role;
    std::string responder_role;
    std::string participant_type;  ///< type of originalSender and finalRecipient when sending
};
[[nodiscard]] const std::vector<TransportProfile>& transport_profiles();  ///< v1_0, v1_2
[[nodiscard]] const TransportProfile* find_transport_profile(std::string_view id);

}  // namespace budkavle::federation
