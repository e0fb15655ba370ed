#include "sdk/message_grammar.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "sdk/walk.hpp"

namespace budkavle::sdk {
namespace {

using xml::Element;
using xml::ElementRule;
using xml::kUnbounded;
using xml::Particle;
using xml::TextType;

constexpr std::string_view kXsd = "http://www.w3.org/2001/XMLSchema";
constexpr std::string_view kXsi = "http://www.w3.org/2001/XMLSchema-instance";
constexpr std::size_t kLabel = 256;

ElementRule leaf(std::string_view name, TextType type = TextType::string, std::size_t max_length = 0) {
    return {.ns = kMessageNamespace, .name = name, .type = type, .max_length = max_length};
}

/// Types marked † in `message.md` 1 end with xs:any ##other.
enum class Other : bool { no, allowed };

ElementRule group(std::string_view name, std::vector<Particle> sequence, Other other) {
    return {
        .ns = kMessageNamespace, .name = name, .sequence = std::move(sequence), .other_after = other == Other::allowed};
}

struct Schema {
    ElementRule root = leaf("root");
    ElementRule extension = leaf("extension");
    std::vector<Particle> pair{{&root}, {&extension}};
    ElementRule label = leaf("label", TextType::string, kLabel);

    ElementRule person_id = group("personId", pair, Other::no);
    ElementRule person = group("person", {{&person_id, 0}, {&label, 0}}, Other::allowed);
    ElementRule organization_id = group("organizationId", pair, Other::no);
    ElementRule sub_organization = group("subOrganization", {{&organization_id}, {&label, 0}}, Other::allowed);
    ElementRule reference_id = group("referenceId", pair, Other::no);
    ElementRule reference = group("reference", {{&reference_id}, {&label, 0}}, Other::allowed);
    ElementRule attention = group(
        "attention", {{&person, 0, kUnbounded}, {&sub_organization}, {&reference, 0, kUnbounded}}, Other::allowed);

    ElementRule recipient_id = group("recipientID", pair, Other::no);
    ElementRule recipient = group("recipient", {{&recipient_id}, {&label, 0}, {&attention}}, Other::allowed);
    ElementRule sender_id = group("senderID", pair, Other::no);
    ElementRule sender = group("sender", {{&sender_id}, {&label, 0}, {&attention, 0}}, Other::allowed);

    ElementRule creation_date_time = leaf("creationDateTime", TextType::date_time);
    ElementRule message_id = leaf("messageId");
    ElementRule conversation_id = leaf("conversationId");
    ElementRule ref_to_message_id = leaf("refToMessageId");
    ElementRule subject = leaf("label");
    ElementRule confidentiality = leaf("confidentiality", TextType::boolean);
    ElementRule generating_system = group("generatingSystem", pair, Other::no);
    ElementRule header = group("messageHeader",
                               {{&creation_date_time},
                                {&message_id},
                                {&conversation_id},
                                {&ref_to_message_id, 0},
                                {&subject, 0},
                                {&confidentiality},
                                {&generating_system, 0},
                                {&recipient},
                                {&sender}},
                               Other::allowed);

    ElementRule file_name = leaf("fileName");
    ElementRule content_type = leaf("contentType");
    ElementRule content = leaf("content");
    ElementRule content_files = group("ContentFiles", {{&file_name}, {&content_type}, {&content}}, Other::allowed);
    ElementRule character_sequence = leaf("characterSequence");
    ElementRule content_text = group("ContentText", {{&character_sequence}}, Other::allowed);
    ElementRule document_id = leaf("documentID");
    ElementRule document_name = leaf("documentName");
    ElementRule index = leaf("index");
    ElementRule documents = group("documents",
                                  {{&document_id},
                                   {&document_name, 0},
                                   {&index, 0},
                                   {&content_files, 0, kUnbounded},
                                   {&content_text, 0, kUnbounded}},
                                  Other::allowed);
    ElementRule body = group("messageBody", {{&documents, 1, kUnbounded}}, Other::allowed);
    ElementRule message = group("message", {{&header}, {&body}}, Other::allowed);
    ElementRule payload = group("messagePayload", {{&message}}, Other::no);

    struct Named {
        std::string_view type;
        const ElementRule* rule;
    };
    /// Complex types by the names that xsi:type may use; IIType is known by its shape.
    std::vector<Named> types{{"MessagePayloadType", &payload},
                             {"MessageType", &message},
                             {"MessageHeaderType", &header},
                             {"MessageBodyType", &body},
                             {"DigitalDocumentType", &documents},
                             {"ContentAsBase64", &content_files},
                             {"contentAsText", &content_text},
                             {"RecipientType", &recipient},
                             {"SenderType", &sender},
                             {"AttentionDataType", &attention},
                             {"AttentionPersonType", &person},
                             {"subOrganizationType", &sub_organization},
                             {"ReferenceType", &reference},
                             {"IIType", &recipient_id}};
};

const Schema& schema() {
    static const Schema tables;
    return tables;
}

struct QName {
    std::string ns;
    std::string name;
};

std::optional<QName> resolve(Element element, std::string_view text) {
    const std::string value(trim(text));
    const auto colon = value.find(':');
    const std::string prefix = colon == std::string::npos ? "" : value.substr(0, colon);
    for (const auto& [bound, uri] : element.namespaces_in_scope())
        if (bound == prefix) return QName{uri, colon == std::string::npos ? value : value.substr(colon + 1)};
    if (prefix.empty()) return QName{"", value};
    return std::nullopt;
}

bool is_pair(const ElementRule& rule) {
    return rule.sequence.size() == 2 && rule.sequence[0].rule == &schema().root;
}

/// Does xsi:type name the declared type of a schema element (or, for strings, one whose values are the same)?
bool names_declared_type(const QName& type, const ElementRule& rule) {
    if (type.ns == kXsd) {
        if (rule.max_length != 0) return false;  // the label's type has no name
        if (rule.type == TextType::string)
            return type.name == "string" || type.name == "normalizedString" || type.name == "token";
        return (rule.type == TextType::date_time && type.name == "dateTime") ||
               (rule.type == TextType::boolean && type.name == "boolean");
    }
    if (type.ns != kMessageNamespace) return false;
    if (type.name == "IIType") return is_pair(rule);
    return std::ranges::any_of(
        schema().types, [&](const Schema::Named& named) { return named.rule == &rule && named.type == type.name; });
}

class SchemaCheck {
public:
    SchemaCheck(Element root, Findings& findings) : root_(root), findings_(findings) {}

    void run(Element payload) {
        declared(payload, message_schema());
        for (const xml::Finding& finding : xml::validate(payload, message_schema())) report(finding);
    }

private:
    void fault(Element at, std::string_view text) {
        if (!findings_.full()) findings_.add(Event::structure, "XSD", at.path(), text);
    }

    /// Row 5b is a schema fault with a row of its own.
    void report(const xml::Finding& finding) {
        if (finding.at.contains("label") && long_labels().contains(finding.at))
            findings_.add(Event::label_too_long, finding.rule, finding.at);
        else
            findings_.add(Event::structure, finding.rule, finding.at, finding.text);
    }

    const std::set<std::string>& long_labels() {
        if (!long_labels_) {
            long_labels_.emplace();
            walk(root_, [&](Element element) {
                if (element.is(kMessageNamespace, "label") && utf8_length(element.text()) > kLabel)
                    long_labels_->insert(element.path());
            });
        }
        return *long_labels_;
    }

    /// xsi:type and xsi:nil on elements that the schema declares, then what stands where ##other is allowed.
    void declared(Element element, const ElementRule& rule) {
        if (element.attribute(kXsi, "nil")) fault(element, "xsi:nil stands on an element that is not nillable.");
        if (const auto written = element.attribute(kXsi, "type")) {
            const auto type = resolve(element, *written);
            if (!type || !names_declared_type(*type, rule))
                fault(element, "xsi:type does not name the type of the schema.");
        }
        for (const Element child : element.children()) {
            const auto step = std::ranges::find_if(rule.sequence, [&](const Particle& particle) {
                return child.is(particle.rule->ns, particle.rule->name);
            });
            if (step != rule.sequence.end())
                declared(child, *step->rule);
            else if (child.ns() != kMessageNamespace && !child.ns().empty())
                lax(child);
        }
    }

    /// processContents="lax": a root element that the schema knows is validated wherever it stands, so is a known
    /// xsi:type.
    void lax(Element element) {
        if (element.is(kMessageNamespace, "messagePayload")) return run(element);
        if (const auto written = element.attribute(kXsi, "type")) {
            const auto type = resolve(element, *written);
            if (!type || !fits(element, *type)) fault(element, "The element is not of the type that xsi:type names.");
        }
        for (const Element child : element.children()) lax(child);
    }

    bool fits(Element element, const QName& type) {
        if (type.ns == kXsd)
            return type.name == "anyType" || (!element.has_element_children() && fits_simple(element, type.name));
        if (type.ns != kMessageNamespace) return false;
        const auto named = std::ranges::find(schema().types, type.name, &Schema::Named::type);
        if (named == schema().types.end()) return false;
        ElementRule rule = *named->rule;
        const std::string ns(element.ns());
        const std::string local(element.name());
        rule.ns = ns;
        rule.name = local;
        return xml::validate(element, rule).empty();
    }

    static bool fits_simple(Element element, std::string_view type) {
        static constexpr std::pair<std::string_view, TextType> kKnown[] = {
            {"boolean", TextType::boolean}, {"dateTime", TextType::date_time},  {"date", TextType::date},
            {"time", TextType::time},       {"base64Binary", TextType::base64}, {"integer", TextType::integer},
            {"anyURI", TextType::any_uri}};
        const auto* known = std::ranges::find(kKnown, type, &std::pair<std::string_view, TextType>::first);
        return known == std::end(kKnown) || xml::matches(known->second, element.text());
    }

    Element root_;
    Findings& findings_;
    std::optional<std::set<std::string>> long_labels_;
};

}  // namespace

const ElementRule& message_schema() {
    return schema().payload;
}

void check_schema(const xml::Document& document, Findings& findings) {
    const Element root = document.root();
    if (!root.is(kMessageNamespace, "messagePayload")) {
        findings.add(Event::structure, "XSD", root.path(), "The root element is not messagePayload of SDK message 3.");
        return;
    }
    SchemaCheck(root, findings).run(root);
}

}  // namespace budkavle::sdk
