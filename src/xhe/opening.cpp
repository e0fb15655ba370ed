#include "xhe/opening.hpp"

#include <algorithm>

#include "xml/writer.hpp"

namespace budkavle::xhe {
namespace {

std::unexpected<Error> under(Error error, std::string_view rule) {
    error.rule = rule;
    return std::unexpected(std::move(error));
}

}  // namespace

xmlsec::EnvelopedPolicy signature_policy() {
    xmlsec::EnvelopedPolicy policy;
    policy.algorithms.canonicalisations = {xml::C14nMethod::inclusive_1_0, xml::C14nMethod::inclusive_1_1,
                                           xml::C14nMethod::exclusive};
    policy.allow_second_c14n = true;
    return policy;
}

std::expected<ConformantEnvelope, std::vector<xml::Finding>> admit(xml::Document document) {
    auto judged = judge(document);
    if (!judged.conformant()) return std::unexpected(std::move(judged.findings));
    return ConformantEnvelope(std::move(document), std::move(*judged.envelope));
}

Result<SignedEnvelope> verify_signature(ConformantEnvelope envelope, const xmlsec::EnvelopedPolicy& policy) {
    auto signature = xmlsec::verify_enveloped(envelope.document(), policy);
    if (!signature) {
        static constexpr std::string_view kBroken[] = {"signature.missing", "signature.several", "signature.digest",
                                                       "signature.invalid"};
        const bool broken = std::ranges::find(kBroken, signature.error().code) != std::end(kBroken);
        return under(std::move(signature).error(), broken ? "XHE-04" : "XHE-03");
    }
    return SignedEnvelope(std::move(envelope), std::move(*signature));
}

Result<VerifiedEnvelope> check_signer(SignedEnvelope envelope, const SignerExpectation& expected) {
    const auto& signer = envelope.signer();
    if (auto trusted = expected.trust->check(signer, envelope.signature_.extra, *expected.crls, expected.policy);
        !trusted)
        return under(std::move(trusted).error(), "XHE-05");
    if (expected.published && std::ranges::find(*expected.published, signer) == expected.published->end())
        return fail("xhe.signer", "XHE-06", "",
                    "The envelope is signed with a certificate that is not published for FromParty.",
                    "Publish the signing certificate before it is used.");
    return VerifiedEnvelope(std::move(envelope));
}

xml::Element VerifiedEnvelope::payload_content() const {
    return signed_.conformant_.document()
        .root()
        .child(kXha, "Payloads")
        .child(kXha, "Payload")
        .child(kXha, "PayloadContent");
}

#ifdef BUDKAVLE_PLANTED_BUGS
VerifiedEnvelope VerifiedEnvelope::unverified(ConformantEnvelope envelope, const crypto::Certificate& anyone) {
    return VerifiedEnvelope(SignedEnvelope(std::move(envelope), {.signer = anyone, .extra = {}}));
}
#endif

Error decryption_failure() {
    return {.code = "xhe.decryption",
            .rule = "XHE-10",
            .place = "",
            .text = "The payload could not be decrypted.",
            .remedy = ""};
}

Result<> decrypt(const VerifiedEnvelope& envelope, const std::vector<crypto::Identity>& own, Sink& into,
                 const xmlsec::EncryptionPolicy& policy) {
    const auto data = envelope.payload_content().child(xmlsec::kXenc, "EncryptedData");
    if (!data) return fail("xhe.not_encrypted", "XHE-07", "", "The payload is not encrypted.");
    const auto parts = xmlsec::read_encrypted(data, policy);
    if (!parts)
        return fail("xhe.encryption", "XHE-03", data.path(),
                    "The encryption is not of the profile: " + parts.error().text, parts.error().remedy);
    const auto mine = std::ranges::find_if(
        own, [&](const crypto::Identity& identity) { return identity.certificate() == parts->recipient; });
    if (mine == own.end())
        return fail("xhe.recipient", "XHE-09", "", "The payload is encrypted for a certificate that is not ours.");
    auto done = xmlsec::decrypt(*parts, *mine->key, into);
    if (!done && done.error().code == "encryption.failed") return std::unexpected(decryption_failure());
    return done;
}

PayloadContext::PayloadContext(const VerifiedEnvelope& envelope)
    : namespaces_(envelope.payload_content().namespaces_in_scope()) {}

Result<xml::Document> parse_payload(ByteView octets, const PayloadContext& context, const xml::Limits& limits) {
    xml::Writer writer;
    xml::Writer::Attributes declarations;
    std::vector<std::string> names;
    names.reserve(context.namespaces().size());
    for (const auto& [prefix, uri] : context.namespaces()) {
        if (prefix == "xml") continue;
        names.push_back(prefix.empty() ? "xmlns" : "xmlns:" + prefix);
        declarations.emplace_back(names.back(), uri);
    }
    writer.open("context", declarations).close();
    auto around = xml::Document::parse(as_bytes(writer.str()));
    if (!around) return std::unexpected(decryption_failure());
    auto document = xml::Document::parse_in_context(octets, around->root(), limits);
    if (!document) return std::unexpected(decryption_failure());
    return document;
}

Result<xml::Element> clear_payload(const VerifiedEnvelope& envelope) {
    for (const xml::Element child : envelope.payload_content().children()) return child;
    return fail("xhe.no_payload", "XHE-11", "", "The payload is not an XML element.");
}

}  // namespace budkavle::xhe
