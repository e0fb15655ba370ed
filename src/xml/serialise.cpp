#include <utility>

#include "xml/document.hpp"
#include "xml/output.hpp"

namespace budkavle::xml {
namespace {

void put_start_tag(Output& out, const xmlNode* element) {
    put_name(out, "<", element);
    for (const xmlNs* one = element->nsDef; one != nullptr; one = one->next) {
        out.put(one->prefix == nullptr ? " xmlns" : " xmlns:");
        out.put(view(one->prefix));
        out.put("=\"");
        out.attribute(view(one->href));
        out.put("\"");
    }
    for (const xmlAttr* one = element->properties; one != nullptr; one = one->next) {
        out.put(" ");
        if (one->ns != nullptr) {
            out.put(view(one->ns->prefix));
            out.put(":");
        }
        out.put(view(one->name));
        out.put("=\"");
        put_attribute_value(out, one);
        out.put("\"");
    }
    out.put(">");
}

}  // namespace

Document::Document(Document&& other) noexcept : doc_(std::exchange(other.doc_, nullptr)) {}

Document& Document::operator=(Document&& other) noexcept {
    std::swap(doc_, other.doc_);
    return *this;
}

Document::~Document() {
    if (doc_ != nullptr) xmlFreeDoc(doc_);
}

Element Document::root() const {
    return Element(doc_ == nullptr ? nullptr : xmlDocGetRootElement(doc_));
}

Result<> Document::serialise(Sink& into) const {
    Output out(into);
    for (const xmlNode* node = doc_->children; node != nullptr; node = node->next)
        walk(out, node, nullptr, [&](const xmlNode* element) { put_start_tag(out, element); }, [](const xmlNode*) {});
    return out.flush();
}

std::string Document::to_string() const {
    MemorySink sink(SIZE_MAX);
    static_cast<void>(serialise(sink));  // memory does not refuse
    return std::string(as_text(sink.bytes()));
}

}  // namespace budkavle::xml
