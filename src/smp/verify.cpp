#include "smp/verify.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "smp/certpub.hpp"
#include "smp/endpoint.hpp"
#include "smp/schema.hpp"
#include "xml/document.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::smp {
namespace {

Verdict refuse(std::string_view reason, Error error, Decision decision = Decision::reject) {
    Verdict out;
    out.decision = decision;
    out.reason = reason;
    out.error = std::move(error);
    return out;
}
Verdict refuse(std::string_view reason, std::unexpected<Error> error, Decision decision = Decision::reject) {
    return refuse(reason, std::move(error).error(), decision);
}

/// The lower layer's error under the code that senders tell apart; place and text stay.
Error renamed(Error error, std::string_view code, std::string_view rule) {
    error.code = code;
    if (error.rule.empty()) error.rule = rule;
    return error;
}

struct Parsed {
    std::optional<xml::Document> document;
    Verdict verdict;  ///< when there is no document
};

/// Step 1: limits, UTF-8, no DOCTYPE.
Parsed parse(ByteView octets) {
    if (octets.size() > kMaxAnswer)
        return {std::nullopt,
                refuse("size", fail("smp.malformed", "smp.md 1.7", "", "The answer is longer than 256 kB."))};
    xml::Limits limits;
    limits.bytes = kMaxAnswer;
    limits.depth = 64;
    auto document = xml::Document::parse(octets, limits);
    if (document) return {std::move(*document), {}};
    const auto& code = document.error().code;
    const auto reason = code == "xml.doctype"    ? "dtd"
                        : code == "xml.encoding" ? "encoding"
                        : code == "xml.limit"    ? "size"
                                                 : "xml";
    return {std::nullopt, refuse(reason, renamed(std::move(document).error(), "smp.malformed", "SEC-64"))};
}

Verdict refuse_schema(const std::vector<xml::Finding>& findings) {
    return refuse("xsd", fail("smp.schema", "XSD", findings.front().at, findings.front().text));
}

std::string_view signature_reason(std::string_view code) {
    if (code == "signature.missing" || code == "signature.several") return "xsd";
    if (code == "signature.algorithm") return "policy-alg";
    if (code == "signature.transform") return "policy-transform";
    if (code == "signature.key_info") return "policy-keyinfo";
    if (code == "signature.reference") return "policy-reference";
    if (code == "signature.structure") return "policy-structure";
    if (code == "signature.digest") return "digest";
    if (code == "certificate.malformed") return "cert";
    return "signature";
}

/// Step 4: path to the SMP root of this environment, use, validity, revocation (AP-16, FED-13).
std::optional<Verdict> check_signer(const xmlsec::EnvelopedSignature& signature, const Expectation& expectation) {
    if (!signature.signer.may_sign())
        return refuse("trust", fail("smp.trust", "AP-16", "Signature", "The certificate of the SMP may not sign."));
    const crypto::TrustPolicy policy{.at = expectation.at, .revocation = expectation.revocation};
    auto trusted = expectation.smp_trust->check(signature.signer, signature.extra, *expectation.crls, policy);
    if (trusted) return std::nullopt;
    const auto code = trusted.error().code;
    if (code == "trust.revoked")
        return refuse("revocation", renamed(std::move(trusted).error(), "smp.revoked", "AP-16"));
    if (code == "trust.revocation_unavailable")
        return refuse("revocation", renamed(std::move(trusted).error(), "smp.revocation_unavailable", "AP-16"));
    return refuse("trust", renamed(std::move(trusted).error(), "smp.trust", "AP-16"));
}

Identifier identifier_of(xml::Element parent, std::string_view name) {
    const auto element = parent.child(kSmpNamespace, name);
    return {element.attribute("scheme").value_or(""), std::string(trim(element.text()))};
}

bool is_wanted_participant(const Identifier& found, const Expectation& expectation) {
    return expectation.participant.value.empty() || found.folded() == expectation.participant.folded();
}

Verdict verify_signed(const xml::Document& document, const Expectation& expectation) {
    const auto root = document.root();
    if (const auto findings = check_signed_service_metadata(root); !findings.empty()) return refuse_schema(findings);
    auto signature = xmlsec::verify_enveloped(document, xmlsec::EnvelopedPolicy{});
    if (!signature) {
        const auto reason = signature_reason(signature.error().code);
        return refuse(
            reason, renamed(std::move(signature).error(), reason == "xsd" ? "smp.schema" : "smp.signature", "FED-13"));
    }
    if (auto refused = check_signer(*signature, expectation)) return *std::move(refused);

    const auto metadata = root.child(kSmpNamespace, "ServiceMetadata");
    if (metadata.child(kSmpNamespace, "Redirect")) {
        return refuse("redirect",
                      fail("smp.redirect", "FED-01", metadata.path(),
                           "The answer redirects to another SMP, which this federation does not allow."),
                      Decision::redirect);
    }
    const auto information = metadata.child(kSmpNamespace, "ServiceInformation");
    auto found_participant = identifier_of(information, "ParticipantIdentifier");
    auto found_document = identifier_of(information, "DocumentIdentifier");
    const bool wanted_document = expectation.document.value.empty() || found_document == expectation.document;
    if (!is_wanted_participant(found_participant, expectation) || !wanted_document) {
        return refuse("id", fail("smp.id_mismatch", "smp.md 1.7", information.path(),
                                 "The answer is about another participant or document than the one asked for."));
    }
    auto certificates = read_certpub(information);
    if (!certificates) return refuse("cert", std::move(certificates).error());
    auto choice = choose_endpoint(information, expectation, certificates->warnings);
    if (!choice.endpoint) {
        auto verdict = refuse(choice.reason, *std::move(choice.error), choice.decision);
        verdict.warnings = std::move(certificates->warnings);
        return verdict;
    }
    if (auto good = check_endpoint_certificate(choice.endpoint->certificate, expectation); !good) {
        const bool revocation = good.error().code == "smp.revoked" || good.error().code == "smp.revocation_unavailable";
        return refuse(revocation ? "revocation" : "trust", std::move(good).error());
    }
    Verdict verdict;
    verdict.decision = Decision::accept;
    verdict.reason = "signature";
    verdict.warnings = certificates->warnings;
    verdict.metadata =
        Metadata{std::move(found_participant), std::move(found_document),        std::move(choice.process),
                 *std::move(choice.endpoint),  std::move(certificates->signing), std::move(certificates->encryption),
                 std::move(signature->signer), std::move(certificates->warnings)};
    return verdict;
}

Verdict verify_group(const xml::Document& document, const Expectation& expectation) {
    if (const auto findings = check_service_group(document.root()); !findings.empty()) return refuse_schema(findings);
    if (!is_wanted_participant(identifier_of(document.root(), "ParticipantIdentifier"), expectation)) {
        return refuse("id", fail("smp.id_mismatch", "smp.md 1.7", document.root().path(),
                                 "The service group is about another participant than the one asked for."));
    }
    Verdict verdict;
    verdict.decision = Decision::accept;
    verdict.reason = "doc";
    return verdict;
}

}  // namespace

std::string_view to_string(Decision decision) {
    switch (decision) {
        case Decision::accept:
            return "accept";
        case Decision::no_endpoint:
            return "no-endpoint";
        case Decision::redirect:
            return "redirect";
        case Decision::reject:
            break;
    }
    return "reject";
}

Verdict verify_metadata(ByteView octets, const Expectation& expectation) {
    auto parsed = parse(octets);
    if (!parsed.document) return std::move(parsed.verdict);
    return verify_signed(*parsed.document, expectation);
}

Verdict verify_document(ByteView octets, const Expectation& expectation) {
    auto parsed = parse(octets);
    if (!parsed.document) return std::move(parsed.verdict);
    if (parsed.document->root().is(kSmpNamespace, "ServiceGroup")) return verify_group(*parsed.document, expectation);
    return verify_signed(*parsed.document, expectation);
}

std::vector<crypto::Certificate> in_force(const std::vector<PublishedCertificate>& published, Time at) {
    std::vector<crypto::Certificate> out;
    for (const auto& [certificate, activation, expiration] : published) {
        const bool valid = certificate.not_before() <= at && at <= certificate.not_after();
        if (valid && (!activation || *activation <= at) && (!expiration || at < *expiration))
            out.push_back(certificate);
    }
    std::ranges::sort(out, std::greater{}, [](const auto& certificate) {
        return std::pair(certificate.not_before(), certificate.sha256_hex());
    });
    return out;
}

Result<crypto::Certificate> choose_encryption_certificate(const Metadata& metadata, const crypto::TrustStore& o2o,
                                                          const crypto::CrlStore& crls,
                                                          const crypto::TrustPolicy& policy) {
    auto encipher = policy;
    encipher.use = crypto::LeafUse::encipher;
    std::optional<Error> first;
    for (const auto& certificate : in_force(metadata.encryption, policy.at)) {
        if (!certificate.may_encipher()) continue;
        auto trusted = o2o.check(certificate, {}, crls, encipher);
        if (trusted) return certificate;
        if (!first) first = std::move(trusted).error();
    }
    if (first) return std::unexpected(*std::move(first));
    return fail("certpub.no_encryption", "FED-15", "CertPub",
                "The receiver has published no encryption certificate that is in force.");
}

bool is_published_signer(const Metadata& metadata, const crypto::Certificate& certificate) {
    return std::any_of(metadata.signing.begin(), metadata.signing.end(),
                       [&](const auto& published) { return published.certificate == certificate; });
}

}  // namespace budkavle::smp
