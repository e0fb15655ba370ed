#include "xml/guard.hpp"

#include <array>
#include <cstring>

namespace budkavle::xml {

std::string line_place(std::size_t line) {
    return "line " + std::to_string(line);
}

std::unexpected<Error> Guard::refuse(std::string_view code, std::string_view text) const {
    return fail(code, "SEC-64", line_place(line_), text);
}

Result<> Guard::check(ByteView piece) {
    bytes_ += piece.size();
    if (bytes_ > limits_.bytes) return refuse("xml.limit", "The document is too large.");
    BUDKAVLE_CHECK(markup(piece));
    return characters(piece);
}

Result<> Guard::finish() const {
    if (missing_ != 0) return refuse("xml.encoding", "The document ends inside a character.");
    return {};
}

namespace {

/// Are these eight octets all from 0x20 to 0x7F? Then there is nothing to look at in them.
bool is_plain(const std::uint8_t* at) {
    constexpr std::uint64_t kHigh = 0x8080808080808080;
    constexpr std::uint64_t kSpaces = 0x2020202020202020;
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    // Without high bits nothing is borrowed past an octet that is large enough, and one that is too small shows its high bit.
    return ((word | (word - kSpaces)) & kHigh) == 0;
}

}  // namespace

Result<> Guard::characters(ByteView piece) {
    const auto* at = piece.data();
    const auto* const end = at + piece.size();
    while (at != end) {
        if (missing_ == 0)
            while (end - at >= 8 && is_plain(at)) at += 8;
        if (at == end) break;
        const std::uint8_t octet = *at++;
        if (missing_ == 0 && octet < 0x80) {
            if (octet >= 0x20) continue;
            if (octet == '\n') {
                ++line_;
            } else if (octet == 0) {
                return refuse("xml.encoding", "The document is not UTF-8 text.");
            } else if (octet != '\t' && octet != '\r') {
                return refuse("xml.malformed", "The document holds a control character.");
            }
            continue;
        }
        if (missing_ > 0) {
            if ((octet & 0xC0) != 0x80) return refuse("xml.encoding", "The document is not valid UTF-8.");
            code_point_ = (code_point_ << 6) | (octet & 0x3Fu);
            if (--missing_ > 0) continue;
            if (code_point_ < smallest_ || code_point_ > 0x10FFFF || (code_point_ >= 0xD800 && code_point_ < 0xE000))
                return refuse("xml.encoding", "The document is not valid UTF-8.");
            if (code_point_ == 0xFFFE || code_point_ == 0xFFFF)
                return refuse("xml.malformed", "The document holds a character that XML forbids.");
        } else if ((octet & 0xE0) == 0xC0) {
            code_point_ = octet & 0x1Fu, missing_ = 1, smallest_ = 0x80;
        } else if ((octet & 0xF0) == 0xE0) {
            code_point_ = octet & 0x0Fu, missing_ = 2, smallest_ = 0x800;
        } else if ((octet & 0xF8) == 0xF0) {
            code_point_ = octet & 0x07u, missing_ = 3, smallest_ = 0x10000;
        } else {
            return refuse("xml.encoding", "The document is not valid UTF-8.");
        }
    }
    return {};
}

namespace {

/// What ends, quotes or counts within a tag.
constexpr auto kTagMarks = [] {
    std::array<bool, 256> marks{};
    for (const unsigned char one : {'>', '"', '\'', '='}) marks[one] = true;
    return marks;
}();

}  // namespace

// Only counts. Where a malformed document makes this disagree with the parser, the parser has already refused it.
Result<> Guard::markup(ByteView piece) {
    const std::uint8_t* at = piece.data();
    const std::uint8_t* const end = at + piece.size();
    while (at != end) {
        if (state_ == State::text) {
            const void* found = std::memchr(at, '<', static_cast<std::size_t>(end - at));
            if (found == nullptr) return {};
            at = static_cast<const std::uint8_t*>(found) + 1;
            state_ = State::open;
            length_ = 1;
            attributes_ = 0;
            last_ = 0;
            continue;
        }
        if (state_ == State::quoted) {  // most octets of a tag
            const void* found = std::memchr(at, quote_, static_cast<std::size_t>(end - at));
            const auto* stop = found == nullptr ? end : static_cast<const std::uint8_t*>(found) + 1;
            length_ += static_cast<std::size_t>(stop - at);
            at = stop;
            if (length_ > limits_.markup)
                return refuse("xml.limit", "A tag, comment or processing instruction is too long.");
            if (found != nullptr) state_ = State::tag;
            continue;
        }
        if (state_ == State::tag) {  // names and white space
            const auto* const from = at;
            while (at != end && !kTagMarks[*at]) ++at;
            length_ += static_cast<std::size_t>(at - from);
            if (length_ > limits_.markup)
                return refuse("xml.limit", "A tag, comment or processing instruction is too long.");
            if (at == end) return {};
        }
        const std::uint8_t octet = *at++;
        last_ = (last_ << 8) | octet;
        ++length_;
        const bool limited = state_ != State::cdata || limit_cdata_;
        switch (state_) {
            case State::text:
            case State::quoted:
                break;
            case State::open:
                state_ = octet == '!' ? State::declaration : octet == '?' ? State::instruction : State::tag;
                last_ = 0;
                break;
            case State::declaration:  // <!-- or <![CDATA[; a <!DOCTYPE never gets further than its first octets
                if ((last_ & 0xFFFF) == 0x2D2D && length_ == 4) {
                    state_ = State::comment;
                    last_ = 0;
                } else if (octet == '[' && length_ == 9) {
                    state_ = State::cdata;
                    last_ = 0;
                } else if (octet == '>') {
                    state_ = State::text;
                }
                break;
            case State::tag:
                if (octet == '>') {
                    state_ = State::text;
                } else if (octet == '"' || octet == '\'') {
                    state_ = State::quoted;
                    quote_ = octet;
                } else if (octet == '=' && ++attributes_ > limits_.attributes) {
                    return refuse("xml.limit", "An element has too many attributes.");
                }
                break;
            case State::comment:
                if ((last_ & 0xFFFFFF) == 0x2D2D3E) state_ = State::text;
                break;
            case State::instruction:
                if ((last_ & 0xFFFF) == 0x3F3E) state_ = State::text;
                break;
            case State::cdata:
                if ((last_ & 0xFFFFFF) == 0x5D5D3E) state_ = State::text;
                break;
        }
        if (limited && length_ > limits_.markup)
            return refuse("xml.limit", "A tag, comment or processing instruction is too long.");
    }
    return {};
}

}  // namespace budkavle::xml
