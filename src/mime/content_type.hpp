#pragma once
/// The value of a Content-Type header (RFC 2045 5.1), and Content-ID in the one form in which it is compared.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace budkavle::mime {

struct ContentType {
    std::string media_type;                                       ///< lower case: "multipart/related"
    std::vector<std::pair<std::string, std::string>> parameters;  ///< names in lower case, values unquoted, in order
    [[nodiscard]] std::optional<std::string> parameter(std::string_view lower_case_name) const;
};

/// Parameters in any order, quoted or not, names in any case; a parameter given twice is refused, and so are comments.
/// Error "mime.content_type".
[[nodiscard]] Result<ContentType> parse_content_type(std::string_view value);

/// `<message%40x>` → `message@x`: angle brackets off, percent-decoded once (`as4-wire.md` 1.2). Error
/// "mime.content_id".
[[nodiscard]] Result<std::string> parse_content_id(std::string_view value);
/// `cid:message%40x` → `message@x`: the same form, from a href. Error "mime.content_id" for any other scheme.
[[nodiscard]] Result<std::string> content_id_of_href(std::string_view href);

}  // namespace budkavle::mime
