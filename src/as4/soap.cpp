#include "as4/soap.hpp"

#include <algorithm>

#include "as4/names.hpp"
#include "as4/payload.hpp"
#include "xml/attributes.hpp"

namespace budkavle::as4 {

namespace {

/// SOAP 1.2 part 1, 2.2: whom a block is for. We are the ultimate receiver, and "next" is everybody.
bool is_for_us(xml::Element block) {
    const auto role = block.attribute(kSoap12, "role");
    const auto name = role ? trim(*role) : std::string_view();
    if (name.empty()) return true;
    return name.starts_with(kSoap12) && (name.substr(kSoap12.size()) == "/role/ultimateReceiver" || name.substr(kSoap12.size()) == "/role/next");
}

bool must_understand(xml::Element block) {
    const auto value = block.attribute(kSoap12, "mustUnderstand");
    return value && (trim(*value) == "true" || trim(*value) == "1");
}

/// In ASCII; beyond it every character passes, as the parser has judged names already.
bool is_ncname(std::string_view text) {
    const auto letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
    const auto start = [&](char c) { return letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; };
    return !text.empty() && start(text.front()) && std::ranges::all_of(text, [&](char c) {
        return start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
}

/// Why the SOAP part cannot be read, as far as the sender may know.
Refusal unparsable(const Error& error) {
    if (error.code == "xml.limit") return Refusal(Cause::soap_unparsable, error.text, "as4-wire 1.3 limits");
    if (error.code == "xml.encoding") return Refusal(Cause::soap_unparsable, error.text, "as4-wire 1.3 UTF-8");
    return Refusal(Cause::soap_unparsable);
}

Outcome<> read_header(xml::Element header, Envelope& envelope) {
    for (const auto block : header.children()) {
        if (block.is(kEb, "Messaging")) {
            if (envelope.messaging)
                return refuse(Cause::soap_structure, "The Header has two eb:Messaging.", "as4-wire 1.3 Messaging");
            envelope.messaging = block;
        } else if (block.is(kWsse, "Security")) {
            if (envelope.security)
                return refuse(Cause::security_structure, "The Header has two wsse:Security.", "as4-wire 1.6 Security");
            envelope.security = block;
        } else if (is_for_us(block) && must_understand(block)) {
            return refuse(Cause::must_understand, {}, "as4-wire 1.3 mustUnderstand");
        }
    }
    return {};
}

Outcome<> collect_ids(xml::Element element, std::map<std::string, xml::Element, std::less<>>& into) {
    Outcome<> sound;
    xml::for_each_attribute(element, [&](const xml::AttributeView& attribute) {
        if (attribute.name.size() != 2 || !sound) return;
        const bool is_id = attribute.ns.empty() ? equal_ignore_case_ascii(attribute.name, "id")
                                                : (attribute.ns == kWsu && attribute.name == "Id") ||
                                                      (attribute.ns == kXmlNs && attribute.name == "id");
        if (!is_id) return;
        const auto [entry, fresh] = into.emplace(trim(attribute.value), element);
        // Domibus writes the same value as `id` and `wsu:Id` of one element.
        if (!fresh && entry->second != element)
            sound = refuse(Cause::security_structure, "Two elements have the same Id.", "as4-wire 1.6 Id");
        else if (!is_ncname(entry->first))
            sound = refuse(Cause::security_structure, "An Id is no NCName.", "as4-wire 1.3 Id");
    });
    BUDKAVLE_CHECK(sound);
    for (const auto child : element.children()) BUDKAVLE_CHECK(collect_ids(child, into));
    return {};
}

}  // namespace

xml::Limits soap_limits(std::size_t bytes) {
    return {.bytes = bytes, .depth = 32, .attributes = 64, .elements = 20'000, .text = bytes, .name = 256};
}

Outcome<Envelope> read_envelope(Source& octets, std::size_t max_bytes) {
    auto document = xml::Document::parse(octets, soap_limits(max_bytes));
    if (!document) {
        const auto& error = document.error();
        if (error.code == "xml.doctype") return refuse(Cause::soap_doctype);
        if (error.code.starts_with("xml.")) return std::unexpected(unparsable(error));
        if (error.code == "as4.body_limit") return refuse(Cause::body_too_large);
        return std::unexpected(refusal_of_reading(error));
    }
    Envelope envelope{std::move(*document), {}, {}, {}};
    const auto root = envelope.document.root();
    if (!root.is(kSoap12, "Envelope"))
        return refuse(root.name() == "Envelope" ? Cause::soap_version : Cause::soap_structure,
                      "The root element is not a SOAP 1.2 Envelope.", "as4-wire 1.3 Envelope");
    xml::Element header;
    for (const auto child : root.children()) {
        if (child.is(kSoap12, "Header") && !header && !envelope.body)
            header = child;
        else if (child.is(kSoap12, "Body") && !envelope.body)
            envelope.body = child;
        else
            return refuse(Cause::soap_structure, {},
                          child.is(kSoap12, "Header") ? "as4-wire 1.3 Header" : "as4-wire 1.3 Body");
    }
    if (!envelope.body) return refuse(Cause::soap_structure, {}, "as4-wire 1.3 Body");
    if (header) BUDKAVLE_CHECK(read_header(header, envelope));
    return envelope;
}

Outcome<> check_request(const Envelope& envelope) {
    if (!envelope.messaging) return refuse(Cause::soap_structure, {}, "as4-wire 1.3 Messaging");
    if (envelope.body.has_element_children() || envelope.body.has_text()) return refuse(Cause::body_not_empty);
    if (!envelope.security) return refuse(Cause::security_missing);
    if (!must_understand(envelope.messaging) || !must_understand(envelope.security))
        return refuse(Cause::soap_structure, "Messaging and Security need mustUnderstand=\"true\".",
                      "as4-wire 1.3 mustUnderstand");
    return {};
}

Outcome<IdIndex> IdIndex::build(xml::Element root) {
    IdIndex index;
    BUDKAVLE_CHECK(collect_ids(root, index.elements_));
    return index;
}

xml::Element IdIndex::resolve(std::string_view reference) const {
    if (!reference.starts_with('#')) return {};
    const auto found = elements_.find(reference.substr(1));
    return found == elements_.end() ? xml::Element() : found->second;
}

}  // namespace budkavle::as4
