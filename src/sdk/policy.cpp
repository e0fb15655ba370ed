#include "sdk/policy.hpp"

#include <algorithm>
#include <array>

namespace budkavle::sdk {
namespace {

PolicyRow rejected(Event event, std::string_view row, std::string_view cause, std::string_view detail,
                   std::string_view text, bool incident = false) {
    return {.event = event,
            .row = std::string(row),
            .answer = Answer::rejected,
            .cause = std::string(cause),
            .detail = std::string(detail),
            .incident = incident,
            .text = std::string(text)};
}

PolicyRow accepted(Event event, std::string_view row, std::string_view text) {
    return {.event = event,
            .row = std::string(row),
            .answer = Answer::accepted,
            .cause = {},
            .detail = {},
            .incident = false,
            .text = std::string(text)};
}

PolicyRow silent(Event event, std::string_view row, bool incident, std::string_view text) {
    return {.event = event,
            .row = std::string(row),
            .answer = Answer::none,
            .cause = {},
            .detail = {},
            .incident = incident,
            .text = std::string(text)};
}

// One line per row, in the order of Event. Printed texts of B1.3.3 are kept word for word.
std::vector<PolicyRow> table() {
    return {
        accepted(Event::validated, "1", "Received and validated."),
        rejected(Event::structure, "2", "SV", "structure", "The message does not follow its schema."),
        rejected(Event::malware, "3", "BV", "forbidden", "The message holds forbidden content.", true),
        rejected(Event::message_too_long, "4", "BV", "too-long", "Message size to large."),
        rejected(Event::invariant, "5", "BV", "invariant", "The message breaks a rule."),
        rejected(Event::subject_too_long, "5a", "BV", "structure",
                 "The label of the header is longer than 256 characters."),
        rejected(Event::label_too_long, "5b", "SV", "structure", "A label is longer than 256 characters."),
        rejected(Event::duplicate, "6", "BV", "duplicate", "A message with this messageId was received before."),
        accepted(Event::reference_unknown, "7", "The message referred to is not known."),
        rejected(Event::attachment_type, "8", "BV", "not-supported", "The type of an attachment is not supported."),
        rejected(Event::function_unknown, "9", "BV", "not-found", "Wrong or unknown xha:HandlingServiceID"),
        rejected(Event::reply_to_failed, "11", "BV", "not-supported", "The message answers one that has failed."),
        rejected(Event::signature, "12", "SIG", "security", "Sender signature not validated"),
        rejected(Event::sender_mismatch, "13", "BV", "security", "The sender does not match the sending access point."),
        rejected(Event::not_encrypted, "14", "SIG", "security",
                 "The message is not encrypted as the transport model demands."),
        rejected(Event::function_mismatch, "15", "BV", "security",
                 "ns:subOrganization/ns:organizationId must equal xha:HandlingServiceID"),
        rejected(Event::recipient_mismatch, "16", "BV", "security",
                 "recipientId is not identical to value in XHE envelope."),
        rejected(Event::sender_wrong, "17", "BV", "invariant", "Wrong or unknown sender-id"),
        rejected(Event::wrong_root, "18", "BV", "invariant",
                 "The root of an identifier is not the one that is fixed for it."),
        rejected(Event::wrong_form, "19", "BV", "invariant", "A value does not have the form that is fixed for it."),
        rejected(Event::envelope_time, "19a", "BV", "invariant",
                 "CreationDateTime of the envelope is not UTC with 1 to 3 fraction digits."),
        rejected(Event::no_content, "20", "BV", "invariant", "The message holds neither text nor file."),
        accepted(Event::client_unreachable, "21", "Received and validated; queued for the message client."),
        silent(Event::internal_error, "22", false, "Validation could not be finished; it is tried again."),
        rejected(Event::id_mismatch, "EQ-1", "BV", "invariant",
                 "messageId is not identical to the ID of the XHE envelope."),
        rejected(Event::type_mismatch, "EQ-7", "SV", "structure",
                 "The payload is not of the document type that the envelope names."),
        silent(Event::receipt_received, "6.1 receipt", false, "A receipt is not answered."),
        silent(Event::receipt_faulty, "6.1 faulty receipt", true, "The receipt breaks its rules."),
        silent(Event::recipient_not_served, "6.1 recipient", false, "The recipient is not served here."),
        silent(Event::envelope_fault, "6.1 envelope", true, "The envelope breaks its schema or rules."),
        silent(Event::malformed, "6.1 malformed", true, "The document is not well-formed XML."),
        silent(Event::undecryptable, "6.1 decryption", true, "The payload could not be decrypted."),
        silent(Event::sender_unregistered, "6.1 sender", true, "The sender is not registered."),
    };
}

}  // namespace

std::string_view name(Answer answer) {
    switch (answer) {
        case Answer::accepted:
            return "ACCEPTED";
        case Answer::rejected:
            return "REJECTED";
        case Answer::none:
            break;
    }
    return "none";
}

const Policy& Policy::standard() {
    static const Policy policy{table()};
    return policy;
}

const PolicyRow& Policy::of(Event event) const {
    return rows_[static_cast<std::size_t>(event)];
}

Result<> Policy::set(std::string_view row, Answer answer, std::string_view cause, std::string_view detail) {
    static constexpr std::array<std::string_view, 3> kCauses{"SV", "BV", "SIG"};
    const auto found = std::ranges::find(rows_, row, &PolicyRow::row);
    if (found == rows_.end()) return fail("policy.row", "", row, "The event table has no such row.");
    const bool codes = answer == Answer::rejected
                           ? std::ranges::find(kCauses, cause) != kCauses.end() && !detail.empty()
                           : cause.empty() && detail.empty();
    if (!codes || (row.starts_with("6.1") && answer != Answer::none))
        return fail("policy.codes", "", row, "The codes do not fit the answer of this row.",
                    "Give cause SV, BV or SIG and a detail code with REJECTED, none of them otherwise.");
    found->answer = answer;
    found->cause = cause;
    found->detail = detail;
    return {};
}

}  // namespace budkavle::sdk
