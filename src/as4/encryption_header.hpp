#pragma once
/// EncryptedKey and EncryptedData of the Security header; used by `read_security` alone.

#include <vector>

#include "as4/security.hpp"

namespace budkavle::as4 {

inline constexpr std::string_view kXencNs = "http://www.w3.org/2001/04/xmlenc#";
inline constexpr std::string_view kXenc11Ns = "http://www.w3.org/2009/xmlenc11#";

struct EncryptionBlocks {
    xml::Element key;
    std::vector<xml::Element> data{};
};

/// Fills `into.key` and `into.encrypted`. Refuses as `read_security`.
[[nodiscard]] Outcome<> read_encryption(const EncryptionBlocks& blocks, xml::Element security, const IdIndex& ids,
                                        const KeyTransportPolicy& transport, SecurityHeader& into);

}  // namespace budkavle::as4
