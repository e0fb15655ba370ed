#pragma once
/// Inside this library only: what the lists at hand say about one certificate.

#include "crypto/trust.hpp"

struct x509_st;
struct X509_crl_st;

namespace budkavle::crypto {

enum class RevocationStatus : std::uint8_t { good, revoked, unknown };

/// `good` needs a current list of the issuer that covers the certificate; `revoked` any authentic list that names it.
/// A list counts as current for `grace` after its nextUpdate.
[[nodiscard]] RevocationStatus revocation_of(x509_st* certificate, x509_st* issuer, const std::vector<Crl>& lists,
                                             Time at, std::chrono::seconds grace = {});
/// AP-18: the OCSP answer first, the lists as second source; a revocation that either knows of counts. An answer
/// "unknown" stays `unknown` whatever the lists say: the issuer does not know the certificate.
[[nodiscard]] RevocationStatus revocation_of(const Certificate& certificate, const Certificate& issuer,
                                             const CrlStore& data, const std::vector<Crl>& lists, Time at);
/// Name, cRLSign and a SHA-2 signature fit.
[[nodiscard]] bool is_signed_by(X509_crl_st* crl, x509_st* issuer);

}  // namespace budkavle::crypto
