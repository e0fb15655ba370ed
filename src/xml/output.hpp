#pragma once
/// Writing a tree, whatever the form of its tags: buffered output with the escapes of canonical XML, and the walk.

#include <libxml/tree.h>

#include <string>
#include <string_view>

#include "base/stream.hpp"

namespace budkavle::xml {

/// XML text into a Sink. The first failure of the Sink is kept; everything after it is dropped.
class Output {
public:
    explicit Output(Sink& into) : into_(into) { buffer_.reserve(kPiece); }
    void put(std::string_view markup);
    void text(std::string_view value);       ///< & < > CR escaped
    void attribute(std::string_view value);  ///< & < " tab LF CR escaped
    Result<> flush();

private:
    void write(std::string_view octets);
    Sink& into_;
    std::string buffer_;
    Result<> status_{};
};

[[nodiscard]] inline std::string_view view(const xmlChar* text) {
    return text == nullptr ? std::string_view{} : std::string_view(reinterpret_cast<const char*>(text));
}

void put_attribute_value(Output& out, const xmlAttr* attribute);
void put_instruction(Output& out, const xmlNode* instruction);
/// `<name`, or `</name` with a slash, with its prefix.
void put_name(Output& out, std::string_view before, const xmlNode* element);

/// Visits the subtree at `apex` in document order without recursion, leaving out the subtree at `exclude`. `open`
/// writes a whole start tag, `close` is called after the end tag was written.
template <class Open, class Close>
void walk(Output& out, const xmlNode* apex, const xmlNode* exclude, Open open, Close close) {
    const xmlNode* node = apex;
    for (;;) {
        const bool element = node->type == XML_ELEMENT_NODE && node != exclude;
        if (element) {
            open(node);
            if (node->children != nullptr) {
                node = node->children;
                continue;
            }
            put_name(out, "</", node);
            out.put(">");
            close(node);
        } else if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
            out.text(view(node->content));
        } else if (node->type == XML_PI_NODE) {
            put_instruction(out, node);
        }
        while (node != apex && node->next == nullptr) {
            node = node->parent;
            put_name(out, "</", node);
            out.put(">");
            close(node);
        }
        if (node == apex) return;
        node = node->next;
    }
}

}  // namespace budkavle::xml
