#include "sdk/message.hpp"

#include <algorithm>
#include <map>

#include "base/bytes.hpp"
#include "sdk/message_grammar.hpp"

namespace budkavle::sdk {
namespace {

using xml::Element;

Element child(Element parent, std::string_view name) {
    return parent.child(kMessageNamespace, name);
}

std::string text(Element parent, std::string_view name) {
    return child(parent, name).text();
}

std::optional<std::string> optional_text(Element parent, std::string_view name) {
    const Element element = child(parent, name);
    if (!element) return std::nullopt;
    return element.text();
}

Identifier read_pair(Element element) {
    return {text(element, "root"), text(element, "extension")};
}

std::optional<Identifier> optional_pair(Element parent, std::string_view name) {
    const Element element = child(parent, name);
    if (!element) return std::nullopt;
    return read_pair(element);
}

std::optional<Attention> read_attention(Element element) {
    if (!element) return std::nullopt;
    Attention attention;
    for (const Element person : element.children(kMessageNamespace, "person"))
        attention.persons.push_back({optional_pair(person, "personId"), optional_text(person, "label")});
    const Element function = child(element, "subOrganization");
    attention.function = read_pair(child(function, "organizationId"));
    attention.function_label = optional_text(function, "label");
    for (const Element reference : element.children(kMessageNamespace, "reference"))
        attention.references.push_back({read_pair(child(reference, "referenceId")), optional_text(reference, "label")});
    return attention;
}

Party read_party(Element element, std::string_view id) {
    return {read_pair(child(element, id)), optional_text(element, "label"),
            read_attention(child(element, "attention"))};
}

MessageDocument read_document(Element element) {
    MessageDocument document{.id = text(element, "documentID"),
                             .name = optional_text(element, "documentName"),
                             .index = optional_text(element, "index"),
                             .files = {},
                             .texts = {}};
    for (const Element file : element.children(kMessageNamespace, "ContentFiles"))
        document.files.push_back({text(file, "fileName"), text(file, "contentType"), child(file, "content")});
    for (const Element part : element.children(kMessageNamespace, "ContentText"))
        document.texts.push_back(text(part, "characterSequence"));
    return document;
}

/// Digits of any length compare by value; anything else sorts last.
struct Order {
    bool number = false;
    std::string digits;
    static Order of(const MessageDocument& document) {
        if (!document.index) return {};
        std::string_view digits = trim(*document.index);
        if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return {};
        while (digits.starts_with('0')) digits.remove_prefix(1);
        return {true, std::string(digits)};
    }
    bool operator<(const Order& other) const {
        if (number != other.number) return number;
        if (digits.size() != other.digits.size()) return digits.size() < other.digits.size();
        return digits < other.digits;
    }
};

}  // namespace

Result<> write_content(const File& file, Sink& into) {
    Base64Decoder decoder(Base64Space::xml);
    Bytes piece;
    Result<> result;
    file.content.for_each_text([&](std::string_view base64) {
        while (result && !base64.empty()) {
            piece.clear();
            result = decoder.update(base64.substr(0, kPiece), piece);
            if (result) result = into.write(piece);
            base64.remove_prefix(std::min(base64.size(), kPiece));
        }
    });
    BUDKAVLE_CHECK(std::move(result));
    BUDKAVLE_CHECK(decoder.finish());
    return into.finish();
}

Header read_header(Element payload) {
    const Element header = child(child(payload, "message"), "messageHeader");
    const std::string confidentiality = collapse_space(text(header, "confidentiality"));
    return {.created = text(header, "creationDateTime"),
            .message_id = text(header, "messageId"),
            .conversation_id = text(header, "conversationId"),
            .ref_to_message_id = optional_text(header, "refToMessageId"),
            .label = optional_text(header, "label"),
            .confidentiality = confidentiality == "true" || confidentiality == "1",
            .generating_system = optional_pair(header, "generatingSystem"),
            .recipient = read_party(child(header, "recipient"), "recipientID"),
            .sender = read_party(child(header, "sender"), "senderID")};
}

Message read_message(Element payload) {
    Message message{.header = read_header(payload), .documents = {}};
    const Element body = child(child(payload, "message"), "messageBody");
    std::multimap<Order, MessageDocument> ordered;  // equal keys keep the order of the document
    for (const Element element : body.children(kMessageNamespace, "documents")) {
        auto document = read_document(element);
        ordered.emplace(Order::of(document), std::move(document));
    }
    for (auto& [order, document] : ordered) message.documents.push_back(std::move(document));
    return message;
}

}  // namespace budkavle::sdk
