#pragma once
/// Certificates that people hand in (`certpub.md` 4.3; FED-14).

#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "crypto/certificate.hpp"

namespace budkavle::smpserver {

/// PEM text, DER, or base64 of DER: anything that is or holds a private key (PKCS#1, PKCS#8, EC, encrypted, PKCS#12)?
[[nodiscard]] bool holds_private_key(std::string_view input);

/// One certificate in PEM, DER or base64 of DER, in its validity at `now`, RSA of 2048 bits or more.
/// Errors: "registry.private_key", "registry.certificate".
[[nodiscard]] Result<crypto::Certificate> take_certificate(std::string_view input, Time now, bool issuer_too = false);

}  // namespace budkavle::smpserver
