#pragma once
/// What the tests of xml and xmlsec share: where the vectors lie, and short forms.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "xml/document.hpp"

namespace budkavle::xml::test {

namespace fs = std::filesystem;

inline fs::path shared() {
    const char* configured = std::getenv("BUDKAVLE_SHARED");
    const fs::path path =
        configured != nullptr ? fs::path(configured) : fs::path(BUDKAVLE_SOURCE_DIR) / "tests" / "vectors";
    EXPECT_TRUE(fs::exists(path / "spec")) << "The vectors are not at " << path << "; set BUDKAVLE_SHARED.";
    return path;
}

inline std::string text_of(const fs::path& path) {
    const auto octets = read_file(path);
    EXPECT_TRUE(octets.has_value()) << path;
    return octets ? std::string(as_text(*octets)) : std::string();
}

inline Document parsed(std::string_view text, const Limits& limits = {}) {
    auto document = Document::parse(as_bytes(text), limits);
    if (!document) throw std::runtime_error(document.error().describe());
    return std::move(*document);
}

/// "" when the document is accepted, else the code of the error.
inline std::string refusal(std::string_view text, const Limits& limits = {}) {
    const auto document = Document::parse(as_bytes(text), limits);
    return document ? std::string() : document.error().code;
}

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
    return text;
}

}  // namespace budkavle::xml::test
