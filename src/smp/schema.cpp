#include "smp/schema.hpp"

#include "smp/metadata.hpp"
#include "xml/grammar.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::smp {
namespace {

using xml::ElementRule;
using xml::kUnbounded;
using xml::TextType;

ElementRule leaf(std::string_view name, TextType type) {
    return {.ns = kSmpNamespace, .name = name, .type = type};
}

struct Schema {
    ElementRule extension_id = leaf("ExtensionID", TextType::token);
    ElementRule extension_name = leaf("ExtensionName", TextType::string);
    ElementRule extension_agency_id = leaf("ExtensionAgencyID", TextType::string);
    ElementRule extension_agency_name = leaf("ExtensionAgencyName", TextType::string);
    ElementRule extension_agency_uri = leaf("ExtensionAgencyURI", TextType::any_uri);
    ElementRule extension_version_id = leaf("ExtensionVersionID", TextType::string);
    ElementRule extension_uri = leaf("ExtensionURI", TextType::any_uri);
    ElementRule extension_reason_code = leaf("ExtensionReasonCode", TextType::token);
    ElementRule extension_reason = leaf("ExtensionReason", TextType::string);
    ElementRule extension{.ns = kSmpNamespace,
                          .name = "Extension",
                          .sequence = {{&extension_id, 0},
                                       {&extension_name, 0},
                                       {&extension_agency_id, 0},
                                       {&extension_agency_name, 0},
                                       {&extension_agency_uri, 0},
                                       {&extension_version_id, 0},
                                       {&extension_uri, 0},
                                       {&extension_reason_code, 0},
                                       {&extension_reason, 0}},
                          .other_after = true};

    ElementRule participant{
        .ns = kSmpNamespace, .name = "ParticipantIdentifier", .type = TextType::string, .attributes = {{"", "scheme"}}};
    ElementRule document{
        .ns = kSmpNamespace, .name = "DocumentIdentifier", .type = TextType::string, .attributes = {{"", "scheme"}}};
    ElementRule process_identifier{
        .ns = kSmpNamespace, .name = "ProcessIdentifier", .type = TextType::string, .attributes = {{"", "scheme"}}};

    ElementRule endpoint_uri = leaf("EndpointURI", TextType::any_uri);
    ElementRule require_signature = leaf("RequireBusinessLevelSignature", TextType::boolean);
    ElementRule minimum_level = leaf("MinimumAuthenticationLevel", TextType::string);
    ElementRule activation = leaf("ServiceActivationDate", TextType::date_time);
    ElementRule expiration = leaf("ServiceExpirationDate", TextType::date_time);
    ElementRule certificate = leaf("Certificate", TextType::base64);
    ElementRule description = leaf("ServiceDescription", TextType::string);
    ElementRule contact = leaf("TechnicalContactUrl", TextType::any_uri);
    ElementRule information = leaf("TechnicalInformationUrl", TextType::any_uri);
    ElementRule endpoint{.ns = kSmpNamespace,
                         .name = "Endpoint",
                         .sequence = {{&endpoint_uri},
                                      {&require_signature, 0},
                                      {&minimum_level, 0},
                                      {&activation, 0},
                                      {&expiration, 0},
                                      {&certificate},
                                      {&description},
                                      {&contact},
                                      {&information, 0},
                                      {&extension, 0, kUnbounded}},
                         .attributes = {{"", "transportProfile", true}}};
    ElementRule endpoint_list{
        .ns = kSmpNamespace, .name = "ServiceEndpointList", .sequence = {{&endpoint, 1, kUnbounded}}};
    ElementRule process{.ns = kSmpNamespace,
                        .name = "Process",
                        .sequence = {{&process_identifier}, {&endpoint_list}, {&extension, 0, kUnbounded}}};
    ElementRule process_list{.ns = kSmpNamespace, .name = "ProcessList", .sequence = {{&process, 1, kUnbounded}}};
    ElementRule service_information{
        .ns = kSmpNamespace,
        .name = "ServiceInformation",
        .sequence = {{&participant}, {&document}, {&process_list}, {&extension, 0, kUnbounded}}};
    ElementRule certificate_uid = leaf("CertificateUID", TextType::string);
    ElementRule redirect{.ns = kSmpNamespace,
                         .name = "Redirect",
                         .sequence = {{&certificate_uid}, {&extension, 0, kUnbounded}},
                         .attributes = {{"", "href", true}}};
    // A choice; that exactly one stands there is checked by `check_choice`.
    ElementRule service_metadata{
        .ns = kSmpNamespace, .name = "ServiceMetadata", .sequence = {{&service_information, 0}, {&redirect, 0}}};
    ElementRule signature{.ns = xmlsec::kDs, .name = "Signature", .type = TextType::lax};
    ElementRule signed_service_metadata{
        .ns = kSmpNamespace, .name = "SignedServiceMetadata", .sequence = {{&service_metadata}, {&signature}}};

    ElementRule reference{.ns = kSmpNamespace, .name = "ServiceMetadataReference", .attributes = {{"", "href", true}}};
    ElementRule references{
        .ns = kSmpNamespace, .name = "ServiceMetadataReferenceCollection", .sequence = {{&reference, 0, kUnbounded}}};
    ElementRule service_group{.ns = kSmpNamespace,
                              .name = "ServiceGroup",
                              .sequence = {{&participant}, {&references}, {&extension, 0, kUnbounded}}};
};

const Schema& schema() {
    static const Schema tables;
    return tables;
}

void add(std::vector<xml::Finding>& findings, xml::Element at, std::string_view text) {
    findings.push_back({"XSD", at.path(), std::string(text)});
}

/// The table allows any number of foreign elements where the schema has exactly one.
void check_extensions(xml::Element element, std::vector<xml::Finding>& findings) {
    for (const auto child : element.children()) {
        if (child.ns() != kSmpNamespace) continue;
        if (child.name() != "Extension") {
            check_extensions(child, findings);
            continue;
        }
        std::size_t foreign = 0;
        for (const auto inside : child.children()) {
            if (inside.ns() != kSmpNamespace && !inside.ns().empty()) ++foreign;
        }
        if (foreign != 1) add(findings, child, "An Extension holds exactly one element of another namespace.");
    }
}

void check_choice(xml::Element root, std::vector<xml::Finding>& findings) {
    const auto metadata = root.child(kSmpNamespace, "ServiceMetadata");
    if (!metadata) return;
    const auto count = metadata.children(kSmpNamespace, "ServiceInformation").size() +
                       metadata.children(kSmpNamespace, "Redirect").size();
    if (count != 1) add(findings, metadata, "ServiceMetadata holds either ServiceInformation or Redirect.");
}

}  // namespace

std::vector<xml::Finding> check_signed_service_metadata(xml::Element root) {
    auto findings = xml::validate(root, schema().signed_service_metadata);
    check_choice(root, findings);
    check_extensions(root, findings);
    return findings;
}

std::vector<xml::Finding> check_service_group(xml::Element root) {
    auto findings = xml::validate(root, schema().service_group);
    check_extensions(root, findings);
    return findings;
}

}  // namespace budkavle::smp
