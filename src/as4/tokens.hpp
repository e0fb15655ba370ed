#pragma once
/// How a WS-Security header names a certificate: BinarySecurityToken, IssuerSerial, SKI, thumbprint, X509Data
/// (`as4-wire.md` 1.6 "Key references", 1.8).

#include <optional>
#include <string>
#include <vector>

#include "as4/refusal.hpp"
#include "as4/soap.hpp"
#include "crypto/certificate.hpp"

namespace budkavle::as4 {

/// Splits the DER of a PkiPath (SEQUENCE OF Certificate, issuer first) and returns it signer first. Error
/// "token.pkipath".
[[nodiscard]] Result<std::vector<crypto::Certificate>> read_pki_path(ByteView der);

/// One of: the certificate itself (with what came along), or a description that certificates can be held against.
struct CertificateReference {
    std::optional<crypto::Certificate> certificate{};
    std::vector<crypto::Certificate> chain{};  ///< untrusted certificates above it
    std::string issuer{};                      ///< with `serial`: names are compared parsed, serials as decimal numbers
    std::string serial{};
    Bytes key_identifier{};
    Bytes thumbprint{};

    /// Does this reference mean `candidate`?
    [[nodiscard]] bool names(const crypto::Certificate& candidate) const;
};

/// Reads a ds:KeyInfo. Exactly one child: a SecurityTokenReference with exactly one child (R3061, R5402, R5417), or,
/// where `direct_x509_data` allows it (EncryptedKey), a ds:X509Data. Tokens stand in `security` and are found by their
/// unique Id. Refuses: security_structure, token.
[[nodiscard]] Outcome<CertificateReference> read_key_info(xml::Element key_info, xml::Element security,
                                                          const IdIndex& ids, bool direct_x509_data);

}  // namespace budkavle::as4
