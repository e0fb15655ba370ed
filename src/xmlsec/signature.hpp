#pragma once
/// XML Signature in closed profiles. Reading and checking the structure comes first, cryptography second; what was
/// verified is exactly what the caller gets back. Nothing is ever dereferenced.

#include <optional>
#include <string>
#include <vector>

#include "crypto/certificate.hpp"
#include "crypto/digest.hpp"
#include "crypto/key.hpp"
#include "xml/c14n.hpp"
#include "xml/document.hpp"

namespace budkavle::xmlsec {

inline constexpr std::string_view kDs = "http://www.w3.org/2000/09/xmldsig#";
inline constexpr std::string_view kC14n10 = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
inline constexpr std::string_view kC14n11 = "http://www.w3.org/2006/12/xml-c14n11";
inline constexpr std::string_view kExcC14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
inline constexpr std::string_view kEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
inline constexpr std::string_view kRsaSha256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
inline constexpr std::string_view kSha256 = "http://www.w3.org/2001/04/xmlenc#sha256";

/// SHA-1, MD5 and HMAC are in no list and have no name here. Which algorithms a profile accepts; printable, strict by
/// default (`xhe.md` 9, `smp.md` 1.5, `as4-wire.md` 1.6).
struct SignaturePolicy {
    std::vector<crypto::SignatureAlgorithm> signatures{crypto::SignatureAlgorithm::rsa_sha256};
    std::vector<crypto::DigestAlgorithm> digests{crypto::DigestAlgorithm::sha256};
    std::vector<xml::C14nMethod> canonicalisations{xml::C14nMethod::inclusive_1_0};
};

struct Transform {
    std::string algorithm;              ///< URI
    std::vector<std::string> prefixes;  ///< InclusiveNamespaces, exclusive c14n only
};

struct Reference {
    std::string uri;
    std::vector<Transform> transforms;
    crypto::DigestAlgorithm digest{};
    Bytes digest_value;
    xml::Element element;  ///< the ds:Reference itself (receipts copy it)
};

/// A ds:Signature whose structure was found to be of the closed profile: SignedInfo (c14n, algorithm, 1..n References
/// with explicit digests), SignatureValue, at most one KeyInfo, nothing else (no Object, no Manifest, no HMAC, no
/// XPath).
struct SignatureParts {
    xml::Element element;
    xml::Element signed_info;
    xml::C14n c14n;
    crypto::SignatureAlgorithm algorithm{};
    std::vector<Reference> references;
    Bytes value;
    xml::Element key_info;  ///< empty Element when absent
};

/// Errors: "signature.structure", "signature.algorithm" (not on the allow-list), "signature.transform",
/// "signature.key_info".
[[nodiscard]] Result<SignatureParts> read_signature(xml::Element signature, const SignaturePolicy& policy);
/// The certificates of KeyInfo/X509Data, in document order. Only X509Data is allowed in there (children
/// X509Certificate, X509SubjectName, X509IssuerSerial, X509SKI). Error "signature.key_info" (KeyValue, KeyName only,
/// RetrievalMethod, …) or "certificate.malformed".
[[nodiscard]] Result<std::vector<crypto::Certificate>> x509_certificates(xml::Element key_info);
/// Canonicalises SignedInfo in place and checks SignatureValue. Error "signature.invalid".
[[nodiscard]] Result<> check_signature_value(const SignatureParts& parts, const crypto::PublicKey& key);
/// Compares a digest computed by the caller. Error "signature.digest" naming the reference URI.
[[nodiscard]] Result<> check_digest(const Reference& reference, ByteView computed);

/// Enveloped profile (XHE-03, XHE-04; `smp.md` 1.5): one Reference URI="", Transform enveloped, optionally followed by
/// one c14n of the allow-list when `allow_second_c14n` (K6); exactly one ds:Signature as element child of the root.
struct EnvelopedPolicy {
    SignaturePolicy algorithms;
    bool allow_second_c14n = false;
};
struct EnvelopedSignature {
    crypto::Certificate signer;              ///< the certificate whose key verified
    std::vector<crypto::Certificate> extra;  ///< the others that came along, untrusted
};
/// Verifies the signature over the whole document; trust in the certificate is the caller's question.
/// Structural errors as read_signature and x509_certificates, "signature.missing", "signature.several",
/// "signature.reference", "signature.transform", then "signature.invalid", "signature.digest".
[[nodiscard]] Result<EnvelopedSignature> verify_enveloped(const xml::Document& document, const EnvelopedPolicy& policy);
/// Appends a ds:Signature as last child of the root (rsa-sha256, sha256, inclusive c14n 1.0, one enveloped transform,
/// X509Certificate). The document must not be changed afterwards; serialise it as it is. Error "signature.several" when
/// the root has a signature already; errors of the key.
[[nodiscard]] Result<> sign_enveloped(xml::Document& document, const crypto::Identity& signer);

/// The same ds:Signature for a writer that streams: `digest` is the SHA-256 of the canonical octets of the whole
/// document without the signature, `namespaces` what is in scope inside its root (prefix → URI). The markup goes last
/// into the root.
[[nodiscard]] Result<std::string> enveloped_signature(
    ByteView digest, const std::vector<std::pair<std::string, std::string>>& namespaces,
    const crypto::Identity& signer);

}  // namespace budkavle::xmlsec
