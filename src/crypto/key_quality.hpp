#pragma once
/// What speaks against certifying a public key (`pki.md` 5.2). Keys of others that are only verified with are not asked
/// this.

#include <string>
#include <vector>

#include "crypto/certificate.hpp"

namespace budkavle::crypto {

enum class KeyFault : std::uint8_t {
    kind,          ///< neither RSA nor EC
    curve,         ///< EC on another curve than P-256 or P-384
    exponent,      ///< RSA: smaller than 65537, or even
    small_factor,  ///< RSA: the modulus has a small prime factor
    close_primes,  ///< RSA: Fermat's method finds the primes
    infineon,      ///< RSA: the modulus has the pattern of CVE-2017-15361 (ROCA)
};
/// Everything that is wrong with the key apart from its length.
[[nodiscard]] std::vector<KeyFault> faults_of(const PublicKey& key);
[[nodiscard]] std::string_view describe(KeyFault fault);

}  // namespace budkavle::crypto
