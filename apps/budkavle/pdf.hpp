#pragma once
/// Small PDF files for the demo: one page of text, padded to a size.

#include <string>
#include <string_view>

namespace budkavle::app {

/// A valid PDF 1.4 with `line` on its page; `padding` octets of random hexadecimal in an unused stream.
[[nodiscard]] std::string make_pdf(std::string_view line, std::size_t padding = 0);

}  // namespace budkavle::app
