#pragma once
/// What a second message with a known MessageId is (`access-point.md` 6, `as4-wire.md` 1.7).

#include <cstdint>
#include <string_view>

#include "as4/open.hpp"

namespace budkavle::accesspoint {

enum class Copy : std::uint8_t {
    repeated,  ///< the same octets signed: the stored receipt is evidence for it
    rebuilt,   ///< same sender and content, other digests: needs a receipt of its own
    conflict,  ///< another sender or other content under the same id: refused, alarm
};
[[nodiscard]] inline Copy compare(std::string_view known_party, std::string_view known_content,
                                  std::string_view known_references, const as4::Opened& copy) {
    if (known_party != copy.message.from.id || known_content != copy.content_sha256()) return Copy::conflict;
    return known_references == copy.references_sha256 ? Copy::repeated : Copy::rebuilt;
}

}  // namespace budkavle::accesspoint
