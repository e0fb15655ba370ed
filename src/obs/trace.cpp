#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "obs/log.hpp"

namespace budkavle::obs {
namespace {

template <std::size_t size>
std::string random_hex() {
    std::array<std::uint8_t, size> octets{};
    random_bytes(octets);
    octets[0] |= 1;  // all zeros means "none" in the standard
    return hex_encode(octets);
}

bool is_id(std::string_view text) {
    const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return std::ranges::all_of(text, hex) && std::ranges::any_of(text, [](char c) { return c != '0'; });
}

}  // namespace

Trace Trace::start() {
    return {random_hex<16>(), random_hex<8>()};
}

Trace Trace::from_header(std::string_view traceparent) {
    const auto parts = split(trim(traceparent), '-');
    const bool version_known = parts.size() == 4 && parts[0] == "00";
    const bool version_later = parts.size() >= 4 && parts[0].size() == 2 && parts[0] != "ff" && parts[0] != "00";
    if ((!version_known && !version_later) || parts[1].size() != 32 || parts[2].size() != 16 || parts[3].size() != 2 ||
        !is_id(parts[1]) || !is_id(parts[2])) {
        return start();
    }
    return {std::string(parts[1]), std::string(parts[2])};
}

Trace Trace::child() const {
    return {trace_id, random_hex<8>()};
}

std::string Trace::header() const {
    return "00-" + trace_id + "-" + span_id + "-01";
}

}  // namespace budkavle::obs
