#include "xhe/profile.hpp"

#include "xhe/envelope.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::xhe {

using xml::ElementRule;
using xml::TextType;

const ElementRule& profile() {
    static const ElementRule version{.ns = kXhb, .name = "XHEVersionID", .type = TextType::string};
    static const ElementRule customization{.ns = kXhb, .name = "CustomizationID", .type = TextType::string};
    static const ElementRule id{.ns = kXhb, .name = "ID", .type = TextType::string};
    static const ElementRule created{.ns = kXhb, .name = "CreationDateTime", .type = TextType::date_time};
    static const ElementRule code{.ns = kXhb, .name = "BusinessScopeCriterionTypeCode", .type = TextType::string};
    static const ElementRule value{.ns = kXhb, .name = "BusinessScopeCriterionValue", .type = TextType::string};
    static const ElementRule criterion{.ns = kXha, .name = "BusinessScopeCriterion", .sequence = {{&code}, {&value}}};
    static const ElementRule scope{.ns = kXha, .name = "BusinessScope", .sequence = {{&criterion, 5, 5}}};
    static const ElementRule party_id{
        .ns = kXhb, .name = "ID", .type = TextType::string, .attributes = {{.ns = "", .name = "schemeID"}}};
    static const ElementRule identification{.ns = kXha, .name = "PartyIdentification", .sequence = {{&party_id}}};
    static const ElementRule from{.ns = kXha, .name = "FromParty", .sequence = {{&identification}}};
    static const ElementRule to{.ns = kXha, .name = "ToParty", .sequence = {{&identification}}};
    static const ElementRule header{
        .ns = kXha, .name = "Header", .sequence = {{&id}, {&created}, {&scope}, {&from}, {&to}}};
    static const ElementRule document_type{.ns = kXhb, .name = "DocumentTypeCode", .type = TextType::string};
    static const ElementRule content_type{.ns = kXhb, .name = "ContentTypeCode", .type = TextType::string};
    static const ElementRule handling{.ns = kXhb, .name = "HandlingServiceID", .type = TextType::string};
    static const ElementRule indicator{.ns = kXhb, .name = "InstanceEncryptionIndicator", .type = TextType::boolean};
    static const ElementRule content{.ns = kXha, .name = "PayloadContent", .type = TextType::lax};
    static const ElementRule payload{
        .ns = kXha,
        .name = "Payload",
        .sequence = {{&document_type}, {&content_type}, {&handling, 0, 1}, {&indicator}, {&content}}};
    static const ElementRule payloads{.ns = kXha, .name = "Payloads", .sequence = {{&payload}}};
    static const ElementRule signature{
        .ns = xmlsec::kDs, .name = "Signature", .type = TextType::lax, .any_attributes = true};
    static const ElementRule root{
        .ns = kXhe,
        .name = "XHE",
        .sequence = {{&version}, {&customization}, {&header}, {&payloads}, {&signature, 0, xml::kUnbounded}}};
    return root;
}

}  // namespace budkavle::xhe
