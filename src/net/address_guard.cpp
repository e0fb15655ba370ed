#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "net/http.hpp"

namespace budkavle::net {
namespace {

/// 4 or 16 octets; empty when `text` is no address.
std::vector<std::uint8_t> address_octets(const std::string& text) {
    std::vector<std::uint8_t> octets(4);
    if (::inet_pton(AF_INET, text.c_str(), octets.data()) == 1) return octets;
    octets.resize(16);
    if (::inet_pton(AF_INET6, text.c_str(), octets.data()) != 1) return {};
    static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(std::begin(kMapped), std::end(kMapped), octets.begin()))
        octets.erase(octets.begin(), octets.begin() + 12);
    return octets;
}

bool bit(const std::vector<std::uint8_t>& octets, std::size_t index) {
    return (octets[index / 8] >> (7 - index % 8)) & 1;
}

}  // namespace

Result<PortRange> PortRange::parse(std::string_view text) {
    const auto dash = text.find('-');
    const auto number = [](std::string_view digits, std::uint16_t& out) {
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), out);
        return parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size() && out > 0;
    };
    PortRange out;
    const bool read = number(text.substr(0, dash), out.first) &&
                      number(dash == std::string_view::npos ? text : text.substr(dash + 1), out.last);
    if (!read || out.last < out.first)
        return fail("net.range", "AP-10", text, "This is no port or range of ports.", "Write it as 443 or 8443-8450.");
    return out;
}

Result<AddressGuard> AddressGuard::from_ranges(const std::vector<std::string>& cidrs) {
    AddressGuard guard;
    for (const auto& cidr : cidrs) {
        const auto bad = [&](std::string_view text) {
            return fail("net.range", "SEC-42", cidr, text, "Write it as 192.0.2.0/24 or 2001:db8::/32.");
        };
        const auto slash = cidr.find('/');
        auto base = address_octets(cidr.substr(0, slash));
        if (base.empty()) return bad("This is no address range.");
        const auto width = static_cast<unsigned>(base.size() * 8);
        unsigned bits = width;
        if (slash != std::string::npos) {
            const char* end = cidr.data() + cidr.size();
            const auto parsed = std::from_chars(cidr.data() + slash + 1, end, bits);
            if (parsed.ec != std::errc{} || parsed.ptr != end || bits > width)
                return bad("The prefix length is malformed.");
        }
        for (unsigned i = bits; i < width; ++i)
            if (bit(base, i)) return bad("The address has bits behind its prefix.");
        guard.ranges_.push_back({std::move(base), bits});
    }
    return guard;
}

bool AddressGuard::permits(const std::string& ip) const {
    const auto octets = address_octets(ip);
    if (octets.empty()) return false;
    return std::ranges::any_of(ranges_, [&](const Range& range) {
        if (range.base.size() != octets.size()) return false;
        for (unsigned i = 0; i < range.bits; ++i)
            if (bit(range.base, i) != bit(octets, i)) return false;
        return true;
    });
}

}  // namespace budkavle::net
