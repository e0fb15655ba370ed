#include "base/bytes.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace budkavle {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::uint8_t kBad = 0xff;
constexpr std::uint8_t kSpace = 0xfe;
constexpr std::uint8_t kPad = 0xfd;

constexpr std::array<std::uint8_t, 256> make_table() {
    std::array<std::uint8_t, 256> table{};
    table.fill(kBad);
    for (std::size_t i = 0; i < kBase64.size(); ++i)
        table[static_cast<unsigned char>(kBase64[i])] = static_cast<std::uint8_t>(i);
    for (const char c : {' ', '\t', '\r', '\n'}) table[static_cast<unsigned char>(c)] = kSpace;
    table['='] = kPad;
    return table;
}
constexpr auto kTable = make_table();

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

SecretBytes::SecretBytes(SecretBytes&& other) noexcept : data_(std::move(other.data_)) {
    other.data_.clear();
}
SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
        wipe();
        data_ = std::move(other.data_);
        other.data_.clear();
    }
    return *this;
}
SecretBytes::~SecretBytes() {
    wipe();
}
void SecretBytes::resize(std::size_t size) {
    if (size < data_.size()) {
        ::explicit_bzero(data_.data() + size, data_.size() - size);
        data_.resize(size);
    }
}
void SecretBytes::wipe() noexcept {
    if (!data_.empty()) ::explicit_bzero(data_.data(), data_.size());
}

std::string base64_encode(ByteView bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    out.resize(bytes.size() / 3 * 4);
    auto* to = out.data();
    std::size_t i = 0;
    for (; i + 3 <= bytes.size(); i += 3) {
        const std::uint32_t v = (std::uint32_t{bytes[i]} << 16) | (std::uint32_t{bytes[i + 1]} << 8) | bytes[i + 2];
        *to++ = kBase64[v >> 18];
        *to++ = kBase64[(v >> 12) & 63];
        *to++ = kBase64[(v >> 6) & 63];
        *to++ = kBase64[v & 63];
    }
    if (bytes.size() - i == 1) {
        const std::uint32_t v = std::uint32_t{bytes[i]} << 16;
        out += {kBase64[v >> 18], kBase64[(v >> 12) & 63], '=', '='};
    } else if (bytes.size() - i == 2) {
        const std::uint32_t v = (std::uint32_t{bytes[i]} << 16) | (std::uint32_t{bytes[i + 1]} << 8);
        out += {kBase64[v >> 18], kBase64[(v >> 12) & 63], kBase64[(v >> 6) & 63], '='};
    }
    return out;
}

namespace {

/// Whole groups of four at the beginning of `text`, without white space and padding; what it took is cut off.
void take_groups(std::string_view& text, Bytes& out) {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    std::array<std::uint8_t, 384> clear;
    auto* to = clear.data();
    const auto most = std::min(text.size() / 4, clear.size() / 3);
    std::size_t groups = 0;
    for (; groups < most; ++groups, at += 4) {
        const auto a = kTable[at[0]], b = kTable[at[1]], c = kTable[at[2]], d = kTable[at[3]];
        if ((a | b | c | d) > 63) break;
        const std::uint32_t v = (std::uint32_t{a} << 18) | (std::uint32_t{b} << 12) | (std::uint32_t{c} << 6) | d;
        *to++ = static_cast<std::uint8_t>(v >> 16);
        *to++ = static_cast<std::uint8_t>(v >> 8);
        *to++ = static_cast<std::uint8_t>(v);
    }
    out.insert(out.end(), clear.data(), to);
    text.remove_prefix(groups * 4);
}

}  // namespace

Result<> Base64Decoder::update(std::string_view text, Bytes& out) {
    while (!text.empty()) {
        if (held_ == 0 && padding_ == 0 && text.size() >= 4) take_groups(text, out);
        if (text.empty()) break;
        const char c = text.front();
        text.remove_prefix(1);
        const std::uint8_t value = kTable[static_cast<unsigned char>(c)];
        if (value == kSpace && space_ == Base64Space::xml) continue;
        if (value == kPad) {
            // Padding completes the group: "xx==" or "xxx=".
            ++padding_;
            if (held_ + padding_ > 4 || held_ < 2)
                return fail("base64.malformed", "Base64 padding stands in the wrong place.");
            if (held_ + padding_ == 4) {
                if (held_ == 2) {
                    if ((group_ & 0xf) != 0)
                        return fail("base64.malformed", "Base64 has stray bits before its padding.");
                    out.push_back(static_cast<std::uint8_t>(group_ >> 4));
                } else {
                    if ((group_ & 0x3) != 0)
                        return fail("base64.malformed", "Base64 has stray bits before its padding.");
                    out.push_back(static_cast<std::uint8_t>(group_ >> 10));
                    out.push_back(static_cast<std::uint8_t>(group_ >> 2));
                }
            }
            continue;
        }
        if (value > 63 || padding_ > 0) return fail("base64.malformed", "A character is not base64.");
        group_ = (group_ << 6) | value;
        if (++held_ == 4) {
            out.push_back(static_cast<std::uint8_t>(group_ >> 16));
            out.push_back(static_cast<std::uint8_t>(group_ >> 8));
            out.push_back(static_cast<std::uint8_t>(group_));
            held_ = 0;
            group_ = 0;
        }
    }
    return {};
}

Result<> Base64Decoder::finish() {
    const bool complete = padding_ == 0 ? held_ == 0 : held_ + padding_ == 4;
    if (!complete) return fail("base64.malformed", "Base64 ends inside a group of four.");
    return {};
}

Result<Bytes> base64_decode(std::string_view text, Base64Space space) {
    Bytes out;
    out.reserve(text.size() / 4 * 3 + 3);
    Base64Decoder decoder(space);
    BUDKAVLE_CHECK(decoder.update(text, out));
    BUDKAVLE_CHECK(decoder.finish());
    return out;
}

std::string base32_encode(ByteView bytes) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    std::string out;
    std::uint64_t buffer = 0;
    unsigned bits = 0;
    for (const auto b : bytes) {
        buffer = (buffer << 8) | b;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out += alphabet[(buffer >> bits) & 31];
        }
    }
    if (bits > 0) out += alphabet[(buffer << (5 - bits)) & 31];
    return out;
}

std::string hex_encode(ByteView bytes) {
    std::string out(bytes.size() * 2, '0');
    auto* to = out.data();
    for (const auto b : bytes) {
        *to++ = kHex[b >> 4];
        *to++ = kHex[b & 15];
    }
    return out;
}

Result<Bytes> hex_decode(std::string_view text) {
    if (text.size() % 2 != 0) return fail("hex.malformed", "Hexadecimal text has an odd length.");
    Bytes out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0) return fail("hex.malformed", "A character is not hexadecimal.");
        out.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    return out;
}

std::string to_lower_ascii(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

bool equal_ignore_case_ascii(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

std::string collapse_space(std::string_view text) {
    std::string out;
    for (const char c : trim(text)) {
        if (!is_space(c)) {
            out += c;
        } else if (!out.ends_with(' ')) {
            out += ' ';
        }
    }
    return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> out;
    while (true) {
        const auto at = text.find(separator);
        out.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return out;
        text.remove_prefix(at + 1);
    }
}

bool is_valid_utf8(std::string_view text) {
    const auto bytes = as_bytes(text);
    for (std::size_t i = 0; i < bytes.size();) {
        const std::uint8_t lead = bytes[i];
        std::size_t extra = 0;
        std::uint32_t code = 0;
        if (lead < 0x80) {
            ++i;
            continue;
        }
        if (lead >= 0xc2 && lead <= 0xdf) {
            extra = 1;
            code = lead & 0x1fU;
        } else if (lead >= 0xe0 && lead <= 0xef) {
            extra = 2;
            code = lead & 0x0fU;
        } else if (lead >= 0xf0 && lead <= 0xf4) {
            extra = 3;
            code = lead & 0x07U;
        } else {
            return false;
        }
        if (i + extra >= bytes.size()) return false;
        for (std::size_t k = 1; k <= extra; ++k) {
            if ((bytes[i + k] & 0xc0) != 0x80) return false;
            code = (code << 6) | (bytes[i + k] & 0x3fU);
        }
        if ((extra == 2 && code < 0x800) || (extra == 3 && code < 0x10000) || code > 0x10ffff ||
            (code >= 0xd800 && code <= 0xdfff)) {
            return false;
        }
        i += extra + 1;
    }
    return true;
}

std::size_t utf8_length(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(as_bytes(text), [](std::uint8_t b) { return (b & 0xc0) != 0x80; }));
}

bool equal_constant_time(ByteView a, ByteView b) {
    if (a.size() != b.size()) return false;
    std::uint8_t difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
    return difference == 0;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view upper = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                c == '-' || c == '.' || c == '_' || c == '~';
        if (unreserved) {
            out += c;
        } else {
            const auto b = static_cast<unsigned char>(c);
            out += {'%', upper[b >> 4], upper[b & 15]};
        }
    }
    return out;
}

Result<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const bool room = text.size() - i > 2;
        const int high = room ? hex_value(text[i + 1]) : -1;
        const int low = room ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0)
            return fail("uri.percent", "A percent sign is not followed by two hexadecimal digits.");
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    if (out.find('\0') != std::string::npos || !is_valid_utf8(out))
        return fail("uri.percent", "The decoded text is not valid UTF-8.");
    return out;
}

}  // namespace budkavle
