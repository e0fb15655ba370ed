#include "sdk/receipt_profile.hpp"

#include "sdk/receipt.hpp"

namespace budkavle::sdk {
namespace {

using xml::ElementRule;
using xml::kUnbounded;
using xml::Particle;
using xml::TextType;

ElementRule leaf(std::string_view name, TextType type = TextType::string) {
    return {.ns = kCbc, .name = name, .type = type};
}
ElementRule group(std::string_view name, std::vector<Particle> sequence) {
    return {.ns = kCac, .name = name, .sequence = std::move(sequence)};
}

struct Profile {
    ElementRule customization_id = leaf("CustomizationID");
    ElementRule profile_id = leaf("ProfileID");
    ElementRule id = leaf("ID");
    ElementRule issue_date = leaf("IssueDate", TextType::date);
    ElementRule issue_time = leaf("IssueTime", TextType::time);
    ElementRule endpoint_id{.ns = kCbc,
                            .name = "EndpointID",
                            .type = TextType::string,
                            .attributes = {{.ns = "", .name = "schemeID", .required = true, .fixed = kReceiptScheme}}};
    ElementRule sender = group("SenderParty", {{&endpoint_id}});
    ElementRule receiver = group("ReceiverParty", {{&endpoint_id}});

    ElementRule response_code = leaf("ResponseCode");
    ElementRule response = group("Response", {{&response_code}});
    ElementRule reference = group("DocumentReference", {{&id}});
    ElementRule line_id = leaf("LineID");
    ElementRule line_reference = group("LineReference", {{&line_id}});
    ElementRule reason_code = leaf("StatusReasonCode");
    ElementRule reason = leaf("StatusReason");
    ElementRule status = group("Status", {{&reason_code, 0}, {&reason}});
    ElementRule line_cause = group("Response", {{&response_code}, {&status}});
    ElementRule line = group("LineResponse", {{&line_reference}, {&line_cause}});
    ElementRule document_response = group("DocumentResponse", {{&response}, {&reference}, {&line, 0, kUnbounded}});

    ElementRule root{.ns = kReceiptNamespace,
                     .name = "ApplicationResponse",
                     .sequence = {{&customization_id},
                                  {&profile_id},
                                  {&id},
                                  {&issue_date},
                                  {&issue_time},
                                  {&sender},
                                  {&receiver},
                                  {&document_response}}};
};

}  // namespace

const ElementRule& receipt_profile() {
    static const Profile profile;
    return profile.root;
}

}  // namespace budkavle::sdk
