#include <algorithm>
#include <map>

#include "base/bytes.hpp"
#include "sdk/receipt.hpp"
#include "sdk/receipt_profile.hpp"

namespace budkavle::sdk {
namespace {

using xml::Element;
using xml::ElementRule;
using xml::TextType;

constexpr std::string_view kXsi = "http://www.w3.org/2001/XMLSchema-instance";
constexpr std::size_t kMostFindings = 200;

bool one_of(std::string_view value, std::initializer_list<std::string_view> values) {
    return std::ranges::find(values, value) != values.end();
}

/// R1–R9 sort before the schema's faults and the unnumbered demands of section 2.
std::string rank(const std::string& rule) {
    return rule.starts_with('R') ? rule : "~" + rule;
}

class ReceiptJudge {
public:
    explicit ReceiptJudge(Element root) : root_(root) {}

    JudgedReceipt run() {
        if (!root_.is(kReceiptNamespace, "ApplicationResponse")) {
            add("XSD", root_, "The root element is not ApplicationResponse of UBL 2.");
            return std::move(judged_);
        }
        shape(root_, receipt_profile());
        business_rules();
        if (judged_.findings.empty()) read();
        sort();
        return std::move(judged_);
    }

private:
    void sort() {
        std::multimap<std::string, xml::Finding> sorted;  // equal keys keep document order
        for (auto& finding : judged_.findings) sorted.emplace(rank(finding.rule), std::move(finding));
        judged_.findings.clear();
        for (auto& [rule, finding] : sorted) judged_.findings.push_back(std::move(finding));
    }

    void add(std::string_view rule, Element at, std::string_view text) {
        if (judged_.findings.size() < kMostFindings)
            judged_.findings.push_back({std::string(rule), at.path(), std::string(text)});
    }

    /// R1, R2, R9, order and lexical types.
    void shape(Element element, const ElementRule& rule) {
        attributes(element, rule);
        const bool parent = element.has_element_children();
        if (!rule.sequence.empty()) {
            if (element.has_text()) add("XSD", element, "The element holds text where only elements may stand.");
            sequence(element, rule);
        } else if (parent) {
            for (const Element child : element.children())
                add("R1-APP", child, "The element is not in the profile here.");
        } else if (!element.has_text()) {  // an empty group is told by R9
            add("R2-APP", element, "The element is empty.");
        } else if (!xml::matches(rule.type, element.text())) {
            add("XSD", element, "The value does not have the form that its type demands.");
        } else if (rule.type == TextType::time && !xml::matches(TextType::time_zoned, element.text())) {
            add("section 2", element, "The time has no zone.");
        }
    }

    void attributes(Element element, const ElementRule& rule) {
        for (const auto& attribute : element.attributes()) {
            if (attribute.ns == kXsi) {
                // K40 ignores them; the two that would change what the schema says are refused with it.
                if (one_of(attribute.name, {"type", "nil"}))
                    add("XSD", element, "xsi:type or xsi:nil is not expected here.");
                continue;
            }
            const auto allowed = std::ranges::find_if(rule.attributes, [&](const xml::AttributeRule& named) {
                return named.ns == attribute.ns && named.name == attribute.name;
            });
            if (allowed == rule.attributes.end())
                add("R1-APP", element, "An attribute is not in the profile.");
            else if (!trim(attribute.value).empty() && collapse_space(attribute.value) != allowed->fixed)
                add("section 2", element, "The attribute does not have its fixed value.");
            if (trim(attribute.value).empty()) add("R2-APP", element, "An attribute is empty.");
        }
        for (const xml::AttributeRule& named : rule.attributes)
            if (named.required && !element.attribute(named.name))
                add("R9-APP", element, "A mandatory attribute is missing.");
    }

    void sequence(Element element, const ElementRule& rule) {
        std::vector<unsigned> counts(rule.sequence.size(), 0);
        std::size_t last = 0;
        for (const Element child : element.children()) {
            const auto found = std::ranges::find_if(
                rule.sequence, [&](const xml::Particle& step) { return child.is(step.rule->ns, step.rule->name); });
            if (found == rule.sequence.end()) {
                add("R1-APP", child, "The element is not in the profile here.");
                continue;
            }
            const auto step = static_cast<std::size_t>(found - rule.sequence.begin());
            if (step < last) add("XSD", child, "The element stands out of order.");
            last = std::max(last, step);
            if (++counts[step] > found->max)
                add("R9-APP", child, "The element occurs more often than the profile allows.");
            shape(child, *found->rule);
        }
        for (std::size_t step = 0; step < counts.size(); ++step)
            if (counts[step] < rule.sequence[step].min)
                add("R9-APP", element, "The element " + std::string(rule.sequence[step].rule->name) + " is missing.");
    }

    void business_rules() {
        fixed("CustomizationID", kReceiptCustomization, "R3-APP");
        fixed("ProfileID", kReceiptProfile, "R4-APP");
        for (const Element response : root_.children(kCac, "DocumentResponse")) document_response(response);
    }

    void fixed(std::string_view name, std::string_view value, std::string_view rule) {
        const Element element = root_.child(kCbc, name);
        if (element && collapse_space(element.text()) != value)
            add(rule, element, "The value is not the one of the code list.");
    }

    void document_response(Element response) {
        const auto lines = response.children(kCac, "LineResponse");
        for (const Element answer : response.children(kCac, "Response")) {
            const Element element = answer.child(kCbc, "ResponseCode");
            if (!element) continue;
            const std::string code = element.text();  // RCP-07: compared exactly
            if (!one_of(code, {"ACCEPTED", "REJECTED"}))
                add("R5-APP", element, "The code is neither ACCEPTED nor REJECTED.");
            if (code == "ACCEPTED" && !lines.empty()) add("R7-APP", lines.front(), "ACCEPTED has a cause.");
            if (code == "REJECTED" && lines.empty()) add("R8-APP", response, "REJECTED has no cause.");
        }
        for (const Element line : lines)
            for (const Element cause : line.children(kCac, "Response")) {
                const Element code = cause.child(kCbc, "ResponseCode");
                if (code && !one_of(code.text(), {"SV", "BV", "SIG"}))
                    add("R6-APP", code, "The cause is none of SV, BV and SIG.");
            }
    }

    void read() {
        const Element response = root_.child(kCac, "DocumentResponse");
        // A zone on the date says nothing beside the one on the time.
        const std::string date = collapse_space(value(root_, "IssueDate")).substr(0, 10);
        const auto issued = parse_time(date + "T" + collapse_space(value(root_, "IssueTime")));
        if (!issued) {
            add("section 2", root_.child(kCbc, "IssueDate"), "Date and time name no moment that can be used.");
            return;
        }
        Receipt receipt{.id = value(root_, "ID"),
                        .issued = *issued,
                        .sender = value(root_.child(kCac, "SenderParty"), "EndpointID"),
                        .receiver = value(root_.child(kCac, "ReceiverParty"), "EndpointID"),
                        .accepted = value(response.child(kCac, "Response"), "ResponseCode") == "ACCEPTED",
                        .reference = value(response.child(kCac, "DocumentReference"), "ID"),
                        .lines = {}};
        for (const Element line : response.children(kCac, "LineResponse")) {
            const Element cause = line.child(kCac, "Response");
            const Element status = cause.child(kCac, "Status");
            std::optional<std::string> detail;
            if (status.child(kCbc, "StatusReasonCode")) detail = value(status, "StatusReasonCode");
            receipt.lines.push_back({value(line.child(kCac, "LineReference"), "LineID"), value(cause, "ResponseCode"),
                                     std::move(detail), value(status, "StatusReason")});
        }
        judged_.receipt = std::move(receipt);
    }

    static std::string value(Element parent, std::string_view name) {
        return std::string(trim(parent.child(kCbc, name).text()));
    }

    Element root_;
    JudgedReceipt judged_;
};

}  // namespace

JudgedReceipt judge_receipt(Element root) {
    return ReceiptJudge(root).run();
}

}  // namespace budkavle::sdk
