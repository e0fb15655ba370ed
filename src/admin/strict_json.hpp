#pragma once
/// JSON from outside: what readers differ about is refused (I-JSON, RFC 7493), and every dimension has a limit.

#include <boost/json/value.hpp>

#include "base/result.hpp"

namespace budkavle::admin {

struct JsonLimits {
    std::size_t depth = 16;
    std::size_t values = 20'000;  ///< of the whole text
    std::size_t key_octets = 128;
};

/// Refuses duplicate names (two readers would see two requests), numbers that are not whole or need more than 53 bits,
/// NUL in strings, octets after the value. Errors "json.malformed", "json.duplicate", "json.depth", "json.number",
/// "json.size".
[[nodiscard]] Result<boost::json::value> parse_strict(std::string_view text, const JsonLimits& limits = {});

}  // namespace budkavle::admin
