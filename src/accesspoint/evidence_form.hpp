#pragma once
/// How request and answer of an exchange lie in the evidence table: deflated together, under a dictionary of what an exchange repeats (the
/// markup of AS4 and the two certificates, which are kept once each). A few hundred octets remain besides signatures and wrapped key.

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace budkavle::accesspoint {

/// Value of the column `form`. Never given another meaning: evidence is read years later.
enum class EvidenceForm : std::uint8_t {
    clear = 0,      ///< rows written by schemas before 8
    condensed = 1,  ///< `answer` is empty, `request` holds both
};

struct ExchangeOctets {
    std::string request;
    Bytes answer;
};

[[nodiscard]] Result<Bytes> condense_exchange(std::string_view request, ByteView answer, ByteView own_certificate,
                                              ByteView peer_certificate);
/// With the same certificates. Error "evidence.damaged".
[[nodiscard]] Result<ExchangeOctets> expand_exchange(ByteView condensed, ByteView own_certificate,
                                                     ByteView peer_certificate);

}  // namespace budkavle::accesspoint
