#include "xml/writer.hpp"

#include "xml/escape.hpp"

namespace budkavle::xml {
namespace {

std::string escaped(EscapeFor where, std::string_view text) {
    std::string out;
    out.reserve(text.size());
    escape(where, text, [&](std::string_view piece) { out += piece; });
    return out;
}

}  // namespace

std::string escape_text(std::string_view text) {
    return escaped(EscapeFor::text, text);
}

std::string escape_attribute(std::string_view text) {
    return escaped(EscapeFor::attribute, text);
}

Writer& Writer::open(std::string_view name, const Attributes& attributes) {
    out_ += '<';
    out_ += name;
    for (const auto& [attribute, value] : attributes) {
        out_ += ' ';
        out_ += attribute;
        out_ += "=\"";
        escape(EscapeFor::attribute, value, [&](std::string_view piece) { out_ += piece; });
        out_ += '"';
    }
    out_ += '>';
    open_.emplace_back(name);
    return *this;
}

Writer& Writer::close() {
    out_ += "</";
    out_ += open_.back();
    out_ += '>';
    open_.pop_back();
    return *this;
}

Writer& Writer::text(std::string_view text) {
    escape(EscapeFor::text, text, [&](std::string_view piece) { out_ += piece; });
    return *this;
}

Writer& Writer::raw(std::string_view markup) {
    out_ += markup;
    return *this;
}

Writer& Writer::leaf(std::string_view name, std::string_view text, const Attributes& attributes) {
    return open(name, attributes).Writer::text(text).close();
}

}  // namespace budkavle::xml
