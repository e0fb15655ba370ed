#pragma once
/// What is checked on the octets before the XML parser sees them: UTF-8, forbidden characters, and limits whose excess
/// would already cost the parser memory or time (it holds a tag, a comment or a processing instruction whole, and
/// compares every attribute of a tag with every other).

#include <cstdint>
#include <string_view>

#include "xml/document.hpp"

namespace budkavle::xml {

class Guard {
public:
    Guard(const Limits& limits, bool limit_cdata) : limits_(limits), limit_cdata_(limit_cdata) {}
    /// Errors "xml.encoding", "xml.malformed" (forbidden character), "xml.limit", with line.
    Result<> check(ByteView piece);
    /// Error "xml.encoding" when the octets ended inside a character.
    Result<> finish() const;
    [[nodiscard]] std::size_t line() const { return line_; }

private:
    enum class State : std::uint8_t { text, open, tag, quoted, declaration, comment, instruction, cdata };
    Result<> characters(ByteView piece);
    Result<> markup(ByteView piece);
    [[nodiscard]] std::unexpected<Error> refuse(std::string_view code, std::string_view text) const;

    Limits limits_;
    bool limit_cdata_;
    std::size_t bytes_ = 0;
    std::size_t line_ = 1;
    std::uint32_t code_point_ = 0;
    std::uint32_t smallest_ = 0;
    unsigned missing_ = 0;
    State state_ = State::text;
    std::uint8_t quote_ = 0;
    std::size_t length_ = 0;
    std::size_t attributes_ = 0;
    std::uint32_t last_ = 0;  ///< the last four octets of markup
};

/// "line 7", the place of every error of this library that has no path.
[[nodiscard]] std::string line_place(std::size_t line);

}  // namespace budkavle::xml
