#pragma once
/// Opening an envelope in the one permitted order (`xhe.md` 6, 7): parse → judge → verify signature → check signer →
/// decrypt → parse the payload. Each stage takes what only the stage before it can make, so that a later one cannot
/// come first:
///
///     Document ─admit─▶ ConformantEnvelope ─verify_signature─▶ SignedEnvelope ─check_signer─▶ VerifiedEnvelope
///     VerifiedEnvelope ─decrypt─▶ octets ─parse_payload─▶ Document
///
/// Stages consume their input; copy `envelope()` before when a refusal has to be answered.

#include <expected>
#include <optional>
#include <utility>
#include <vector>

#include "crypto/key.hpp"
#include "crypto/trust.hpp"
#include "xhe/envelope.hpp"
#include "xmlsec/encryption.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::xhe {

/// Algorithms accepted by default (`xhe.md` 9), with the two transforms of K6.
[[nodiscard]] xmlsec::EnvelopedPolicy signature_policy();

/// An envelope that keeps XSD and R1–R14 (XHE-02).
class ConformantEnvelope {
public:
    [[nodiscard]] const Envelope& envelope() const { return envelope_; }
    [[nodiscard]] const xml::Document& document() const { return document_; }

private:
    friend std::expected<ConformantEnvelope, std::vector<xml::Finding>> admit(xml::Document document);
    ConformantEnvelope(xml::Document document, Envelope envelope)
        : document_(std::move(document)), envelope_(std::move(envelope)) {}
    xml::Document document_;
    Envelope envelope_;
};
/// Stage 1: judge. The findings when it is not conformant.
[[nodiscard]] std::expected<ConformantEnvelope, std::vector<xml::Finding>> admit(xml::Document document);

class VerifiedEnvelope;
struct SignerExpectation;

/// An envelope whose signature verifies with the key of `signer()` (XHE-03, XHE-04). Whose certificate it is, is open.
class SignedEnvelope {
public:
    [[nodiscard]] const Envelope& envelope() const { return conformant_.envelope(); }
    [[nodiscard]] const crypto::Certificate& signer() const { return signature_.signer; }

private:
    friend class VerifiedEnvelope;
    friend Result<SignedEnvelope> verify_signature(ConformantEnvelope envelope, const xmlsec::EnvelopedPolicy& policy);
    friend Result<VerifiedEnvelope> check_signer(SignedEnvelope envelope, const SignerExpectation& expected);
    SignedEnvelope(ConformantEnvelope conformant, xmlsec::EnvelopedSignature signature)
        : conformant_(std::move(conformant)), signature_(std::move(signature)) {}
    ConformantEnvelope conformant_;
    xmlsec::EnvelopedSignature signature_;
};
/// Stage 2. Errors: rule XHE-03 (structure or algorithm outside the profile), XHE-04 (missing, several, does not
/// verify).
[[nodiscard]] Result<SignedEnvelope> verify_signature(ConformantEnvelope envelope,
                                                      const xmlsec::EnvelopedPolicy& policy = signature_policy());

/// What the signer's certificate has to satisfy.
struct SignerExpectation {
    const crypto::TrustStore* trust = nullptr;  ///< O2O issuers of the environment; not null
    const crypto::CrlStore* crls = nullptr;     ///< not null
    crypto::TrustPolicy policy;
    /// Signing certificates that CertPub has for FromParty under the receipt document type. Without a value XHE-06 is
    /// not asked: only for offline checks, which have no directory. An empty list refuses every signer.
    std::optional<std::vector<crypto::Certificate>> published;
};

/// An envelope that says who wrote it and is believed: the only thing that can be decrypted.
class VerifiedEnvelope {
public:
    [[nodiscard]] const Envelope& envelope() const { return signed_.envelope(); }
    [[nodiscard]] const crypto::Certificate& signer() const { return signed_.signer(); }
    /// xha:PayloadContent of the verified tree.
    [[nodiscard]] xml::Element payload_content() const;

#ifdef BUDKAVLE_PLANTED_BUGS
    /// The planted fault "decrypt before verify": the way around the order, absent from every other build.
    static VerifiedEnvelope unverified(ConformantEnvelope envelope, const crypto::Certificate& anyone);
#endif

private:
    friend Result<VerifiedEnvelope> check_signer(SignedEnvelope envelope, const SignerExpectation& expected);
    explicit VerifiedEnvelope(SignedEnvelope envelope) : signed_(std::move(envelope)) {}
    SignedEnvelope signed_;
};
/// Stage 3. Errors: rule XHE-05 (trust, validity, revocation; Retry::later when revocation data is not at hand),
/// XHE-06 (not a published certificate of FromParty).
[[nodiscard]] Result<VerifiedEnvelope> check_signer(SignedEnvelope envelope, const SignerExpectation& expected);

/// The one error of everything that can go wrong in decryption (XHE-10): wrong key, OAEP, padding, plaintext not XML.
[[nodiscard]] Error decryption_failure();

/// Stage 4. Writes the clear octets into `into` and finishes it; nobody may use them before success. `own` holds the
/// present and earlier identities, chosen by the certificate in EncryptedKey. Errors: "xhe.not_encrypted" (XHE-07),
/// "xhe.encryption" (XHE-03: structure or algorithm outside the profile), "xhe.recipient" (XHE-09: for none of `own`),
/// `decryption_failure()`, and those of `into`.
[[nodiscard]] Result<> decrypt(const VerifiedEnvelope& envelope, const std::vector<crypto::Identity>& own, Sink& into,
                               const xmlsec::EncryptionPolicy& policy = {});

/// Namespace declarations that a payload inherits from its envelope, kept so that the envelope's tree may go before the
/// payload's tree is made (XHE-10).
class PayloadContext {
public:
    explicit PayloadContext(const VerifiedEnvelope& envelope);
    /// For a payload alone: no declarations.
    PayloadContext() = default;
    /// `<prefix, URI>` pairs in scope of xha:PayloadContent.
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& namespaces() const { return namespaces_; }

private:
    std::vector<std::pair<std::string, std::string>> namespaces_;
};

/// Stage 5: parses clear octets (BOM and XML declaration accepted) where the envelope's prefixes are known. Every
/// failure is `decryption_failure()`.
[[nodiscard]] Result<xml::Document> parse_payload(ByteView octets, const PayloadContext& context,
                                                  const xml::Limits& limits = envelope_limits());

/// The root element of a payload that is not encrypted (receipts), inside the verified tree.
/// Error "xhe.no_payload" when PayloadContent holds no element.
[[nodiscard]] Result<xml::Element> clear_payload(const VerifiedEnvelope& envelope);

}  // namespace budkavle::xhe
