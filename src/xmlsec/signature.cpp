#include "xmlsec/signature.hpp"

#include <algorithm>

#include "xml/writer.hpp"
#include "xmlsec/algorithms.hpp"

namespace budkavle::xmlsec {
namespace {

// Hundreds of references fit.
constexpr std::size_t kLargestSignedInfo = std::size_t{1} << 20;

Result<Bytes> canonical_octets(xml::Element signed_info, const xml::C14n& how) {
    MemorySink octets(kLargestSignedInfo);
    BUDKAVLE_CHECK(xml::canonicalise(signed_info, how, octets));
    return octets.take();
}

/// XHE-03: how the whole document without its signature becomes octets.
Result<xml::C14n> enveloped_c14n(const SignatureParts& parts, const EnvelopedPolicy& policy) {
    if (parts.references.size() != 1 || !parts.references[0].uri.empty())
        return fail("signature.reference", {}, parts.signed_info.path(),
                    "There must be one Reference, to the whole document.");
    const auto& transforms = parts.references[0].transforms;
    const auto refuse = [&] {
        return fail("signature.transform", {}, parts.references[0].element.path(),
                    "The transforms are not those of the profile.");
    };
    if (transforms.empty() || transforms[0].algorithm != kEnveloped) return refuse();
    if (transforms.size() == 1) return xml::C14n{.method = xml::C14nMethod::inclusive_1_0, .prefixes = {}};
    if (transforms.size() != 2 || !policy.allow_second_c14n) return refuse();
    const auto method = c14n_method(transforms[1].algorithm);
    const auto& allowed = policy.algorithms.canonicalisations;
    if (!method || std::ranges::find(allowed, *method) == allowed.end()) return refuse();
    return xml::C14n{.method = *method, .prefixes = transforms[1].prefixes};
}

/// In canonical form, apart from the SignatureValue that is still empty.
std::string unsigned_markup(ByteView digest, const crypto::Certificate& signer) {
    xml::Writer out;
    out.open("ds:Signature", {{"xmlns:ds", kDs}})
        .open("ds:SignedInfo")
        .leaf("ds:CanonicalizationMethod", {}, {{"Algorithm", kC14n10}})
        .leaf("ds:SignatureMethod", {}, {{"Algorithm", kRsaSha256}})
        .open("ds:Reference", {{"URI", ""}})
        .open("ds:Transforms")
        .leaf("ds:Transform", {}, {{"Algorithm", kEnveloped}})
        .close()
        .leaf("ds:DigestMethod", {}, {{"Algorithm", kSha256}})
        .leaf("ds:DigestValue", base64_encode(digest))
        .close()
        .close()
        .leaf("ds:SignatureValue", {})
        .open("ds:KeyInfo")
        .open("ds:X509Data")
        .leaf("ds:X509Certificate", base64_encode(signer.der()))
        .close()
        .close()
        .close();
    return out.take();
}

/// Puts the signature into its place first and signs it there: its SignedInfo is rendered with the namespaces in scope.
Result<xml::Element> append_signature(xml::Document& document, ByteView digest, const crypto::Identity& signer) {
    BUDKAVLE_TRY(const xml::Element signature,
                 document.append(document.root(), unsigned_markup(digest, signer.certificate())));
    const xml::C14n how{.method = xml::C14nMethod::inclusive_1_0, .prefixes = {}};
    BUDKAVLE_TRY(const Bytes octets, canonical_octets(signature.child(kDs, "SignedInfo"), how));
    BUDKAVLE_TRY(const Bytes value, signer.key->sign(crypto::SignatureAlgorithm::rsa_sha256, octets));
    document.set_text(signature.child(kDs, "SignatureValue"), base64_encode(value));
    return signature;
}

}  // namespace

Result<> check_signature_value(const SignatureParts& parts, const crypto::PublicKey& key) {
    BUDKAVLE_TRY(const Bytes octets, canonical_octets(parts.signed_info, parts.c14n));
    if (!crypto::verify(key, parts.algorithm, octets, parts.value))
        return fail("signature.invalid", {}, parts.element.path(), "The signature does not verify.");
    return {};
}

Result<> check_digest(const Reference& reference, ByteView computed) {
    if (!equal_constant_time(reference.digest_value, computed))
        return fail("signature.digest", {}, reference.element.path(),
                    "The content is not what was signed (Reference \"" + reference.uri + "\").");
    return {};
}

Result<EnvelopedSignature> verify_enveloped(const xml::Document& document, const EnvelopedPolicy& policy) {
    const auto signatures = document.root().children(kDs, "Signature");
    if (signatures.empty()) return fail("signature.missing", {}, document.root().path(), "The document is not signed.");
    // Each would cover the other, so two can never both be good (XHE-04).
    if (signatures.size() > 1)
        return fail("signature.several", {}, document.root().path(), "The document has more than one signature.");
    BUDKAVLE_TRY(const auto parts, read_signature(signatures[0], policy.algorithms));
    BUDKAVLE_TRY(const auto how, enveloped_c14n(parts, policy));
    BUDKAVLE_TRY(auto certificates, x509_certificates(parts.key_info));

    // The signer may not be the first (`smp.md` 1.7): it is the one whose key verifies.
    const auto signer = std::ranges::find_if(
        certificates, [&](const auto& one) { return check_signature_value(parts, one.public_key()).has_value(); });
    if (signer == certificates.end())
        return fail("signature.invalid", {}, parts.element.path(), "The signature does not verify.");
    crypto::Hasher hasher(parts.references[0].digest);
    BUDKAVLE_CHECK(xml::canonicalise(document, how, hasher, parts.element));
    BUDKAVLE_CHECK(check_digest(parts.references[0], hasher.digest()));

    EnvelopedSignature out{.signer = *signer, .extra = {}};
    certificates.erase(signer);
    out.extra = std::move(certificates);
    return out;
}

Result<> sign_enveloped(xml::Document& document, const crypto::Identity& signer) {
    if (document.root().child(kDs, "Signature"))
        return fail("signature.several", {}, document.root().path(), "The document is signed already.");
    crypto::Hasher hasher(crypto::DigestAlgorithm::sha256);
    BUDKAVLE_CHECK(xml::canonicalise(document, {.method = xml::C14nMethod::inclusive_1_0, .prefixes = {}}, hasher));
    BUDKAVLE_TRY([[maybe_unused]] const auto signature, append_signature(document, hasher.digest(), signer));
    return {};
}

Result<std::string> enveloped_signature(ByteView digest,
                                        const std::vector<std::pair<std::string, std::string>>& namespaces,
                                        const crypto::Identity& signer) {
    std::string root = "<root";
    for (const auto& [prefix, uri] : namespaces)
        root += (prefix.empty() ? " xmlns" : " xmlns:" + prefix) + "=\"" + xml::escape_attribute(uri) + "\"";
    BUDKAVLE_TRY(auto document, xml::Document::parse(as_bytes(root + "/>")));
    BUDKAVLE_TRY(const auto signature, append_signature(document, digest, signer));
    const std::string whole = document.to_string();
    const auto start = whole.find("<ds:Signature ");
    static_cast<void>(signature);
    return whole.substr(start, whole.size() - start - std::string_view("</root>").size());
}

}  // namespace budkavle::xmlsec
