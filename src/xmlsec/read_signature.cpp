#include <algorithm>

#include "xmlsec/algorithms.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::xmlsec {
namespace {

using xml::AttributeRule;
using xml::ElementRule;
using xml::TextType;

// The closed shape, XHE-03. What an algorithm may carry inside, and KeyInfo, are judged by code below.
const AttributeRule kId{.ns = {}, .name = "Id"};
const AttributeRule kAlgorithm{.ns = {}, .name = "Algorithm", .required = true};
const ElementRule kCanonicalizationMethod{.ns = kDs, .name = "CanonicalizationMethod", .type = TextType::lax};
const ElementRule kSignatureMethod{.ns = kDs, .name = "SignatureMethod", .attributes = {kAlgorithm}};
const ElementRule kTransform{.ns = kDs, .name = "Transform", .type = TextType::lax};
const ElementRule kTransforms{.ns = kDs, .name = "Transforms", .sequence = {{&kTransform, 1, 8}}};
const ElementRule kDigestMethod{.ns = kDs, .name = "DigestMethod", .attributes = {kAlgorithm}};
const ElementRule kDigestValue{.ns = kDs, .name = "DigestValue", .type = TextType::base64};
const ElementRule kReference{.ns = kDs,
                             .name = "Reference",
                             .sequence = {{&kTransforms, 0, 1}, {&kDigestMethod}, {&kDigestValue}},
                             .attributes = {kId, {.ns = {}, .name = "URI", .required = true}}};
const ElementRule kSignedInfo{
    .ns = kDs,
    .name = "SignedInfo",
    .sequence = {{&kCanonicalizationMethod}, {&kSignatureMethod}, {&kReference, 1, xml::kUnbounded}},
    .attributes = {kId}};
const ElementRule kSignatureValue{.ns = kDs, .name = "SignatureValue", .type = TextType::base64, .attributes = {kId}};
const ElementRule kKeyInfo{.ns = kDs, .name = "KeyInfo", .type = TextType::lax};
const ElementRule kSignature{.ns = kDs,
                             .name = "Signature",
                             .sequence = {{&kSignedInfo}, {&kSignatureValue}, {&kKeyInfo, 0, 1}},
                             .attributes = {kId}};

const ElementRule kInclusiveNamespaces{
    .ns = kExcC14n, .name = "InclusiveNamespaces", .attributes = {{.ns = {}, .name = "PrefixList", .required = true}}};
const ElementRule kX509Certificate{.ns = kDs, .name = "X509Certificate", .type = TextType::base64};

template <class Value>
bool lists(const std::vector<Value>& allowed, const std::optional<Value>& value) {
    return value && std::ranges::find(allowed, *value) != allowed.end();
}

std::unexpected<Error> not_allowed(xml::Element at) {
    return fail("signature.algorithm", {}, at.path(), "The algorithm is not on the list of allowed ones.");
}

/// Algorithm and prefix list of a Transform or CanonicalizationMethod; nothing else may be in there.
Result<Transform> read_transform(xml::Element element, std::string_view code) {
    const auto refuse = [&] {
        return fail(code, {}, element.path(), "The algorithm carries parameters that are not allowed.");
    };
    const auto attributes = element.attributes();
    if (attributes.size() != 1 || !attributes[0].ns.empty() || attributes[0].name != "Algorithm" || element.has_text())
        return refuse();
    Transform out{.algorithm = attributes[0].value, .prefixes = {}};
    const std::vector<xml::Element> children(element.children().begin(), element.children().end());
    if (children.empty()) return out;
    if (children.size() != 1 || out.algorithm != kExcC14n || !xml::validate(children[0], kInclusiveNamespaces).empty())
        return refuse();
    for (const auto prefix : split(collapse_space(children[0].attribute("PrefixList").value_or("")), ' '))
        if (!prefix.empty()) out.prefixes.emplace_back(prefix);
    return out;
}

Result<Reference> read_reference(xml::Element element, const SignaturePolicy& policy) {
    Reference out{
        .uri = element.attribute("URI").value_or(""), .transforms = {}, .digest_value = {}, .element = element};
    for (const xml::Element transform : element.child(kDs, "Transforms").children()) {
        BUDKAVLE_TRY(auto read, read_transform(transform, "signature.transform"));
        out.transforms.push_back(std::move(read));
    }
    const auto method = element.child(kDs, "DigestMethod");
    const auto digest = digest_algorithm(method.attribute("Algorithm").value_or(""));
    if (!lists(policy.digests, digest)) return not_allowed(method);
    out.digest = *digest;
    BUDKAVLE_TRY(out.digest_value, base64_decode(element.child(kDs, "DigestValue").text(), Base64Space::xml));
    return out;
}

}  // namespace

Result<SignatureParts> read_signature(xml::Element signature, const SignaturePolicy& policy) {
    BUDKAVLE_CHECK(require_shape(signature, kSignature, "signature.structure"));
    SignatureParts out;
    out.element = signature;
    out.signed_info = signature.child(kDs, "SignedInfo");
    out.key_info = signature.child(kDs, "KeyInfo");

    const auto canonicalisation = out.signed_info.child(kDs, "CanonicalizationMethod");
    BUDKAVLE_TRY(auto c14n, read_transform(canonicalisation, "signature.structure"));
    const auto method = c14n_method(c14n.algorithm);
    if (!lists(policy.canonicalisations, method)) return not_allowed(canonicalisation);
    out.c14n = {.method = *method, .prefixes = std::move(c14n.prefixes)};

    const auto signature_method = out.signed_info.child(kDs, "SignatureMethod");
    const auto algorithm = signature_algorithm(signature_method.attribute("Algorithm").value_or(""));
    if (!lists(policy.signatures, algorithm)) return not_allowed(signature_method);
    out.algorithm = *algorithm;

    for (const auto reference : out.signed_info.children(kDs, "Reference")) {
        BUDKAVLE_TRY(auto read, read_reference(reference, policy));
        out.references.push_back(std::move(read));
    }
    BUDKAVLE_TRY(out.value, base64_decode(signature.child(kDs, "SignatureValue").text(), Base64Space::xml));
    return out;
}

Result<std::vector<crypto::Certificate>> x509_certificates(xml::Element key_info) {
    const auto refuse = [&] {
        return fail("signature.key_info", {}, key_info.path(),
                    "KeyInfo must hold certificates in X509Data and nothing else.");
    };
    constexpr std::size_t kMost = 16;
    if (!key_info || key_info.has_text()) return refuse();
    std::vector<crypto::Certificate> out;
    for (const xml::Element data : key_info.children()) {
        if (!data.is(kDs, "X509Data") || data.has_text()) return refuse();
        for (const xml::Element item : data.children()) {
            if (item.is(kDs, "X509SubjectName") || item.is(kDs, "X509IssuerSerial") || item.is(kDs, "X509SKI"))
                continue;
            if (!xml::validate(item, kX509Certificate).empty() || out.size() == kMost) return refuse();
            BUDKAVLE_TRY(const auto der, base64_decode(item.text(), Base64Space::xml));
            BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(der));
            out.push_back(std::move(certificate));
        }
    }
    if (out.empty()) return refuse();
    return out;
}

}  // namespace budkavle::xmlsec
