#include "sdk/equality.hpp"

#include "base/bytes.hpp"
#include "sdk/message.hpp"
#include "sdk/message_grammar.hpp"
#include "sdk/message_rules.hpp"

namespace budkavle::sdk {
namespace {

xml::Element below(xml::Element element, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names)
        if (element) element = element.child(kMessageNamespace, name);
    return element;
}

}  // namespace

void check_equality(const xhe::Envelope& envelope, xml::Element payload, bool strict_time, Findings& findings) {
    const xml::Element header = below(payload, {"message", "messageHeader"});
    const auto check = [&](bool equal, Event event, std::string_view rule, xml::Element at) {
        if (!equal) findings.add(event, rule, at.path());
    };

    const auto id = below(header, {"messageId"});
    check(id.text() == envelope.id, Event::id_mismatch, "EQ-1", id);
    const auto recipient = below(header, {"recipient", "recipientID", "extension"});
    check(equal_ignore_case_ascii(recipient.text(), envelope.to.text()), Event::recipient_mismatch, "EQ-2", recipient);
    const auto sender = below(header, {"sender", "senderID", "extension"});
    check(equal_ignore_case_ascii(sender.text(), envelope.from.text()), Event::sender_wrong, "EQ-3", sender);
    // K28: missing counts as unequal.
    const auto function = below(header, {"recipient", "attention", "subOrganization", "organizationId", "extension"});
    check(envelope.handling_service_id && function.text() == *envelope.handling_service_id, Event::function_mismatch,
          "EQ-4", function);
    if (!is_utc_stamp(envelope.created, strict_time)) findings.add(Event::envelope_time, "K38", "NA");
}

bool same_type(const xhe::Envelope& envelope, xml::Element payload) {
    if (envelope.document_id != federation::kMessageDocument && envelope.document_id != federation::kReceiptDocument)
        return false;  // SDK knows Utökad Bas only
    const auto* type = federation::find_document_type(envelope.document_id);
    return type != nullptr && envelope.document_type_code == type->type_code() &&
           payload.is(type->root_namespace, type->root_name);
}

}  // namespace budkavle::sdk
