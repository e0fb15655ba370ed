#include <libxml/tree.h>

#include <array>

#include "xml/tree_builder.hpp"
#include "xml/writer.hpp"

namespace budkavle::xml {
namespace {

/// Several stretches of octets read as one.
class JoinedSource final : public Source {
public:
    explicit JoinedSource(std::array<ByteView, 3> parts) : parts_(parts) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        while (at_ < parts_.size() && parts_[at_].empty()) ++at_;
        if (at_ == parts_.size()) return std::size_t{0};
        auto& part = parts_[at_];
        const auto size = std::min(part.size(), into.size());
        std::copy_n(part.begin(), size, into.begin());
        part = part.subspan(size);
        return size;
    }

private:
    std::array<ByteView, 3> parts_;
    std::size_t at_ = 0;
};

constexpr std::string_view kBom = "\xEF\xBB\xBF";
constexpr std::string_view kWrapper = "fragment";

/// Takes BOM and XML declaration off; the declaration is judged as that of a document.
Result<std::string_view> without_prolog(std::string_view octets, const Limits& limits) {
    if (octets.starts_with(kBom)) octets.remove_prefix(kBom.size());
    constexpr std::string_view kStart = "<?xml";
    if (!octets.starts_with(kStart) || octets.size() == kStart.size() ||
        std::string_view(" \t\r\n").find(octets[kStart.size()]) == std::string_view::npos)
        return octets;
    const auto end = octets.substr(0, 512).find("?>");
    if (end == std::string_view::npos)
        return fail("xml.malformed", "SEC-64", "line 1", "The XML declaration does not end.");
    const auto declared = Document::parse(as_bytes(std::string(octets.substr(0, end + 2)) + "<x/>"), limits);
    if (!declared) return std::unexpected(declared.error());
    return octets.substr(end + 2);
}

/// Makes the only element child of the wrapper the root. The namespace declarations of the wrapper move to it as they
/// are, so that everything below keeps pointing at them; one that the element declares anew cannot be in use.
void unwrap(xmlDoc* document) {
    xmlNode* wrapper = xmlDocGetRootElement(document);
    xmlNode* element = wrapper->children;
    while (element->type != XML_ELEMENT_NODE) element = element->next;
    xmlUnlinkNode(element);
    xmlNs** from = &wrapper->nsDef;
    while (*from != nullptr) {
        xmlNs* moving = *from;
        bool declared = false;
        for (const xmlNs* own = element->nsDef; own != nullptr; own = own->next)
            declared |= xmlStrEqual(own->prefix, moving->prefix) != 0;
        if (declared) {
            from = &moving->next;
            continue;
        }
        *from = moving->next;
        moving->next = element->nsDef;
        element->nsDef = moving;
    }
    xmlFreeNode(xmlDocSetRootElement(document, element));
}

}  // namespace

Result<Document> Document::parse(ByteView octets, const Limits& limits) {
    MemorySource source(octets);
    return parse(source, limits);
}

Result<Document> Document::parse(Source& source, const Limits& limits) {
    return TreeBuilder({.limits = limits}).build(source);
}

Result<Document> Document::parse_pruned(Source& source, std::size_t keep, const Limits& limits) {
    return TreeBuilder({.limits = limits, .keep = keep}).build(source);
}

Result<Document> Document::parse_in_context(ByteView octets, Element context, const Limits& limits) {
    BUDKAVLE_TRY(const std::string_view fragment, without_prolog(as_text(octets), limits));
    std::string start = "<" + std::string(kWrapper);
    std::size_t declarations = 0;
    for (const auto& [prefix, uri] : context.namespaces_in_scope()) {
        if (uri.empty()) continue;
        start += (prefix.empty() ? " xmlns" : " xmlns:" + prefix) + "=\"" + escape_attribute(uri) + "\"";
        ++declarations;
    }
    start += ">";
    const std::string end = "</" + std::string(kWrapper) + ">";
    Limits widened = limits;
    widened.bytes += start.size() + end.size();
    widened.attributes = std::max(limits.attributes, declarations);
    widened.namespaces += declarations;
    widened.all_attributes += declarations;
    JoinedSource source({as_bytes(start), as_bytes(fragment), as_bytes(end)});
    auto document = TreeBuilder({.limits = widened, .wrapped = true}).build(source);
    if (document) unwrap(document->doc_);
    return document;
}

Result<Element> Document::append(Element parent, std::string_view markup) {
    BUDKAVLE_TRY(const Document addition, parse(as_bytes(markup)));
    // A copy: names belong to the dictionary of their own document.
    xmlNode* copy = xmlDocCopyNode(addition.root().raw(), doc_, 1);
    if (copy == nullptr || xmlAddChild(parent.raw(), copy) == nullptr)
        return fail("xml.memory", "Memory ran out.", Retry::later);
    return Element(copy);
}

void Document::set_text(Element element, std::string_view text) {
    xmlAddChild(element.raw(),
                xmlNewDocTextLen(doc_, reinterpret_cast<const xmlChar*>(text.data()), static_cast<int>(text.size())));
}

}  // namespace budkavle::xml
