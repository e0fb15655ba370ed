#include "as4/verify.hpp"

#include <algorithm>

#include "crypto/digest.hpp"

namespace budkavle::as4 {

namespace {

using xmlsec::kDs;

Cause cause_of_trust(const Error& error) {
    if (error.code == "trust.revocation_unavailable") return Cause::revocation_unavailable;
    if (error.code == "trust.revoked") return Cause::revoked;
    if (error.code == "trust.expired" || error.code == "trust.not_yet_valid") return Cause::expired;
    return Cause::untrusted;
}

}  // namespace

Outcome<crypto::Certificate> find_signer(const CertificateReference& reference, const SignerTrust& trust) {
    auto signer = reference.certificate;
    if (!signer) {
        const auto found = std::ranges::find_if(trust.known, [&](const auto& known) { return reference.names(known); });
        if (found == trust.known.end()) return refuse(Cause::signer_unknown);
        signer = *found;
    }
    if (!trust.store || !trust.crls || trust.store->purpose() != crypto::Purpose::as4) return refuse(Cause::untrusted);
    if (const auto judged = trust.store->check(*signer, reference.chain, *trust.crls, trust.policy); !judged)
        return refuse(cause_of_trust(judged.error()));
    return std::move(*signer);
}

Outcome<> verify_elements(const xmlsec::SignatureParts& signature, const IdIndex& ids,
                          const crypto::Certificate& signer) {
    if (!xmlsec::check_signature_value(signature, signer.public_key())) return refuse(Cause::signature);
    for (const auto& reference : signature.references) {
        const auto element = ids.resolve(reference.uri);
        if (!element) continue;
        crypto::Hasher hasher(reference.digest);
        const xml::C14n how{.method = xml::C14nMethod::exclusive, .prefixes = reference.transforms.front().prefixes};
        if (!xml::canonicalise(element, how, hasher)) return refuse(Cause::digest);
        if (!xmlsec::check_digest(reference, hasher.digest())) return refuse(Cause::digest);
    }
    return {};
}

ReferenceEvidence evidence_of(const xmlsec::Reference& reference) {
    ReferenceEvidence evidence{.uri = reference.uri, .transforms = {}, .digest_method = {}, .digest_value = {}};
    for (const auto& transform : reference.transforms) evidence.transforms.push_back(transform.algorithm);
    if (const auto method = reference.element.child(kDs, "DigestMethod").attribute("Algorithm"))
        evidence.digest_method = *method;
    evidence.digest_value = std::string(trim(reference.element.child(kDs, "DigestValue").text()));
    return evidence;
}

Result<ReferenceEvidence> read_reference_copy(xml::Element reference) {
    ReferenceEvidence evidence;
    const auto uri = reference.attribute("URI");
    const auto method = reference.child(kDs, "DigestMethod");
    const auto value = reference.child(kDs, "DigestValue");
    if (!uri || !method || !value || !method.attribute("Algorithm"))
        return fail("receipt.reference", "A Reference in the receipt is incomplete.");
    evidence.uri = *uri;
    evidence.digest_method = *method.attribute("Algorithm");
    evidence.digest_value = std::string(trim(value.text()));
    if (const auto transforms = reference.child(kDs, "Transforms"))
        for (const auto transform : transforms.children(kDs, "Transform"))
            evidence.transforms.push_back(transform.attribute("Algorithm").value_or(""));
    return evidence;
}

}  // namespace budkavle::as4
