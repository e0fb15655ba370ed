#include "sdk/message_rules.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "federation/identifiers.hpp"
#include "sdk/message_grammar.hpp"

namespace budkavle::sdk {
namespace {

using xml::Element;

constexpr std::size_t kLabel = 256;
constexpr std::size_t kIdentifier = 256;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_base64(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
}

bool is(Element element, std::string_view name) {
    return element && element.is(kMessageNamespace, name);
}

/// The patterns of the official schematron. Their contexts match anywhere below messagePayload, in extension elements
/// too.
class Schematron {
public:
    Schematron(const MessageOptions& options, Findings& findings) : options_(options), findings_(findings) {}

    /// Returns whether normalize-space() of the string value is not empty.
    bool visit(Element element, Element parent) {
        bool filled = element.has_text();
        for (const Element child : element.children())
            if (visit(child, element)) filled = true;
        if (parent && !filled)
            add(Event::invariant, "verifyNonEmptyElements", element, "The element is included but empty.");
        else if (element.ns() == kMessageNamespace)
            patterns(element, parent);
        return filled;
    }

private:
    void add(Event event, std::string_view rule, Element at, std::string_view text) {
        if (!findings_.full()) findings_.add(event, rule, at.path(), text);
    }

    void patterns(Element element, Element parent) {
        const auto name = element.name();
        if (name == "root") return roots(element, parent);
        if (name == "messageId") return uuid(element, "MessageId");
        if (name == "conversationId" || name == "refToMessageId") return uuid(element, name);
        if (name == "creationDateTime" && !is_utc_stamp(element.text(), options_.strict_time))
            add(Event::wrong_form, "creationDateTime", element,
                "The time stamp is not UTC with 1 to 3 fraction digits.");
        if (name == "messageHeader" && element.children(kMessageNamespace, "conversationId").size() != 1)
            add(Event::invariant, "conversationIdMustExist", element, "conversationId must be set once.");
        if (name == "label" && is(parent, "messageHeader") && utf8_length(element.text()) > kLabel)
            add(Event::subject_too_long, "subjectlabel", element, {});
        if (name == "content" && is(parent, "ContentFiles")) content(element);
    }

    void roots(Element element, Element parent) {
        if (is(parent, "recipientID") && element.text() != kOrganisationRoot)
            add(Event::wrong_root, "recipientIdvalue", element, "The root of recipientID is not iso6523-actorid-upis.");
        if (is(parent, "senderID") && element.text() != kOrganisationRoot)
            add(Event::wrong_root, "senderIdvalue", element, "The root of senderID is not iso6523-actorid-upis.");
        if (is(parent, "organizationId") && is(parent.parent(), "subOrganization") && element.text() != kFunctionRoot)
            add(Event::wrong_root, "subOrgRoot", element,
                "The root of the function is not urn:riv:infrastructure:messaging:functionalAddress.");
    }

    void uuid(Element element, std::string_view rule) {
        if (!is_uuid(element.text())) add(Event::wrong_form, rule, element, "The value is not a UUID.");
    }

    void content(Element element) {
        Base64Decoder decoder(Base64Space::xml);
        Bytes ignored;
        bool first = true;
        bool starts_well = true;
        bool valid = true;
        element.for_each_text([&](std::string_view piece) {
            if (first && !piece.empty()) {
                starts_well = is_base64(piece.front());
                first = false;
            }
            for (; valid && !piece.empty(); piece.remove_prefix(std::min(piece.size(), kPiece))) {
                ignored.clear();
                valid = decoder.update(piece.substr(0, kPiece), ignored).has_value();
            }
        });
        if (!starts_well)
            add(Event::invariant, "contentFiles", element, "The content does not begin with a base64 character.");
        else if (!valid || !decoder.finish())
            add(Event::invariant, "K14", element, "The content is not base64 (RFC 4648).");
    }

    const MessageOptions& options_;
    Findings& findings_;
};

Element message_of(Element payload) {
    return payload.child(kMessageNamespace, "message");
}

/// K14: the text demands the form, the schematron does not test it.
void check_organisation(Element header, std::string_view party, std::string_view id, Event event, Findings& findings) {
    const Element extension =
        header.child(kMessageNamespace, party).child(kMessageNamespace, id).child(kMessageNamespace, "extension");
    const std::string text = extension.text();
    if (!text.starts_with("0203:") || !federation::ParticipantId::parse(text))
        findings.add(event, "K14", extension.path(), "The identifier does not have the form 0203:domain.");
}

void check_own_rules(Element payload, Findings& findings) {
    const Element header = message_of(payload).child(kMessageNamespace, "messageHeader");
    check_organisation(header, "recipient", "recipientID", Event::invariant, findings);
    check_organisation(header, "sender", "senderID", Event::sender_wrong, findings);

    const Element body = message_of(payload).child(kMessageNamespace, "messageBody");
    const bool content = std::ranges::any_of(body.children(kMessageNamespace, "documents"), [](Element document) {
        return document.child(kMessageNamespace, "ContentFiles") || document.child(kMessageNamespace, "ContentText");
    });
    if (!content) findings.add(Event::no_content, "K14", body.path());

    // "max 256" of the text: enforced when sending only.
    for (const std::string_view party : {"recipient", "sender"}) {
        const Element attention = header.child(kMessageNamespace, party).child(kMessageNamespace, "attention");
        if (!attention) continue;
        for (const Element entry : attention.children())
            for (const std::string_view id : {"personId", "referenceId"}) {
                const Element pair = entry.child(kMessageNamespace, id);
                if (pair && utf8_length(pair.child(kMessageNamespace, "extension").text()) > kIdentifier)
                    findings.warn(Event::invariant, "message.md 1", pair.path(),
                                  "The identifier is longer than 256 characters.");
            }
    }
}

/// Enough octets to recognise a file.
Bytes beginning_of(Element content) {
    Bytes out;
    Base64Decoder decoder(Base64Space::xml);
    constexpr std::size_t kEnough = 64;
    content.for_each_text([&](std::string_view piece) {
        if (out.size() < kEnough) (void)decoder.update(piece.substr(0, 2 * kEnough), out);
    });
    return out;
}

}  // namespace

bool is_utc_stamp(std::string_view text, bool strict) {
    static constexpr std::string_view kPattern = "dddd-dd-ddTdd:dd:dd";
    if (text.size() <= kPattern.size() || !text.ends_with('Z')) return false;
    for (std::size_t i = 0; i < kPattern.size(); ++i)
        if (kPattern[i] == 'd' ? !is_digit(text[i]) : text[i] != kPattern[i]) return false;
    const auto fraction = text.substr(kPattern.size(), text.size() - kPattern.size() - 1);
    if (fraction.empty()) return !strict;
    return fraction.front() == '.' && fraction.size() >= 2 && fraction.size() <= 4 &&
           std::ranges::all_of(fraction.substr(1), is_digit);
}

void check_rules(Element payload, const MessageOptions& options, Findings& findings) {
    Schematron(options, findings).visit(payload, {});
    check_own_rules(payload, findings);
}

void check_attachments(Element payload, const AttachmentPolicy& policy, Findings& findings) {
    const Element body = message_of(payload).child(kMessageNamespace, "messageBody");
    for (const Element document : body.children(kMessageNamespace, "documents"))
        for (const Element file : document.children(kMessageNamespace, "ContentFiles")) {
            const Element declared = file.child(kMessageNamespace, "contentType");
            if (!policy.accepts(declared.text())) {
                findings.add(Event::attachment_type, "MSG-02", declared.path());
                continue;
            }
            const auto seen = sniff(beginning_of(file.child(kMessageNamespace, "content")));
            if (!seen.empty() && seen != media_type(declared.text()))
                findings.warn(Event::attachment_type, "MSG-05", declared.path(),
                              "The content does not look like the declared media type.");
        }
}

void check_payload(const xml::Document& document, std::uint64_t octets, const MessageOptions& options,
                   Findings& findings) {
    if (octets > options.max_octets) {
        findings.add(Event::message_too_long, "MSG-03", "NA");
        return;
    }
    const bool clean_before = findings.empty();
    check_schema(document, findings);
    if (clean_before && !findings.empty()) return;
    check_rules(document.root(), options, findings);
    check_attachments(document.root(), options.attachments, findings);
}

}  // namespace budkavle::sdk
