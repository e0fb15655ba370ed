#pragma once
/// The parts of a URL that the registers hold: closed form, nothing normalised, nothing guessed.

#include <optional>
#include <string>
#include <string_view>

namespace budkavle::smp {

struct UrlParts {
    std::string scheme;  ///< lower case
    std::string host;    ///< lower case, without brackets
    std::string path;    ///< may be empty; encoded
    bool has_user_info = false;
    bool has_query = false;
    bool has_fragment = false;
    bool host_is_address = false;  ///< an IPv4 or IPv6 literal, in any of the spellings that resolvers accept
};

/// "scheme://[user@]host[:port][/path][?query][#fragment]"; nullopt when it is not that.
[[nodiscard]] std::optional<UrlParts> parse_url(std::string_view url);

}  // namespace budkavle::smp
