#pragma once
/// Writing XML by hand-over: elements, attributes, text. Output is well-formed by
/// construction, never indented, and escaped as canonical XML does it.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace budkavle::xml {

/// Escapes for element content: & < > and CR (as &#xD;).
[[nodiscard]] std::string escape_text(std::string_view text);
/// Escapes for double-quoted attribute values: & < " and tab, LF, CR.
[[nodiscard]] std::string escape_attribute(std::string_view text);

class Writer {
public:
    using Attributes = std::vector<std::pair<std::string_view, std::string_view>>;
    /// `name` is the qualified name as written ("m:message"); declare prefixes as attributes ("xmlns:m").
    Writer& open(std::string_view name, const Attributes& attributes = {});
    Writer& close();
    Writer& text(std::string_view text);
    Writer& raw(std::string_view markup);  ///< already well-formed, for canonical copies
    /// open, text, close.
    Writer& leaf(std::string_view name, std::string_view text, const Attributes& attributes = {});
    [[nodiscard]] const std::string& str() const { return out_; }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    std::string out_;
    std::vector<std::string> open_;
};

}  // namespace budkavle::xml
