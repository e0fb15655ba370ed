#include "xhe/sealing.hpp"

#include "base/base64_sink.hpp"
#include "crypto/cipher.hpp"
#include "xhe/opening.hpp"
#include "xml/c14n.hpp"
#include "xml/writer.hpp"

namespace budkavle::xhe {
namespace {

constexpr std::string_view kRootEnd = "</x:XHE>";
constexpr std::string_view kElementType = "http://www.w3.org/2001/04/xmlenc#Element";

/// Hands on and digests; the end of what passes is not the end of `next`.
class SignedOctets final : public Sink {
public:
    explicit SignedOctets(Sink& next) : next_(next) {}
    Result<> write(ByteView bytes) override {
        hasher_.update(bytes);
        return next_.write(bytes);
    }
    void only_digest(ByteView bytes) { hasher_.update(bytes); }
    [[nodiscard]] Bytes digest() { return hasher_.digest(); }

private:
    Sink& next_;
    crypto::Hasher hasher_{crypto::DigestAlgorithm::sha256};
};

void write_party(xml::Writer& writer, std::string_view name, const federation::ParticipantId& id) {
    writer.open(name).open("xha:PartyIdentification");
    writer.leaf("xhb:ID", id.text(), {{"schemeID", federation::kParticipantScheme}});
    writer.close().close();
}

std::string build(const SealInput& input, std::string_view content) {
    xml::Writer writer;
    writer.open("x:XHE", {{"xmlns:x", kXhe}, {"xmlns:xha", kXha}, {"xmlns:xhb", kXhb}});
    writer.leaf("xhb:XHEVersionID", "1.0").leaf("xhb:CustomizationID", kCustomization);
    writer.open("xha:Header").leaf("xhb:ID", input.id).leaf("xhb:CreationDateTime", format_utc(input.created));
    writer.open("xha:BusinessScope");
    const std::pair<std::string_view, std::string_view> criteria[] = {
        {"DOCUMENTID", input.document_id},     {"DOCUMENTID_SCHEME", federation::kDocumentScheme},
        {"PROCESSID", federation::kProcess},   {"PROCESSID_SCHEME", federation::kProcessScheme},
        {"FEDERATIONID", input.federation_id},
    };
    for (const auto& [code, value] : criteria)
        writer.open("xha:BusinessScopeCriterion")
            .leaf("xhb:BusinessScopeCriterionTypeCode", code)
            .leaf("xhb:BusinessScopeCriterionValue", value)
            .close();
    writer.close();
    write_party(writer, "xha:FromParty", input.from);
    write_party(writer, "xha:ToParty", input.to);
    writer.close();
    writer.open("xha:Payloads").open("xha:Payload");
    writer.leaf("xhb:DocumentTypeCode", input.document_type_code).leaf("xhb:ContentTypeCode", input.content_type);
    if (input.handling_service_id) writer.leaf("xhb:HandlingServiceID", *input.handling_service_id);
    writer.leaf("xhb:InstanceEncryptionIndicator", input.recipient ? "true" : "false");
    writer.open("xha:PayloadContent").raw(content).close();
    writer.close().close().close();
    return writer.take();
}

/// The envelope without signature in canonical form, checked against the profile.
Result<std::string> canonical_envelope(const SealInput& input, std::string_view content) {
    BUDKAVLE_TRY(const auto document, xml::Document::parse(as_bytes(build(input, content)), envelope_limits()));
    if (const auto judged = judge(document); !judged.conformant()) {
        const auto first = judged.findings.empty() ? xml::Finding{} : judged.findings.front();
        return fail("xhe.seal", first.rule, first.at, "The envelope would break its profile: " + first.text);
    }
    MemorySink octets(2 * kMaxClearPayload);
    BUDKAVLE_CHECK(xml::canonicalise(document, {.method = xml::C14nMethod::inclusive_1_0, .prefixes = {}}, octets));
    return std::string(as_text(octets.bytes()));
}

Result<std::string> clear_content(Source& payload) {
    BUDKAVLE_TRY(const auto octets, read_all(payload, kMaxClearPayload));
    BUDKAVLE_TRY(const auto document, xml::Document::parse(octets));
    MemorySink canonical(2 * kMaxClearPayload);
    BUDKAVLE_CHECK(xml::canonicalise(document, {.method = xml::C14nMethod::inclusive_1_0, .prefixes = {}}, canonical));
    return std::string(as_text(canonical.bytes()));
}

/// ds:Signature for a digest taken over the canonical envelope, written where x, xha and xhb are the prefixes in scope.
Result<std::string> signature_markup(ByteView digest, const crypto::Identity& signer) {
    xml::Writer info;
    const xml::Writer::Attributes scope{
        {"xmlns:ds", xmlsec::kDs}, {"xmlns:x", kXhe}, {"xmlns:xha", kXha}, {"xmlns:xhb", kXhb}};
    const auto write_info = [&](xml::Writer& writer, const xml::Writer::Attributes& declarations) {
        writer.open("ds:SignedInfo", declarations);
        writer.leaf("ds:CanonicalizationMethod", "", {{"Algorithm", xmlsec::kC14n10}});
        writer.leaf("ds:SignatureMethod", "", {{"Algorithm", xmlsec::kRsaSha256}});
        writer.open("ds:Reference", {{"URI", ""}}).open("ds:Transforms");
        writer.leaf("ds:Transform", "", {{"Algorithm", xmlsec::kEnveloped}}).close();
        writer.leaf("ds:DigestMethod", "", {{"Algorithm", xmlsec::kSha256}});
        writer.leaf("ds:DigestValue", base64_encode(digest)).close();
        writer.close();
    };
    write_info(info, scope);
    BUDKAVLE_TRY(const auto value, signer.key->sign(crypto::SignatureAlgorithm::rsa_sha256, as_bytes(info.str())));
    xml::Writer writer;
    writer.open("ds:Signature", {{"xmlns:ds", xmlsec::kDs}});
    write_info(writer, {});
    writer.leaf("ds:SignatureValue", base64_encode(value));
    writer.open("ds:KeyInfo").open("ds:X509Data").leaf("ds:X509Certificate", base64_encode(signer.certificate().der()));
    writer.close().close().close();
    return writer.take();
}

}  // namespace

Result<> seal(const SealInput& input, Sink& into) {
    std::string content;
    SecretBytes key;
    if (input.recipient) {
        BUDKAVLE_TRY(auto head, xmlsec::encrypted_data_head(*input.recipient, kElementType));
        content = head.head + std::string(xmlsec::encrypted_data_tail());
        key = std::move(head.key);
    } else {
        BUDKAVLE_TRY(content, clear_content(*input.payload));
    }
    BUDKAVLE_TRY(const auto canonical, canonical_envelope(input, content));
    const std::string_view all = canonical;
    const std::string_view before_end = all.substr(0, all.size() - kRootEnd.size());
    SignedOctets octets(into);
    if (input.recipient) {
        const auto split = before_end.rfind(xmlsec::encrypted_data_tail());
        if (split == std::string_view::npos)
            return fail("xhe.seal", "The encrypted element has no place for its value.");
        BUDKAVLE_CHECK(octets.write(as_bytes(before_end.substr(0, split))));
        Base64Sink encoder(octets);
        crypto::EncryptingSink cipher(crypto::ContentCipher::aes256_cbc, key, encoder);
        BUDKAVLE_CHECK(copy(*input.payload, cipher));
        BUDKAVLE_CHECK(cipher.finish());
        BUDKAVLE_CHECK(octets.write(as_bytes(before_end.substr(split))));
    } else {
        BUDKAVLE_CHECK(octets.write(as_bytes(before_end)));
    }
    octets.only_digest(as_bytes(kRootEnd));
    BUDKAVLE_TRY(const auto signature, signature_markup(octets.digest(), input.signer));
    BUDKAVLE_CHECK(into.write(as_bytes(signature)));
    BUDKAVLE_CHECK(into.write(as_bytes(kRootEnd)));
    return into.finish();
}

Result<Envelope> verify_sealed(Source& sealed, const crypto::Certificate& signer) {
    BUDKAVLE_TRY(auto document, xml::Document::parse(sealed, envelope_limits()));
    auto conformant = admit(std::move(document));
    if (!conformant) {
        const auto& first = conformant.error().front();
        return fail("xhe.sealed", first.rule, first.at, "The sealed envelope breaks its profile: " + first.text);
    }
    BUDKAVLE_TRY(const auto verified, verify_signature(std::move(*conformant)));
    if (verified.signer() != signer)
        return fail("xhe.sealed", "XHE-06", "", "The sealed envelope holds another certificate than the signer's.");
    return verified.envelope();
}

}  // namespace budkavle::xhe
