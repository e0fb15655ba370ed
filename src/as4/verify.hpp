#pragma once
/// The cryptography of the header: who signed, may they, and is what they signed what stands there.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "as4/refusal.hpp"
#include "as4/security.hpp"
#include "crypto/trust.hpp"

namespace budkavle::as4 {

/// How signers are judged. What is pointed to must outlive the judgement.
struct SignerTrust {
    const crypto::TrustStore* store = nullptr;  ///< purpose as4, of this federation and environment (AP-14)
    const crypto::CrlStore* crls = nullptr;
    crypto::TrustPolicy policy;                    ///< `policy.at` is "now" for everything
    std::span<const crypto::Certificate> known{};  ///< partners' certificates, for references that do not carry one
};

/// The certificate that the signature names, found and judged: chain, validity, revocation (AP-14, AP-15, AP-18).
/// Refuses: signer_unknown, untrusted, expired, revoked, revocation_unavailable.
[[nodiscard]] Outcome<crypto::Certificate> find_signer(const CertificateReference& reference, const SignerTrust& trust);

/// SignatureValue, then the digest of every covered element. Attachment digests are the caller's.
/// Refuses: signature, digest.
[[nodiscard]] Outcome<> verify_elements(const xmlsec::SignatureParts& signature, const IdIndex& ids,
                                        const crypto::Certificate& signer);

/// A signed reference as evidence: what a receipt repeats and a sender compares.
struct ReferenceEvidence {
    std::string uri;
    std::vector<std::string> transforms;  ///< algorithm URIs
    std::string digest_method;            ///< algorithm URI
    std::string digest_value;  ///< the base64 text exactly as it stood there, white space around it taken off
    bool operator==(const ReferenceEvidence&) const = default;
};
[[nodiscard]] ReferenceEvidence evidence_of(const xmlsec::Reference& reference);
/// The same from a ds:Reference that was copied into a receipt. Error "receipt.reference".
[[nodiscard]] Result<ReferenceEvidence> read_reference_copy(xml::Element reference);

}  // namespace budkavle::as4
