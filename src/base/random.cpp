#include "base/random.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/bytes.hpp"

namespace budkavle {

void random_bytes(std::span<std::uint8_t> into) {
    while (!into.empty()) {
        const auto n = ::getrandom(into.data(), into.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) std::abort();  // going on without randomness would be worse than stopping
        into = into.subspan(static_cast<std::size_t>(n));
    }
}

std::uint64_t random_u64() {
    std::array<std::uint8_t, 8> raw{};
    random_bytes(raw);
    std::uint64_t value = 0;
    for (const auto b : raw) value = (value << 8) | b;
    return value;
}

std::string new_uuid() {
    std::array<std::uint8_t, 16> raw{};
    random_bytes(raw);
    raw[6] = static_cast<std::uint8_t>((raw[6] & 0x0f) | 0x40);
    raw[8] = static_cast<std::uint8_t>((raw[8] & 0x3f) | 0x80);
    auto text = hex_encode(raw);
    for (const std::size_t at : {std::size_t{20}, std::size_t{16}, std::size_t{12}, std::size_t{8}})
        text.insert(at, 1, '-');
    return text;
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (hyphen ? c != '-' : !hex) return false;
    }
    return true;
}

}  // namespace budkavle
