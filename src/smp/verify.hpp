#pragma once
/// What a sender believes of an SMP answer, and why: the procedure of `smp.md` 1.7 (FED-13, AP-14…AP-16). No I/O, no
/// clock.

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "crypto/certificate.hpp"
#include "crypto/trust.hpp"
#include "smp/metadata.hpp"

namespace budkavle::smp {

inline constexpr std::size_t kMaxAnswer = 256 * 1024;

/// What was asked for, and by what the answer is judged.
struct Expectation {
    Identifier participant;  ///< compared without case
    Identifier document;     ///< compared exactly; value empty: whatever document (offline look at a file)
    /// Compared without case, a difference gives a warning (K20).
    Identifier process{std::string(federation::kProcessScheme), std::string(federation::kProcess)};
    std::vector<std::string> profiles;  ///< transport profiles, best first; empty: those of the federation (AP-01)
    const crypto::TrustStore* smp_trust = nullptr;  ///< required
    const crypto::TrustStore* ap_trust = nullptr;   ///< nullptr: endpoint certificate is not checked (offline)
    const crypto::CrlStore* crls = nullptr;         ///< required
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
    Time at;
};

/// Verified content: everything was read from the tree whose signature was checked.
struct Metadata {
    Identifier participant;  ///< as registered
    Identifier document;
    Identifier process;
    Endpoint endpoint;  ///< the one to use
    std::vector<PublishedCertificate> signing;
    std::vector<PublishedCertificate> encryption;
    crypto::Certificate signer;  ///< of the SMP
    std::vector<std::string> warnings;
};

enum class Decision : std::uint8_t { accept, reject, no_endpoint, redirect };
[[nodiscard]] std::string_view to_string(Decision decision);  ///< "accept", "reject", "no-endpoint", "redirect"

struct Verdict {
    Decision decision = Decision::reject;
    /// "signature" or "doc" when accepted; else dtd, encoding, xml, size, xsd, policy-alg, policy-transform,
    /// policy-keyinfo, policy-reference, policy-structure, digest, signature, trust, revocation, id, cert, endpoint,
    /// dates, profile, process, ambiguous, redirect.
    std::string reason;
    std::optional<Error>
        error;  ///< set unless accepted; codes "smp.malformed", "smp.schema", "smp.signature",
                ///< "smp.trust", "smp.revoked", "smp.revocation_unavailable" (later),
                ///< "smp.id_mismatch", "smp.certificate", "smp.endpoint_certificate", "smp.endpoint_uri",
                ///< "smp.no_endpoint", "smp.ambiguous", "smp.not_active", "smp.redirect"
    std::optional<Metadata> metadata;  ///< set when accepted and signed
    std::vector<std::string> warnings;
};

/// Judges a SignedServiceMetadata.
[[nodiscard]] Verdict verify_metadata(ByteView octets, const Expectation& expectation);
/// The same for a file of either kind: a ServiceGroup (unsigned) is checked against the schema and the participant.
[[nodiscard]] Verdict verify_document(ByteView octets, const Expectation& expectation);

/// The certificates of `published` that are in force at `at`, newest notBefore first: encrypt with the first whose
/// chain the caller trusts (FED-15). Empty when there is none.
[[nodiscard]] std::vector<crypto::Certificate> in_force(const std::vector<PublishedCertificate>& published, Time at);
/// The encryption certificate to use: in force, usable for key encipherment, trusted by `o2o`, newest first.
/// Errors "certpub.no_encryption" (none published or in force), or the trust error of the newest one.
[[nodiscard]] Result<crypto::Certificate> choose_encryption_certificate(const Metadata& metadata,
                                                                        const crypto::TrustStore& o2o,
                                                                        const crypto::CrlStore& crls,
                                                                        const crypto::TrustPolicy& policy);
/// Is `certificate` one of the published signing certificates (any counts, FED-15)?
[[nodiscard]] bool is_published_signer(const Metadata& metadata, const crypto::Certificate& certificate);

}  // namespace budkavle::smp
