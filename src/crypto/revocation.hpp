#pragma once
/// Inside this library only: what the lists at hand say about one certificate.

#include "crypto/trust.hpp"

struct x509_st;
struct X509_crl_st;

namespace budkavle::crypto {

enum class RevocationStatus : std::uint8_t { good, revoked, unknown };

/// `good` needs a current list of the issuer that covers the certificate; `revoked` any authentic list that names it.
[[nodiscard]] RevocationStatus revocation_of(x509_st* certificate, x509_st* issuer, const std::vector<Crl>& lists,
                                             Time at);
/// Name, cRLSign and a SHA-2 signature fit.
[[nodiscard]] bool is_signed_by(X509_crl_st* crl, x509_st* issuer);

}  // namespace budkavle::crypto
