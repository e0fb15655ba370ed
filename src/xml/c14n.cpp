#include "xml/c14n.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "xml/output.hpp"

namespace budkavle::xml {
namespace {

constexpr std::string_view kXmlNamespace = "http://www.w3.org/XML/1998/namespace";

std::string_view uri_of(const xmlNs* ns) {
    return ns == nullptr ? std::string_view{} : view(ns->href);
}

bool is_xml_attribute(const xmlAttr* attribute) {
    return uri_of(attribute->ns) == kXmlNamespace;
}

bool is_absolute(std::string_view uri) {
    const auto colon = uri.find(':');
    return colon != std::string_view::npos && colon > 0 && uri.find_first_of("/?#") > colon;
}

/// Namespace declarations written so far, innermost last.
class Canonicaliser {
public:
    Canonicaliser(const C14n& how, Output& out) : how_(how), out_(out) {}

    void open(const xmlNode* element, bool apex) {
        marks_.push_back(written_.size());
        Declarations wanted;
        if (apex) {
            for (const xmlNode* at = element; at != nullptr && at->type == XML_ELEMENT_NODE; at = at->parent)
                declared_at(at, wanted);
        } else {
            declared_at(element, wanted);
        }
        if (how_.method == C14nMethod::exclusive) {
            want(wanted, element->ns);
            for (const xmlAttr* one = element->properties; one != nullptr; one = one->next)
                if (one->ns != nullptr && !is_xml_attribute(one)) want(wanted, one->ns);
        }
        put_name(out_, "<", element);
        for (const auto& [prefix, uri] : wanted) {
            if (already(prefix) == uri) continue;
            relative_ |= !uri.empty() && !is_absolute(uri);
            written_.emplace_back(prefix, uri);
            out_.put(prefix.empty() ? " xmlns" : " xmlns:");
            out_.put(prefix);
            out_.put("=\"");
            out_.attribute(uri);
            out_.put("\"");
        }
        put_attributes(element, apex);
        out_.put(">");
    }

    void close() {
        written_.resize(marks_.back());
        marks_.pop_back();
    }

    /// The recommendations want a failure where a namespace name is relative.
    [[nodiscard]] bool met_relative_namespace() const { return relative_; }

private:
    using Declarations = std::map<std::string_view, std::string_view>;  // in the order canonical XML wants

    static void want(Declarations& wanted, const xmlNs* ns) {
        wanted.insert_or_assign(ns == nullptr ? std::string_view{} : view(ns->prefix), uri_of(ns));
    }

    /// Declarations that count by being in scope: all in the inclusive methods, those of the prefix list in the
    /// exclusive one.
    void declared_at(const xmlNode* element, Declarations& wanted) const {
        for (const xmlNs* one = element->nsDef; one != nullptr; one = one->next) {
            const auto prefix = view(one->prefix);
            if (how_.method == C14nMethod::exclusive &&
                std::ranges::find(how_.prefixes, prefix.empty() ? "#default" : prefix) == how_.prefixes.end())
                continue;
            wanted.try_emplace(prefix, view(one->href));
        }
    }

    /// An absent default namespace equals xmlns="".
    [[nodiscard]] std::string_view already(std::string_view prefix) const {
        for (auto one = written_.rbegin(); one != written_.rend(); ++one)
            if (one->first == prefix) return one->second;
        return {};
    }

    void put_attributes(const xmlNode* element, bool apex) {
        std::vector<const xmlAttr*> attributes;
        for (const xmlAttr* one = element->properties; one != nullptr; one = one->next) attributes.push_back(one);
        if (apex && how_.method != C14nMethod::exclusive) inherit(element, attributes);
        std::ranges::sort(attributes, [](const xmlAttr* a, const xmlAttr* b) {
            return std::tuple(uri_of(a->ns), view(a->name)) < std::tuple(uri_of(b->ns), view(b->name));
        });
        for (const xmlAttr* one : attributes) {
            out_.put(" ");
            if (one->ns != nullptr) {
                out_.put(view(one->ns->prefix));
                out_.put(":");
            }
            out_.put(view(one->name));
            out_.put("=\"");
            put_attribute_value(out_, one);
            out_.put("\"");
        }
    }

    /// The xml: attributes that the apex takes over from its ancestors (1.0: all; 1.1: xml:lang and xml:space).
    void inherit(const xmlNode* element, std::vector<const xmlAttr*>& attributes) const {
        for (const xmlNode* at = element->parent; at != nullptr && at->type == XML_ELEMENT_NODE; at = at->parent) {
            for (const xmlAttr* one = at->properties; one != nullptr; one = one->next) {
                const auto name = view(one->name);
                if (!is_xml_attribute(one) ||
                    (how_.method == C14nMethod::inclusive_1_1 && name != "lang" && name != "space"))
                    continue;
                if (std::ranges::none_of(attributes, [&](const xmlAttr* known) {
                        return is_xml_attribute(known) && view(known->name) == name;
                    }))
                    attributes.push_back(one);
            }
        }
    }

    const C14n& how_;
    Output& out_;
    std::vector<std::pair<std::string_view, std::string_view>> written_;
    std::vector<std::size_t> marks_;
    bool relative_ = false;
};

// Canonical XML 1.1 would join the xml:base of ancestors; no format of this project has that attribute.
bool needs_base_join(const xmlNode* apex, C14nMethod method) {
    if (method != C14nMethod::inclusive_1_1) return false;
    for (const xmlNode* at = apex->parent; at != nullptr && at->type == XML_ELEMENT_NODE; at = at->parent)
        for (const xmlAttr* one = at->properties; one != nullptr; one = one->next)
            if (is_xml_attribute(one) && view(one->name) == "base") return true;
    return false;
}

Result<> put_subtree(Output& out, const xmlNode* apex, const C14n& how, const xmlNode* exclude) {
    if (needs_base_join(apex, how.method))
        return fail("c14n.base", {}, Element(const_cast<xmlNode*>(apex)).path(),
                    "Canonical XML 1.1 below an element with xml:base is not supported.");
    Canonicaliser canonicaliser(how, out);
    walk(
        out, apex, exclude, [&](const xmlNode* element) { canonicaliser.open(element, element == apex); },
        [&](const xmlNode*) { canonicaliser.close(); });
    if (canonicaliser.met_relative_namespace())
        return fail("c14n.namespace", {}, Element(const_cast<xmlNode*>(apex)).path(),
                    "A namespace name is not an absolute URI.");
    return out.flush();
}

}  // namespace

Result<> canonicalise(Element apex, const C14n& how, Sink& into, Element exclude) {
    Output out(into);
    return put_subtree(out, apex.raw(), how, exclude.raw());
}

Result<> canonicalise(const Document& document, const C14n& how, Sink& into, Element exclude) {
    Output out(into);
    bool after_root = false;
    for (const xmlNode* node = document.raw()->children; node != nullptr; node = node->next) {
        if (node->type == XML_PI_NODE) {
            if (after_root) out.put("\n");
            put_instruction(out, node);
            if (!after_root) out.put("\n");
        } else if (node->type == XML_ELEMENT_NODE) {
            BUDKAVLE_CHECK(put_subtree(out, node, how, exclude.raw()));
            after_root = true;
        }
    }
    return out.flush();
}

}  // namespace budkavle::xml
