#include "xml/grammar.hpp"

#include <algorithm>
#include <string>

#include "xml/attributes.hpp"

namespace budkavle::xml {
namespace {

constexpr std::string_view kXsi = "http://www.w3.org/2001/XMLSchema-instance";
// A path costs a walk over the siblings; a hostile document must not buy unlimited numbers of them.
constexpr std::size_t kMostFindings = 500;

class Validator {
public:
    explicit Validator(std::string_view rule_id) : rule_id_(rule_id) {}

    void element(Element at, const ElementRule& rule) {
        if (!at.is(rule.ns, rule.name)) return report(at, "Expected " + std::string(rule.name) + " here.");
        content(at, rule);
    }

    [[nodiscard]] std::vector<Finding> take() { return std::move(findings_); }

private:
    void report(Element at, std::string text) {
        if (findings_.size() < kMostFindings) {
            findings_.push_back({std::string(rule_id_), at.path(), std::move(text)});
        } else if (findings_.size() == kMostFindings) {
            findings_.push_back({std::string(rule_id_), "/", "There are more findings than are listed."});
        }
    }

    [[nodiscard]] bool full() const { return findings_.size() > kMostFindings; }

    void content(Element at, const ElementRule& rule) {
        if (rule.type == TextType::lax) return;
        attributes(at, rule);
        if (rule.type == TextType::none) {
            if (at.has_text()) report(at, "Text is not allowed here.");
            sequence(at, rule);
        } else {
            for (const Element child : at.children()) report(child, "No element is allowed inside this value.");
            value(at, rule);
        }
    }

    void attributes(Element at, const ElementRule& rule) {
        for_each_attribute(at, [&](const AttributeView& one) {
            if (one.ns == kXsi || rule.any_attributes) return;
            if (std::ranges::none_of(rule.attributes, [&](const AttributeRule& known) {
                    return known.ns == one.ns && known.name == one.name;
                }))
                report(at, "Has an attribute that is not allowed.");
        });
        for (const auto& known : rule.attributes) {
            const auto found = at.attribute(known.ns, known.name);
            if (!found) {
                if (known.required) report(at, "The attribute " + std::string(known.name) + " is missing.");
            } else if (!known.fixed.empty() && trim(*found) != known.fixed) {
                report(at, "The attribute " + std::string(known.name) + " must be " + std::string(known.fixed) + ".");
            }
        }
    }

    void value(Element at, const ElementRule& rule) {
        std::string joined;
        std::string_view text;  // a long value is one piece and is not copied
        at.for_each_text(
            [&](std::string_view piece) { text = text.empty() ? piece : joined = std::string(text).append(piece); });
        if (!matches(rule.type, text)) report(at, "The value is not of the type that is required here.");
        if (rule.max_length == 0 && rule.min_length == 0) return;
        const auto length = rule.type == TextType::string ? utf8_length(text) : utf8_length(collapse_space(text));
        if (rule.max_length != 0 && length > rule.max_length)
            report(at, "The value is longer than " + std::to_string(rule.max_length) + " characters.");
        if (length < rule.min_length)
            report(at, "The value is shorter than " + std::to_string(rule.min_length) + " characters.");
    }

    void sequence(Element at, const ElementRule& rule) {
        const auto& particles = rule.sequence;
        const auto known = [&](Element child) {
            return std::ranges::any_of(particles,
                                       [&](const Particle& one) { return child.is(one.rule->ns, one.rule->name); });
        };
        Element last_known;
        for (const Element child : at.children())
            if (known(child)) last_known = child;

        std::size_t step = 0;
        unsigned count = 0;
        bool before_last_known = static_cast<bool>(last_known);
        const auto missing_until = [&](std::size_t end) {
            for (; step < end; ++step, count = 0)
                if (count < particles[step].min)
                    report(at, "The element " + std::string(particles[step].rule->name) + " is missing.");
        };
        for (const Element child : at.children()) {
            if (full()) return;
            if (!known(child)) {
                const bool foreign = !child.ns().empty() && child.ns() != rule.ns;
                if (!rule.other_after || !foreign) {
                    report(child, "This element is not allowed here.");
                } else if (before_last_known) {
                    report(child, "An extension element is allowed only after all other elements.");
                }
                continue;
            }
            std::size_t found = step;
            while (found < particles.size() && !(child.is(particles[found].rule->ns, particles[found].rule->name) &&
                                                 (found != step || count < particles[found].max)))
                ++found;
            if (found < particles.size()) {
                missing_until(found);
                ++count;
                element(child, *particles[found].rule);
            } else {
                const auto earlier = std::ranges::find_if(
                    particles, [&](const Particle& one) { return child.is(one.rule->ns, one.rule->name); });
                report(child, earlier - particles.begin() == static_cast<std::ptrdiff_t>(step)
                                  ? "This element occurs too often."
                                  : "This element stands in the wrong place.");
                element(child, *earlier->rule);
            }
            if (child == last_known) before_last_known = false;
        }
        missing_until(particles.size());
    }

    std::string_view rule_id_;
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> validate(Element element, const ElementRule& rule, std::string_view rule_id) {
    Validator validator(rule_id);
    validator.element(element, rule);
    return validator.take();
}

}  // namespace budkavle::xml
