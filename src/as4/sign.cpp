#include "as4/sign.hpp"

#include "as4/names.hpp"
#include "base/random.hpp"
#include "xml/c14n.hpp"
#include "xml/writer.hpp"

namespace budkavle::as4 {

namespace {

struct Ids {
    std::string messaging = fresh_id("msg");
    std::string body = fresh_id("body");
    std::string token = fresh_id("x509-sig");
    std::string timestamp = fresh_id("ts");
};

std::string write_timestamp(Time created, seconds lifetime, const std::string& id) {
    xml::Writer writer;
    writer.open("wsu:Timestamp", {{"wsu:Id", id}});
    writer.leaf("wsu:Created", format_utc(created)).leaf("wsu:Expires", format_utc(created + lifetime));
    return writer.close().take();
}

std::string write_messaging(const EnvelopeParts& parts, const Ids& ids) {
    xml::Writer writer;
    writer.open("eb:Messaging",
                {{"xmlns:eb", kEb}, {"xmlns:wsu", kWsu}, {"S12:mustUnderstand", "true"}, {"wsu:Id", ids.messaging}});
    return writer.raw(parts.messaging).close().take();
}

std::string write_body(const EnvelopeParts& parts, const Ids& ids) {
    xml::Writer writer;
    return writer.open("S12:Body", {{"xmlns:wsu", kWsu}, {"wsu:Id", ids.body}}).raw(parts.body).close().take();
}

/// What is signed, as it stands in the envelope.
struct SignedParts {
    std::string messaging, body, timestamp;
};

std::string assemble(const EnvelopeParts& parts, const SignedParts& covered, const crypto::Identity& signer,
                     const Ids& ids, std::string_view signature) {
    xml::Writer writer;
    writer.raw(R"(<?xml version="1.0" encoding="UTF-8"?>)");
    writer.open("S12:Envelope", {{"xmlns:S12", kSoap12}}).open("S12:Header");
    writer.open("wsse:Security", {{"xmlns:wsse", kWsse}, {"xmlns:wsu", kWsu}, {"S12:mustUnderstand", "true"}});
    writer.raw(covered.timestamp);
    writer.raw(parts.security).raw(binary_security_token(signer.certificate(), ids.token)).raw(signature).close();
    return writer.raw(covered.messaging).close().raw(covered.body).close().take();
}

/// Exclusive canonical form of markup that will stand in an envelope: it depends on the prefixes in use and on nothing else around it, so
/// that the rest of the envelope need not be there.
Result<Bytes> canonical(std::string_view markup) {
    xml::Writer writer;
    writer.open("context", {{"xmlns:S12", kSoap12}, {"xmlns:wsse", kWsse}, {"xmlns:wsu", kWsu}, {"xmlns:ds", xmlsec::kDs}});
    const auto text = writer.raw(markup).close().take();
    BUDKAVLE_TRY(const auto document, xml::Document::parse(as_bytes(text)));
    MemorySink sink(text.size() * 8 + 1024);
    for (const auto element : document.root().children()) BUDKAVLE_CHECK(xml::canonicalise(element, {}, sink));
    return sink.take();
}

Result<Bytes> digest_of(std::string_view markup) {
    BUDKAVLE_TRY(const auto octets, canonical(markup));
    return crypto::sha256(octets);
}

ReferenceEvidence reference(std::string uri, std::string_view transform, ByteView digest) {
    return {std::move(uri), {std::string(transform)}, std::string(xmlsec::kSha256), base64_encode(digest)};
}

std::string write_signed_info(const std::vector<ReferenceEvidence>& references) {
    xml::Writer writer;
    writer.open("ds:SignedInfo");
    writer.open("ds:CanonicalizationMethod", {{"Algorithm", xmlsec::kExcC14n}}).close();
    writer.open("ds:SignatureMethod", {{"Algorithm", xmlsec::kRsaSha256}}).close();
    for (const auto& one : references) {
        writer.open("ds:Reference", {{"URI", one.uri}}).open("ds:Transforms");
        for (const auto& transform : one.transforms) writer.open("ds:Transform", {{"Algorithm", transform}}).close();
        writer.close().open("ds:DigestMethod", {{"Algorithm", one.digest_method}}).close();
        writer.leaf("ds:DigestValue", one.digest_value).close();
    }
    return writer.close().take();
}

std::string write_signature(const std::string& signed_info, std::string_view value, const Ids& ids) {
    xml::Writer writer;
    writer.open("ds:Signature", {{"xmlns:ds", xmlsec::kDs}, {"Id", "_sig"}}).raw(signed_info);
    writer.leaf("ds:SignatureValue", value).raw(key_info_of_token(ids.token));
    return writer.close().take();
}

Result<std::vector<ReferenceEvidence>> make_references(const EnvelopeParts& parts, const SignedParts& covered,
                                                       const Ids& ids) {
    BUDKAVLE_TRY(const auto messaging, digest_of(covered.messaging));
    BUDKAVLE_TRY(const auto body, digest_of(covered.body));
    std::vector<ReferenceEvidence> references{reference("#" + ids.messaging, xmlsec::kExcC14n, messaging),
                                              reference("#" + ids.body, xmlsec::kExcC14n, body)};
    if (!covered.timestamp.empty()) {
        BUDKAVLE_TRY(const auto timestamp, digest_of(covered.timestamp));
        references.push_back(reference("#" + ids.timestamp, xmlsec::kExcC14n, timestamp));
    }
    for (const auto& attachment : parts.attachments)
        references.push_back(reference("cid:" + attachment.cid, kContentSignatureTransform, attachment.sha256));
    return references;
}

Result<std::string> signature_value(const std::string& signed_info, const crypto::Identity& signer) {
    BUDKAVLE_TRY(const auto octets, canonical(signed_info));
    BUDKAVLE_TRY(const auto value, signer.key->sign(crypto::SignatureAlgorithm::rsa_sha256, octets));
    return base64_encode(value);
}

}  // namespace

std::string fresh_id(std::string_view stem) {
    return "_" + std::string(stem) + "-" + new_uuid();
}

std::string binary_security_token(const crypto::Certificate& certificate, std::string_view id) {
    xml::Writer writer;
    writer.leaf("wsse:BinarySecurityToken", base64_encode(certificate.der()),
                {{"EncodingType", kBase64Binary}, {"ValueType", kX509v3}, {"wsu:Id", id}});
    return writer.take();
}

std::string key_info_of_token(std::string_view id) {
    const auto uri = "#" + std::string(id);
    xml::Writer writer;
    writer.open("ds:KeyInfo").open("wsse:SecurityTokenReference");
    writer.open("wsse:Reference", {{"URI", uri}, {"ValueType", kX509v3}}).close();
    return writer.close().close().take();
}

Result<SignedEnvelope> sign_envelope(const EnvelopeParts& parts, const crypto::Identity& signer) {
    const Ids ids;
    const SignedParts covered{write_messaging(parts, ids), write_body(parts, ids),
                              parts.timestamp ? write_timestamp(*parts.timestamp, parts.timestamp_lifetime, ids.timestamp) : std::string()};
    BUDKAVLE_TRY(auto references, make_references(parts, covered, ids));
    const auto signed_info = write_signed_info(references);
    BUDKAVLE_TRY(const auto value, signature_value(signed_info, signer));
    return SignedEnvelope{assemble(parts, covered, signer, ids, write_signature(signed_info, value, ids)),
                          std::move(references)};
}

std::string unsigned_envelope(std::string_view messaging) {
    xml::Writer writer;
    writer.raw(R"(<?xml version="1.0" encoding="UTF-8"?>)");
    writer.open("S12:Envelope", {{"xmlns:S12", kSoap12}}).open("S12:Header");
    writer.open("eb:Messaging", {{"xmlns:eb", kEb}, {"S12:mustUnderstand", "true"}}).raw(messaging).close().close();
    return writer.open("S12:Body").close().close().take();
}

}  // namespace budkavle::as4
