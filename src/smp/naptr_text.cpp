// NAPTR records in presentation form (RFC 1035 5.1, RFC 3403 4).
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "smp/bdxl.hpp"

namespace budkavle::smp {
namespace {

std::unexpected<Error> not_a_record() {
    return fail("naptr.text", "FED-08", "record", "This is not a NAPTR record in presentation form.",
                R"(Write it as: 100 10 "U" "Meta:SMP" "!.*!https://smp.example.se/!" .)");
}

struct Token {
    std::string text;
    bool quoted = false;
};

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_name_character(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

/// Appends the character that the escape at text[at] ('\') stands for; `at` moves to its last character.
bool take_escape(std::string_view text, std::size_t& at, std::string& into) {
    if (++at >= text.size()) return false;
    if (!is_digit(text[at])) {
        into += text[at];
        return true;
    }
    if (at + 2 >= text.size() || !is_digit(text[at + 1]) || !is_digit(text[at + 2])) return false;
    const int code = (text[at] - '0') * 100 + (text[at + 1] - '0') * 10 + (text[at + 2] - '0');
    if (code > 255) return false;
    into += static_cast<char>(code);
    at += 2;
    return true;
}

std::optional<std::vector<Token>> tokens_of(std::string_view text) {
    std::vector<Token> out;
    std::size_t at = 0;
    while (true) {
        while (at < text.size() && is_blank(text[at])) ++at;
        if (at >= text.size() || text[at] == ';') return out;
        Token token;
        token.quoted = text[at] == '"';
        if (token.quoted) ++at;
        bool closed = !token.quoted;
        for (; at < text.size(); ++at) {
            const char c = text[at];
            if (token.quoted && c == '"') {
                closed = true;
                ++at;
                break;
            }
            if (!token.quoted && is_blank(c)) break;
            if (c == '"') return std::nullopt;
            if (c != '\\') {
                token.text += c;
            } else if (!take_escape(text, at, token.text)) {
                return std::nullopt;
            }
        }
        if (!closed || token.text.size() > 255) return std::nullopt;
        out.push_back(std::move(token));
    }
}

std::optional<std::uint16_t> number_of(const Token& token) {
    std::uint16_t value = 0;
    const char* end = token.text.data() + token.text.size();
    const auto [stop, error] = std::from_chars(token.text.data(), end, value);
    if (token.quoted || error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c < ' ' || c > '~') {
            out += fmt::format("\\{:03}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    return out + "\"";
}

}  // namespace

Result<dns::Naptr> parse_naptr(std::string_view text) {
    auto tokens = tokens_of(text);
    if (!tokens) return not_a_record();
    // Owner, TTL and class may stand before the type.
    const auto prefix_end = tokens->begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(tokens->size(), 4));
    const auto type = std::find_if(tokens->begin(), prefix_end, [](const Token& token) {
        return !token.quoted && equal_ignore_case_ascii(token.text, "NAPTR");
    });
    if (type != prefix_end) tokens->erase(tokens->begin(), type + 1);
    if (tokens->size() != 6) return not_a_record();
    const auto order = number_of((*tokens)[0]);
    const auto preference = number_of((*tokens)[1]);
    const auto& replacement = (*tokens)[5];
    const bool plain_name = !replacement.text.empty() && std::ranges::all_of(replacement.text, is_name_character);
    if (!order || !preference || replacement.quoted || !plain_name) return not_a_record();
    return dns::Naptr{*order, *preference, (*tokens)[2].text, (*tokens)[3].text, (*tokens)[4].text, (*tokens)[5].text};
}

std::string naptr_text(const dns::Naptr& record) {
    return fmt::format("{} {} {} {} {} {}", record.order, record.preference, quote(record.flags), quote(record.service),
                       quote(record.regexp), record.replacement.empty() ? "." : record.replacement);
}

}  // namespace budkavle::smp
