#pragma once
/// Inside this library only: algorithms are fetched from OpenSSL once per process.

#include "crypto/digest.hpp"

struct evp_md_st;

namespace budkavle::crypto {

/// Never null: the process ends when OpenSSL has no SHA-2.
[[nodiscard]] const evp_md_st* fetched_digest(DigestAlgorithm algorithm);

}  // namespace budkavle::crypto
