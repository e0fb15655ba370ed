#include <libxml/tree.h>

#include <algorithm>

#include "xml/attributes.hpp"
#include "xml/document.hpp"

namespace budkavle::xml {
namespace {

std::string_view view(const xmlChar* text) {
    return text == nullptr ? std::string_view{} : std::string_view(reinterpret_cast<const char*>(text));
}

bool is_text(const xmlNode* node) {
    return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

xmlNode* element_from(xmlNode* node) {
    while (node != nullptr && node->type != XML_ELEMENT_NODE) node = node->next;
    return node;
}

std::string value_of(const xmlAttr* attribute) {
    std::string out;
    for (const xmlNode* node = attribute->children; node != nullptr; node = node->next)
        if (is_text(node)) out += view(node->content);
    return out;
}

}  // namespace

std::string_view Element::name() const {
    return node_ == nullptr ? std::string_view{} : view(node_->name);
}

std::string_view Element::ns() const {
    return node_ == nullptr || node_->ns == nullptr ? std::string_view{} : view(node_->ns->href);
}

std::string_view Element::prefix() const {
    return node_ == nullptr || node_->ns == nullptr ? std::string_view{} : view(node_->ns->prefix);
}

bool Element::is(std::string_view ns_uri, std::string_view local) const {
    return node_ != nullptr && name() == local && ns() == ns_uri;
}

Elements Element::children() const {
    return Elements(*this);
}

Element Element::child(std::string_view ns_uri, std::string_view local) const {
    for (const Element one : children())
        if (one.is(ns_uri, local)) return one;
    return {};
}

std::vector<Element> Element::children(std::string_view ns_uri, std::string_view local) const {
    std::vector<Element> out;
    for (const Element one : children())
        if (one.is(ns_uri, local)) out.push_back(one);
    return out;
}

Element Element::parent() const {
    if (node_ == nullptr || node_->parent == nullptr || node_->parent->type != XML_ELEMENT_NODE) return {};
    return Element(node_->parent);
}

std::string Element::text() const {
    std::string out;
    for_each_text([&](std::string_view piece) { out += piece; });
    return out;
}

void Element::for_each_text(const std::function<void(std::string_view)>& visit) const {
    if (node_ == nullptr) return;
    for (const xmlNode* node = node_->children; node != nullptr; node = node->next)
        if (is_text(node)) visit(view(node->content));
}

std::size_t Element::text_size() const {
    std::size_t size = 0;
    for_each_text([&](std::string_view piece) { size += piece.size(); });
    return size;
}

bool Element::has_text() const {
    bool found = false;
    for_each_text(
        [&](std::string_view piece) { found |= piece.find_first_not_of(" \t\r\n") != std::string_view::npos; });
    return found;
}

bool Element::has_element_children() const {
    return children().begin() != children().end();
}

std::optional<std::string> Element::attribute(std::string_view local) const {
    return attribute({}, local);
}

std::optional<std::string> Element::attribute(std::string_view ns_uri, std::string_view local) const {
    if (node_ == nullptr) return std::nullopt;
    for (const xmlAttr* one = node_->properties; one != nullptr; one = one->next)
        if (view(one->name) == local && (one->ns == nullptr ? std::string_view{} : view(one->ns->href)) == ns_uri)
            return value_of(one);
    return std::nullopt;
}

std::vector<Element::Attribute> Element::attributes() const {
    std::vector<Attribute> out;
    if (node_ == nullptr) return out;
    for (const xmlAttr* one = node_->properties; one != nullptr; one = one->next)
        out.push_back({std::string(one->ns == nullptr ? std::string_view{} : view(one->ns->href)),
                       std::string(view(one->name)), value_of(one)});
    return out;
}

void for_each_attribute(Element element, const std::function<void(const AttributeView&)>& visit) {
    if (!element) return;
    for (const xmlAttr* one = element.raw()->properties; one != nullptr; one = one->next) {
        AttributeView attribute{.ns = one->ns == nullptr ? std::string_view{} : view(one->ns->href),
                                .name = view(one->name),
                                .value = {}};
        const auto* piece = one->children;
        if (piece != nullptr && piece->next == nullptr && is_text(piece)) {
            attribute.value = view(piece->content);
            visit(attribute);
            continue;
        }
        const auto joined = value_of(one);
        attribute.value = joined;
        visit(attribute);
    }
}

std::vector<std::pair<std::string, std::string>> Element::namespaces_in_scope() const {
    std::vector<std::pair<std::string, std::string>> out;
    for (const xmlNode* node = node_; node != nullptr && node->type == XML_ELEMENT_NODE; node = node->parent) {
        for (const xmlNs* one = node->nsDef; one != nullptr; one = one->next) {
            const auto prefix = view(one->prefix);
            if (std::ranges::none_of(out, [&](const auto& known) { return known.first == prefix; }))
                out.emplace_back(prefix, view(one->href));
        }
    }
    return out;
}

std::string Element::path() const {
    if (node_ == nullptr) return {};
    std::vector<std::string> steps;
    for (Element at = *this; at; at = at.parent()) {
        std::string step = "/";
        if (!at.prefix().empty()) step.append(at.prefix()).append(":");
        step.append(at.name());
        const Element above = at.parent();
        std::size_t before = 0;
        std::size_t same = 0;
        if (above) {
            for (const Element sibling : above.children()) {
                if (!sibling.is(at.ns(), at.name())) continue;
                ++same;
                if (sibling == at) before = same;
            }
        }
        if (same > 1) step += "[" + std::to_string(before) + "]";
        steps.push_back(std::move(step));
    }
    std::string out;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) out += *step;
    return out;
}

int Element::line() const {
    return node_ == nullptr ? 0 : static_cast<int>(xmlGetLineNo(node_));
}

Elements::Iterator Elements::begin() const {
    return Iterator(Element(parent_ ? element_from(parent_.raw()->children) : nullptr));
}

Elements::Iterator& Elements::Iterator::operator++() {
    at_ = Element(element_from(at_.raw()->next));
    return *this;
}

}  // namespace budkavle::xml
