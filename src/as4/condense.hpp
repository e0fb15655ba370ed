#pragma once
/// Deflate with a dictionary, for many small texts that repeat what both sides know: namespaces, element names, certificates.

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace budkavle::as4 {

/// A deflate stream (RFC 1951) of `clear`; it can be read with the same dictionary only. Of a dictionary the last 32 KiB count.
[[nodiscard]] Result<Bytes> condense(ByteView clear, ByteView dictionary);
/// Error "condensed.damaged": not a whole stream of at most `limit` octets under this dictionary.
[[nodiscard]] Result<Bytes> expand(ByteView condensed, ByteView dictionary, std::size_t limit);

}  // namespace budkavle::as4
