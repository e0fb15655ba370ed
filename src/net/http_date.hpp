#pragma once
/// Dates of HTTP headers (RFC 9110 5.6.7): the one form that may be sent, and the only one that is read.

#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace budkavle::net {

[[nodiscard]] std::string http_date(Time at);  ///< "Mon, 23 Nov 2026 00:00:00 GMT"
[[nodiscard]] std::optional<Time> parse_http_date(std::string_view text);

}  // namespace budkavle::net
