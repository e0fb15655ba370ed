#pragma once
/// Making certificates, requests and revocation lists: the mechanics; what may be issued is decided in `ca`.

#include <optional>
#include <string>
#include <vector>

#include "crypto/certificate.hpp"
#include "crypto/key.hpp"

namespace budkavle::crypto {

/// One attribute of a distinguished name, named as OpenSSL names it, in order of encoding (widest first): {"C","SE"},
/// {"O","…"}, {"OU","…"}, {"organizationIdentifier","…"}, {"CN","…"}.
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
    std::vector<std::string> key_usage;           ///< "digitalSignature", "nonRepudiation", "keyEncipherment",
                                                  ///< "dataEncipherment", "keyCertSign", "cRLSign"
    std::vector<std::string> extended_key_usage;  ///< "serverAuth", "clientAuth", "OCSPSigning"
    std::vector<std::string> dns_names;
    std::vector<std::string> ip_addresses;
    std::vector<std::string> crl_urls;
    std::vector<std::string> ocsp_urls;
    std::vector<std::string> ca_repository_urls;  ///< subjectInfoAccess caRepository: roots
    bool any_policy = false;                      ///< certificatePolicies anyPolicy: issuing CAs
    bool ocsp_no_check = false;                   ///< id-pkix-ocsp-nocheck: OCSP responders
};

/// Random serial of 16 octets, SKI = SHA-256 over the SubjectPublicKeyInfo (`pki.md` 5.1), AKI keyid of the issuer
/// (none in self-signed ones), UTF8String names, sha256WithRSA or ecdsa-with-SHA256. Errors "issue.template" (a name,
/// address or usage that cannot be encoded), "issue.failed".
[[nodiscard]] Result<Certificate> issue(const CertificateTemplate& what, const PublicKey& subject_key,
                                        const Identity& issuer);
[[nodiscard]] Result<Certificate> issue_self_signed(const CertificateTemplate& what, const KeyHandle& key);

struct RevokedEntry {
    std::string serial_decimal;
    Time at;
    std::string reason;  ///< "keyCompromise", "superseded", "cessationOfOperation", "unspecified", …
};
[[nodiscard]] bool is_revocation_reason(std::string_view reason);
[[nodiscard]] std::string revocation_reason(long code);  ///< of RFC 5280 5.3.1; "unspecified" for others
/// CRL v2 with cRLNumber and AKI, no IssuingDistributionPoint (`pki.md` 5.3). DER. Errors "issue.template",
/// "issue.failed".
[[nodiscard]] Result<Bytes> issue_crl(const Identity& issuer, const std::vector<RevokedEntry>& entries,
                                      std::uint64_t number, Time this_update, Time next_update);

/// A request for a certificate: PKCS#10 (PEM or DER) or a self-signed certificate in PEM (`pki.md` 5.2).
struct CertificateRequest {
    PublicKey key;
    std::string subject;              ///< RFC 2253, claimed
    std::string organisation;         ///< claimed O
    std::string organisational_unit;  ///< claimed OU
    /// Names of everything in it that is not the key, O or OU, dropped when issuing: "commonName", "emailAddress",
    /// "subjectAltName", "challengePassword", …; unknown ones as dotted OID. Each once.
    std::vector<std::string> attributes;
    bool proof_of_possession = false;  ///< its own signature verifies
    bool self_signed_certificate = false;
};
/// SubjectPublicKeyInfo. Error "key.malformed".
[[nodiscard]] Result<PublicKey> public_key_from_der(ByteView spki);
/// Error "request.malformed"; "request.private_key" when a private key was pasted, alone or with other things.
[[nodiscard]] Result<CertificateRequest> parse_request(ByteView pem_or_der);
/// PKCS#10 PEM made with `key`.
[[nodiscard]] Result<std::string> make_request(const KeyHandle& key, const std::vector<NameAttribute>& subject);

}  // namespace budkavle::crypto
