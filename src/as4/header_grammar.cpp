#include "as4/header_grammar.hpp"

#include "as4/names.hpp"

namespace budkavle::as4 {

namespace {

using xml::ElementRule;
using xml::kUnbounded;
using xml::TextType;

ElementRule text(std::string_view name, std::size_t min_length = 1) {
    return {.ns = kEb, .name = name, .type = TextType::token, .max_length = 1024, .min_length = min_length};
}

const ElementRule kTimestamp{.ns = kEb, .name = "Timestamp", .type = TextType::date_time_zoned};
const ElementRule kMessageId = text("MessageId");
const ElementRule kRefToMessageId = text("RefToMessageId");
const ElementRule kMessageInfo{
    .ns = kEb, .name = "MessageInfo", .sequence = {{&kTimestamp}, {&kMessageId}, {&kRefToMessageId, 0, 1}}};

const ElementRule kPartyId{.ns = kEb,
                           .name = "PartyId",
                           .type = TextType::token,
                           .attributes = {{"", "type"}},
                           .max_length = 255,
                           .min_length = 1};
const ElementRule kRole = text("Role");
const ElementRule kFrom{.ns = kEb, .name = "From", .sequence = {{&kPartyId, 1, kUnbounded}, {&kRole}}};
const ElementRule kTo{.ns = kEb, .name = "To", .sequence = {{&kPartyId, 1, kUnbounded}, {&kRole}}};
const ElementRule kPartyInfo{.ns = kEb, .name = "PartyInfo", .sequence = {{&kFrom}, {&kTo}}};

// Empty and without pmode is what older Domibus sends.
const ElementRule kAgreementRef{.ns = kEb,
                                .name = "AgreementRef",
                                .type = TextType::token,
                                .attributes = {{"", "type"}, {"", "pmode"}},
                                .max_length = 1024};
const ElementRule kService{.ns = kEb,
                           .name = "Service",
                           .type = TextType::token,
                           .attributes = {{"", "type"}},
                           .max_length = 1024,
                           .min_length = 1};
const ElementRule kAction = text("Action");
const ElementRule kConversationId = text("ConversationId", 0);
const ElementRule kCollaborationInfo{.ns = kEb,
                                     .name = "CollaborationInfo",
                                     .sequence = {{&kAgreementRef, 0, 1}, {&kService}, {&kAction}, {&kConversationId}}};

const ElementRule kPropertyRule{.ns = kEb,
                                .name = "Property",
                                .type = TextType::token,
                                .attributes = {{"", "name", true}, {"", "type"}},
                                .max_length = 1024,
                                .min_length = 1};
const ElementRule kMessageProperties{
    .ns = kEb, .name = "MessageProperties", .sequence = {{&kPropertyRule, 1, kUnbounded}}};

const ElementRule kDescription{
    .ns = kEb, .name = "Description", .type = TextType::string, .attributes = {{kXmlNs, "lang"}}, .max_length = 4096};
const ElementRule kSchema{
    .ns = kEb, .name = "Schema", .attributes = {{"", "location", true}, {"", "version"}, {"", "namespace"}}};
const ElementRule kPartProperties{.ns = kEb, .name = "PartProperties", .sequence = {{&kPropertyRule, 1, kUnbounded}}};
const ElementRule kPartInfo{.ns = kEb,
                            .name = "PartInfo",
                            .sequence = {{&kSchema, 0, 1}, {&kDescription, 0, 1}, {&kPartProperties, 0, 1}},
                            .attributes = {{"", "href"}}};
const ElementRule kPayloadInfo{.ns = kEb, .name = "PayloadInfo", .sequence = {{&kPartInfo, 1, kUnbounded}}};

const ElementRule kUserMessage{
    .ns = kEb,
    .name = "UserMessage",
    .sequence =
        {{&kMessageInfo}, {&kPartyInfo}, {&kCollaborationInfo}, {&kMessageProperties, 0, 1}, {&kPayloadInfo, 0, 1}},
    .attributes = {{"", "mpc"}},
};

const ElementRule kReceipt{.ns = kEb, .name = "Receipt", .type = TextType::lax};
const ElementRule kErrorDetail{.ns = kEb, .name = "ErrorDetail", .type = TextType::string, .max_length = 65536};
const ElementRule kError{
    .ns = kEb,
    .name = "Error",
    .sequence = {{&kDescription, 0, 1}, {&kErrorDetail, 0, 1}},
    .attributes = {{"", "category"},
                   {"", "refToMessageInError"},
                   {"", "errorCode", true},
                   {"", "origin"},
                   {"", "severity", true},
                   {"", "shortDescription"}},
};
const ElementRule kSignalMessage{
    .ns = kEb,
    .name = "SignalMessage",
    .sequence = {{&kMessageInfo}, {&kReceipt, 0, 1}, {&kError, 0, kUnbounded}},
    .other_after = true,
};

const ElementRule kMessaging{
    .ns = kEb,
    .name = "Messaging",
    .sequence = {{&kSignalMessage, 0, kUnbounded}, {&kUserMessage, 0, kUnbounded}},
    .other_after = true,
    .any_attributes = true,
};

}  // namespace

const xml::ElementRule& messaging_rule() {
    return kMessaging;
}

}  // namespace budkavle::as4
