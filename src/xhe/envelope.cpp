#include "xhe/envelope.hpp"

#include <algorithm>
#include <array>

#include "xhe/profile.hpp"
#include "xml/attributes.hpp"
#include "xmlsec/encryption.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::xhe {
namespace {

using xml::Element;
using xml::ElementRule;
using xml::Finding;
using xml::TextType;

constexpr std::string_view kXsi = "http://www.w3.org/2001/XMLSchema-instance";
/// Enough for every value and certificate of an envelope; a longer text is payload.
constexpr std::size_t kKeptText = std::size_t{64} * 1024;

struct Criterion {
    std::string_view code;
    std::string_view rule;
    std::string Envelope::* field;
};
constexpr std::array kCriteria{
    Criterion{"DOCUMENTID", "R4-XHE", &Envelope::document_id},
    Criterion{"DOCUMENTID_SCHEME", "R5-XHE", &Envelope::document_scheme},
    Criterion{"PROCESSID", "R6-XHE", &Envelope::process_id},
    Criterion{"PROCESSID_SCHEME", "R7-XHE", &Envelope::process_scheme},
    Criterion{"FEDERATIONID", "R8-XHE", &Envelope::federation_id},
};

std::string value_of(Element element) {
    return element ? collapse_space(element.text()) : std::string();
}

/// The values of section 3 are compared as the schematron's normalize-space() does.
bool has_value(Element element, std::string_view expected) {
    return value_of(element) == expected;
}

Element party_id(Element party) {
    return party ? party.child(kXha, "PartyIdentification") ? party.child(kXha, "PartyIdentification").child(kXhb, "ID")
                                                            : Element()
                 : Element();
}

class Judge {
public:
    explicit Judge(Element root) : root_(root) {}

    Judged run() {
        if (!root_.is(kXhe, "XHE")) {
            add("XHE-02", root_, "The root element is not XHE of the envelope namespace.");
            return std::move(judged_);
        }
        shape(root_, profile());
        header_ = root_.child(kXha, "Header");
        if (const auto payloads = root_.child(kXha, "Payloads")) payload_ = payloads.child(kXha, "Payload");
        values();
        if (payload_) content();
        read();
        return std::move(judged_);
    }

private:
    void add(std::string_view rule, Element at, std::string text) {
        judged_.findings.push_back({std::string(rule), at.path(), std::move(text)});
    }

    /// R1, R2, R14 and lexical types: everything that the profile's table says.
    void shape(Element element, const ElementRule& rule) {
        if (!rule.any_attributes) attributes(element, rule);
        if (rule.type == TextType::lax) return;
        const bool parent = element.has_element_children();
        if (!parent && !element.has_text()) add("R2-XHE", element, "The element is empty.");
        if (!rule.sequence.empty()) {
            if (element.has_text()) add("XSD", element, "The element holds text where only elements may stand.");
            sequence(element, rule);
        } else if (parent) {
            add("R1-XHE", element, "The element holds elements where only a value may stand.");
        } else if (!xml::matches(rule.type, element.text())) {
            add("XSD", element, "The value does not have the form that its type demands.");
        }
    }

    void attributes(Element element, const ElementRule& rule) {
        xml::for_each_attribute(element, [&](const xml::AttributeView& attribute) {
            if (attribute.ns == kXsi) return;  // K40: ignored, never dereferenced
            const bool named = std::ranges::any_of(rule.attributes, [&](const xml::AttributeRule& allowed) {
                return allowed.ns == attribute.ns && allowed.name == attribute.name;
            });
            if (!named) add("R1-XHE", element, "The attribute " + std::string(attribute.name) + " is not in the profile.");
            if (trim(attribute.value).empty()) add("R2-XHE", element, "The attribute " + std::string(attribute.name) + " is empty.");
        });
    }

    void sequence(Element element, const ElementRule& rule) {
        std::vector<unsigned> counts(rule.sequence.size(), 0);
        std::size_t last = 0;
        for (const Element child : element.children()) {
            const auto found = std::ranges::find_if(
                rule.sequence, [&](const xml::Particle& step) { return child.is(step.rule->ns, step.rule->name); });
            if (found == rule.sequence.end()) {
                add("R1-XHE", child, "The element is not in the profile here.");
                continue;
            }
            const auto step = static_cast<std::size_t>(found - rule.sequence.begin());
            if (step < last) add("R14-XHE", child, "The element stands out of order.");
            last = std::max(last, step);
            if (++counts[step] == found->max + 1 && found->max != xml::kUnbounded)
                add("R14-XHE", child, "The element occurs more often than the profile allows.");
            shape(child, *found->rule);
        }
        for (std::size_t step = 0; step < counts.size(); ++step)
            if (counts[step] < rule.sequence[step].min)
                add("R14-XHE", element, "The element " + std::string(rule.sequence[step].rule->name) + " is missing.");
    }

    void values() {
        const auto version = root_.child(kXhb, "XHEVersionID");
        if (version && !has_value(version, "1.0")) add("R9-XHE", version, "XHEVersionID is not 1.0.");
        const auto customization = root_.child(kXhb, "CustomizationID");
        if (customization && !has_value(customization, kCustomization))
            add("R3-XHE", customization, "CustomizationID is not the one of the profile.");
        if (!header_) return;
        criteria();
        scheme(header_.child(kXha, "FromParty"), "R10-XHE", "FromParty");
        for (const Element to : header_.children(kXha, "ToParty")) scheme(to, "R11-XHE", "ToParty");
        const auto created = header_.child(kXhb, "CreationDateTime");
        if (created && xml::matches(TextType::date_time, created.text()) &&
            !xml::matches(TextType::date_time_zoned, created.text()))
            add("R14-XHE", created, "CreationDateTime has no time zone.");
    }

    void criteria() {
        const auto scope = header_.child(kXha, "BusinessScope");
        for (const Criterion& criterion : kCriteria) {
            unsigned count = 0;
            if (scope)
                for (const Element element : scope.children(kXha, "BusinessScopeCriterion"))
                    if (has_value(element.child(kXhb, "BusinessScopeCriterionTypeCode"), criterion.code)) {
                        ++count;
                        envelope_.*criterion.field = value_of(element.child(kXhb, "BusinessScopeCriterionValue"));
                    }
            if (count != 1)
                add(criterion.rule, scope ? scope : header_,
                    "The criterion " + std::string(criterion.code) +
                        (count ? " occurs several times." : " is missing."));
        }
    }

    void scheme(Element party, std::string_view rule, std::string_view name) {
        const auto id = party_id(party);
        if (id && collapse_space(id.attribute("schemeID").value_or("")) != federation::kParticipantScheme)
            add(rule, id, "The schemeID of " + std::string(name) + " is not the participant scheme.");
    }

    /// R12, R13 and the value rule of PayloadContent.
    void content() {
        const auto indicator = value_of(payload_.child(kXhb, "InstanceEncryptionIndicator"));
        const bool encrypted = indicator == "true" || indicator == "1";
        const bool clear = indicator == "false" || indicator == "0";
        const auto content = payload_.child(kXha, "PayloadContent");
        if (!content) return;
        std::size_t elements = 0;
        std::size_t data = 0;
        for (const Element child : content.children()) {
            ++elements;
            if (child.is(xmlsec::kXenc, "EncryptedData")) ++data;
            if (child.ns() == kXha || child.ns().empty())
                add("XSD", child, "The payload's namespace may not stand in PayloadContent.");
        }
        if (elements == 0 && !content.has_text()) add("R2-XHE", content, "PayloadContent is empty.");
        if (elements > 0 && content.has_text()) add("R14-XHE", content, "PayloadContent holds text and an element.");
        if (elements > 1) add("R14-XHE", content, "PayloadContent holds several elements.");
        if (encrypted && (data != 1 || elements != 1 || content.has_text()))
            add("R12-XHE", content,
                "The indicator says encrypted, but PayloadContent is not exactly one EncryptedData.");
        if (clear && data != 0)
            add("R13-XHE", content, "The indicator says not encrypted, but PayloadContent holds EncryptedData.");
        envelope_.encrypted = encrypted;
    }

    /// Fills the envelope; it stays absent when a value cannot be read.
    void read() {
        if (!header_ || !payload_) return;
        envelope_.id = value_of(header_.child(kXhb, "ID"));
        envelope_.created = value_of(header_.child(kXhb, "CreationDateTime"));
        const auto created = parse_time(envelope_.created);
        const auto from = participant(header_.child(kXha, "FromParty"));
        const auto to = participant(header_.child(kXha, "ToParty"));
        if (!created || !from || !to || envelope_.id.empty()) return;
        envelope_.created_at = *created;
        envelope_.from = *from;
        envelope_.to = *to;
        envelope_.document_type_code = value_of(payload_.child(kXhb, "DocumentTypeCode"));
        envelope_.content_type = value_of(payload_.child(kXhb, "ContentTypeCode"));
        if (const auto handling = payload_.child(kXhb, "HandlingServiceID"))
            envelope_.handling_service_id = value_of(handling);
        envelope_.has_signature = static_cast<bool>(root_.child(xmlsec::kDs, "Signature"));
        judged_.envelope = std::move(envelope_);
    }

    std::optional<federation::ParticipantId> participant(Element party) {
        const auto id = party_id(party);
        if (!id) return std::nullopt;
        auto parsed = federation::ParticipantId::parse(value_of(id));
        if (parsed) return std::move(*parsed);
        add("XHE-02", id, "The value is not a participant identifier.");
        return std::nullopt;
    }

    Element root_;
    Element header_;
    Element payload_;
    Envelope envelope_;
    Judged judged_;
};

}  // namespace

Judged judge(const xml::Document& document) {
    return Judge(document.root()).run();
}

xml::Limits envelope_limits() {
    xml::Limits limits;
    limits.bytes = std::size_t{64} << 20;
    limits.text = std::size_t{64} << 20;
    return limits;
}

Result<Judged> judge_stream(Source& source, const xml::Limits& limits) {
    auto document = xml::Document::parse_pruned(source, kKeptText, limits);
    if (!document) {
        auto error = std::move(document).error();
        if (error.code.starts_with("xml.")) error.rule = "XHE-01";
        return std::unexpected(std::move(error));
    }
    return judge(*document);
}

}  // namespace budkavle::xhe
