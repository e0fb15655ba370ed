#include "smp/url.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace budkavle::smp {
namespace {

bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_host_character(char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

/// "127.0.0.1", "2130706433", "0x7f.1": a last label of digits (or 0x…) is never that of a domain.
bool is_numeric_host(std::string_view host) {
    const auto labels = split(host, '.');
    const auto last = labels.back();
    return last.starts_with("0x") || (!last.empty() && std::all_of(last.begin(), last.end(), is_digit));
}

bool is_port(std::string_view text) {
    if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit)) return false;
    unsigned port = 0;
    for (const char c : text) port = port * 10 + static_cast<unsigned>(c - '0');
    return port >= 1 && port <= 65535;
}

}  // namespace

std::optional<UrlParts> parse_url(std::string_view url) {
    const bool printable = std::all_of(url.begin(), url.end(), [](char c) {
        return c > ' ' && c < 0x7F && c != '\\' && c != '"' && c != '<' && c != '>';
    });
    const auto separator = url.find("://");
    if (!printable || separator == std::string_view::npos || separator == 0) return std::nullopt;
    UrlParts out;
    out.scheme = to_lower_ascii(url.substr(0, separator));
    if (!std::all_of(out.scheme.begin(), out.scheme.end(),
                     [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; }))
        return std::nullopt;
    auto rest = url.substr(separator + 3);
    if (const auto at = rest.find('#'); at != std::string_view::npos) {
        out.has_fragment = true;
        rest = rest.substr(0, at);
    }
    if (const auto at = rest.find('?'); at != std::string_view::npos) {
        out.has_query = true;
        rest = rest.substr(0, at);
    }
    auto authority = rest.substr(0, rest.find('/'));
    out.path = std::string(rest.substr(authority.size()));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        out.has_user_info = true;
        authority = authority.substr(at + 1);
    }
    std::string_view port;
    bool has_port = false;
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        out.host = to_lower_ascii(authority.substr(1, end - 1));
        out.host_is_address = true;
        authority = authority.substr(end + 1);
        if (!authority.empty() && authority.front() != ':') return std::nullopt;
        has_port = !authority.empty();
        if (has_port) port = authority.substr(1);
    } else {
        const auto colon = authority.find(':');
        out.host = to_lower_ascii(authority.substr(0, colon));
        has_port = colon != std::string_view::npos;
        if (has_port) port = authority.substr(colon + 1);
        if (out.host.empty() || !std::all_of(out.host.begin(), out.host.end(), is_host_character)) return std::nullopt;
        out.host_is_address = is_numeric_host(out.host);
    }
    if (out.host.empty() || (has_port && !is_port(port))) return std::nullopt;
    return out;
}

}  // namespace budkavle::smp
