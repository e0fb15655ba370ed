#include "federation/identifiers.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"

namespace budkavle::federation {
namespace {

constexpr std::string_view kMessageNamespace = "urn:riv:infrastructure:messaging:MessageWithAttachments:3";
constexpr std::string_view kMessageBase =
    "urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0";
constexpr std::string_view kReceiptNamespace = "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2";
constexpr std::string_view kReceiptBase =
    "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse##fdc:digg.se:edelivery:"
    "messagetype:response:1::2.1";
constexpr std::string_view kBas = "::tm-base";
constexpr std::string_view kExtendedBas = "::tm-base-ext-sigenc";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_alphanumeric(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digits(std::string_view text, std::size_t length) {
    return text.size() == length && std::ranges::all_of(text, is_digit);
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_domain_name(std::string_view name) {
    return name.size() <= 253 && name.contains('.') && std::ranges::all_of(split(name, '.'), is_label);
}

struct Icd {
    std::string_view code;
    bool (*accepts)(std::string_view);
};
// C3.2.7: Swedish organisation number, GS1 GLN, eDelivery network participant id.
constexpr std::array kIcds{
    Icd{"0007", [](std::string_view id) { return is_digits(id, 10); }},
    Icd{"0088", [](std::string_view id) { return is_digits(id, 13); }},
    Icd{"0203", is_domain_name},
};

DocumentType make(std::string_view base, std::string_view model, std::string_view name) {
    const bool receipt = base == kReceiptBase;
    return {.id = std::string(base).append(model),
            .root_namespace = std::string(receipt ? kReceiptNamespace : kMessageNamespace),
            .root_name = receipt ? "ApplicationResponse" : "messagePayload",
            .name = std::string(name),
            .receipt = receipt,
            .encrypted = !receipt && model == kExtendedBas};
}

}  // namespace

Result<ParticipantId> ParticipantId::parse(std::string_view text) {
    const auto colon = text.find(':');
    const auto icd = std::ranges::find(kIcds, text.substr(0, colon), &Icd::code);
    // K19: "0203:http://…" falls here, a URL is no domain name.
    if (colon == std::string_view::npos || icd == kIcds.end() || !icd->accepts(text.substr(colon + 1)))
        return fail("participant.malformed", "", "", "The participant id does not have the form ICD:id.",
                    "Use 0203:domain, 0007:10 digits or 0088:13 digits.");
    ParticipantId id;
    id.text_ = text;
    id.folded_ = to_lower_ascii(text);
    return id;
}

std::string DocumentType::type_code() const {
    return "Q{" + root_namespace + "}" + root_name;
}

const std::vector<DocumentType>& document_types() {
    static const std::vector<DocumentType> types{
        make(kMessageBase, kExtendedBas, "SDK message 3"),
        make(kReceiptBase, kExtendedBas, "Message receipt 1"),
        make(kMessageBase, kBas, "SDK message 3 (Bas)"),
        make(kReceiptBase, kBas, "Message receipt 1 (Bas)"),
    };
    return types;
}

const DocumentType* find_document_type(std::string_view id) {
    const auto found = std::ranges::find(document_types(), id, &DocumentType::id);
    return found == document_types().end() ? nullptr : &*found;
}

const std::vector<TransportProfile>& transport_profiles() {
    // access-point.md 1, K3, K4.
    static const std::vector<TransportProfile> profiles{
        {.id = "digg-transport-as4-v1_0",
         .initiator_role = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/initiator",
         .responder_role = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/responder",
         .participant_type = std::string(kParticipantScheme)},
        {.id = "digg-transport-as4-v1_2",
         .initiator_role = "urn:fdc:digg.se:edelivery:transportprofile:as4:role:ap",
         .responder_role = "urn:fdc:digg.se:edelivery:transportprofile:as4:role:ap",
         .participant_type = "urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:participant"},
    };
    return profiles;
}

const TransportProfile* find_transport_profile(std::string_view id) {
    const auto found = std::ranges::find(transport_profiles(), id, &TransportProfile::id);
    return found == transport_profiles().end() ? nullptr : &*found;
}

}  // namespace budkavle::federation
