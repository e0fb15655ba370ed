#include "xml/output.hpp"

#include "xml/escape.hpp"

namespace budkavle::xml {

void Output::write(std::string_view octets) {
    if (status_) status_ = into_.write(as_bytes(octets));
}

void Output::put(std::string_view markup) {
    while (!markup.empty()) {
        if (buffer_.empty() && markup.size() >= kPiece) {
            write(markup.substr(0, kPiece));
            markup.remove_prefix(kPiece);
            continue;
        }
        const auto part = markup.substr(0, kPiece - buffer_.size());
        buffer_ += part;
        markup.remove_prefix(part.size());
        if (buffer_.size() == kPiece) {
            write(buffer_);
            buffer_.clear();
        }
    }
}

void Output::text(std::string_view value) {
    escape(EscapeFor::text, value, [&](std::string_view piece) { put(piece); });
}

void Output::attribute(std::string_view value) {
    escape(EscapeFor::attribute, value, [&](std::string_view piece) { put(piece); });
}

Result<> Output::flush() {
    if (!buffer_.empty()) write(buffer_);
    buffer_.clear();
    return status_;
}

void put_attribute_value(Output& out, const xmlAttr* attribute) {
    for (const xmlNode* node = attribute->children; node != nullptr; node = node->next)
        if (node->type == XML_TEXT_NODE) out.attribute(view(node->content));
}

void put_instruction(Output& out, const xmlNode* instruction) {
    out.put("<?");
    out.put(view(instruction->name));
    if (!view(instruction->content).empty()) {
        out.put(" ");
        out.put(view(instruction->content));
    }
    out.put("?>");
}

void put_name(Output& out, std::string_view before, const xmlNode* element) {
    out.put(before);
    if (element->ns != nullptr && element->ns->prefix != nullptr) {
        out.put(view(element->ns->prefix));
        out.put(":");
    }
    out.put(view(element->name));
}

}  // namespace budkavle::xml
