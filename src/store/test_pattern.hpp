#pragma once
/// Octets for the tests of blobs.

#include "base/bytes.hpp"

namespace budkavle::store::test {

inline Bytes pattern(std::size_t size) {
    Bytes out(size);
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
    return out;
}

}  // namespace budkavle::store::test
