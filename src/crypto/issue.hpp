#pragma once
/// Making certificates, requests and revocation lists: the mechanics; what may be issued is decided in `ca`.

#include <optional>
#include <string>
#include <vector>

#include "crypto/certificate.hpp"
#include "crypto/key.hpp"

namespace budkavle::crypto {

/// One attribute of a distinguished name, in order: {"C","SE"}, {"O","…"}, {"OU","…"}, {"organizationIdentifier","…"}, {"CN","…"}.
struct NameAttribute {
    std::string type;
    std::string value;
};

struct CertificateTemplate {
    std::vector<NameAttribute> subject;
    Time not_before;
    Time not_after;
    bool ca = false;
    std::optional<unsigned> path_length;
    std::vector<std::string> key_usage;           ///< "digitalSignature", "nonRepudiation", "keyEncipherment", "keyCertSign", "cRLSign"
    std::vector<std::string> extended_key_usage;  ///< "serverAuth", "clientAuth", "OCSPSigning"
    std::vector<std::string> dns_names;
    std::vector<std::string> ip_addresses;
    std::vector<std::string> crl_urls;
    std::vector<std::string> ocsp_urls;
};

/// Signs with `issuer` (or self-signed when `issuer` is nullptr, then with `self_key`). 128-bit random serial,
/// SKI = SHA-256 over the SubjectPublicKeyInfo (`pki.md` 5.1), AKI keyid, sha256WithRSA (or ecdsa-with-SHA256).
[[nodiscard]] Result<Certificate> issue(const CertificateTemplate& what, const PublicKey& subject_key, const Identity& issuer);
[[nodiscard]] Result<Certificate> issue_self_signed(const CertificateTemplate& what, const KeyHandle& key);

struct RevokedEntry {
    std::string serial_decimal;
    Time at;
    std::string reason;  ///< "keyCompromise", "superseded", "cessationOfOperation", "unspecified", …
};
/// CRL v2 with cRLNumber and AKI, no IssuingDistributionPoint (`pki.md` 5.3). DER.
[[nodiscard]] Result<Bytes> issue_crl(const Identity& issuer, const std::vector<RevokedEntry>& entries, std::uint64_t number,
                                      Time this_update, Time next_update);

/// A request for a certificate: PKCS#10 (PEM or DER) or a self-signed certificate in PEM.
struct CertificateRequest {
    PublicKey key;
    std::string subject;                  ///< RFC 2253, claimed
    std::string organisation;             ///< claimed O
    std::string organisational_unit;      ///< claimed OU
    std::vector<std::string> attributes;  ///< names of everything in it that is not the key, O or OU: dropped or ignored when issuing
    bool proof_of_possession = false;     ///< its own signature verifies
    bool self_signed_certificate = false;
};
/// Error "request.malformed"; "request.private_key" when a private key was pasted.
[[nodiscard]] Result<CertificateRequest> parse_request(ByteView pem_or_der);
/// PKCS#10 PEM made with `key`.
[[nodiscard]] Result<std::string> make_request(const KeyHandle& key, const std::vector<NameAttribute>& subject);

}  // namespace budkavle::crypto
