#include "net/client_url.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/bytes.hpp"

namespace budkavle::net {
namespace {

std::unexpected<Error> bad(std::string_view text) {
    return fail("http.url", {}, "url", text);
}

std::string part(CURLU* url, CURLUPart what, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, what, &text, flags) != CURLUE_OK || text == nullptr) return {};
    std::string out = text;
    curl_free(text);
    return out;
}

bool is_address(const std::string& host) {
    std::array<unsigned char, 16> octets{};
    return ::inet_pton(AF_INET, host.c_str(), octets.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), octets.data()) == 1;
}

bool is_dns_name(std::string_view host) {
    if (host.empty() || host.size() > 253 || host.back() == '.') return false;
    return std::ranges::all_of(host, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    });
}

}  // namespace

void UrlDeleter::operator()(Curl_URL* url) const {
    curl_url_cleanup(url);
}

Result<ClientUrl> parse_client_url(const std::string& text, bool allow_plain_http) {
    ClientUrl url;
    url.handle.reset(curl_url());
    if (!url.handle || curl_url_set(url.handle.get(), CURLUPART_URL, text.c_str(),
                                    CURLU_PATH_AS_IS | CURLU_DISALLOW_USER) != CURLUE_OK)
        return bad("The URL is malformed or holds a user name.");
    const auto scheme = part(url.handle.get(), CURLUPART_SCHEME);
    url.is_https = scheme == "https";
    if (!url.is_https && !(allow_plain_http && scheme == "http")) return bad("The URL does not begin with https.");
    if (!part(url.handle.get(), CURLUPART_ZONEID).empty()) return bad("The address of the URL has a zone.");
    url.host = to_lower_ascii(part(url.handle.get(), CURLUPART_HOST));
    if (url.host.starts_with('[') && url.host.ends_with(']')) url.host = url.host.substr(1, url.host.size() - 2);
    url.is_literal = is_address(url.host);
    if (!url.is_literal && !is_dns_name(url.host))
        return bad("The host of the URL is neither a DNS name nor an address.");
    const auto port = std::atoi(part(url.handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT).c_str());
    if (port < 1 || port > 65535) return bad("The port of the URL is out of range.");
    url.port = static_cast<std::uint16_t>(port);
    return url;
}

}  // namespace budkavle::net
