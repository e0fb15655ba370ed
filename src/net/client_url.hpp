#pragma once
/// The URL of a request, parsed once, by the parser of the library that connects: there are not two readings of it.

#include <memory>
#include <string>

#include "base/result.hpp"

struct Curl_URL;

namespace budkavle::net {

struct UrlDeleter {
    void operator()(Curl_URL* url) const;
};

struct ClientUrl {
    std::unique_ptr<Curl_URL, UrlDeleter> handle;
    std::string host;  ///< lower case, IPv6 without brackets
    std::uint16_t port = 0;
    bool is_https = true;
    bool is_literal = false;  ///< the host is an IP address
};

/// Error "http.url": scheme other than https (http when allowed), user name, zone, host that is neither DNS name nor
/// address.
[[nodiscard]] Result<ClientUrl> parse_client_url(const std::string& url, bool allow_plain_http);

}  // namespace budkavle::net
