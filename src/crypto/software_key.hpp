#pragma once
/// Inside this library only: a handle from a raw OpenSSL key.

#include "crypto/key.hpp"

namespace budkavle::crypto {

/// Takes ownership. Error "key.malformed" for anything but RSA and EC.
[[nodiscard]] Result<KeyHandle> wrap_private_key(evp_pkey_st* owned);

}  // namespace budkavle::crypto
