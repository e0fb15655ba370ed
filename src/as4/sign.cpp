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

/// The envelope with `signature` as it is, which may be empty.
std::string assemble(const EnvelopeParts& parts, const crypto::Identity& signer, const Ids& ids,
                     std::string_view signature) {
    xml::Writer writer;
    writer.raw(R"(<?xml version="1.0" encoding="UTF-8"?>)");
    writer.open("S12:Envelope", {{"xmlns:S12", kSoap12}}).open("S12:Header");
    writer.open("wsse:Security", {{"xmlns:wsse", kWsse}, {"xmlns:wsu", kWsu}, {"S12:mustUnderstand", "true"}});
    if (parts.timestamp) writer.raw(write_timestamp(*parts.timestamp, parts.timestamp_lifetime, ids.timestamp));
    writer.raw(parts.security).raw(binary_security_token(signer.certificate(), ids.token)).raw(signature).close();
    writer.open("eb:Messaging",
                {{"xmlns:eb", kEb}, {"xmlns:wsu", kWsu}, {"S12:mustUnderstand", "true"}, {"wsu:Id", ids.messaging}});
    writer.raw(parts.messaging).close().close();
    writer.open("S12:Body", {{"xmlns:wsu", kWsu}, {"wsu:Id", ids.body}}).close();
    return writer.close().take();
}

Result<Bytes> digest_of(xml::Element element) {
    crypto::Hasher hasher(crypto::DigestAlgorithm::sha256);
    BUDKAVLE_CHECK(xml::canonicalise(element, {}, hasher));
    return hasher.digest();
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

/// wsse:Security of an envelope that was assembled here.
xml::Element security_of(const xml::Document& document) {
    return document.root().child(kSoap12, "Header").child(kWsse, "Security");
}

Result<std::vector<ReferenceEvidence>> make_references(const EnvelopeParts& parts, const std::string& envelope,
                                                       const Ids& ids) {
    BUDKAVLE_TRY(const auto document, xml::Document::parse(as_bytes(envelope)));
    const auto root = document.root();
    BUDKAVLE_TRY(const auto messaging, digest_of(root.child(kSoap12, "Header").child(kEb, "Messaging")));
    BUDKAVLE_TRY(const auto body, digest_of(root.child(kSoap12, "Body")));
    std::vector<ReferenceEvidence> references{reference("#" + ids.messaging, xmlsec::kExcC14n, messaging),
                                              reference("#" + ids.body, xmlsec::kExcC14n, body)};
    if (parts.timestamp) {
        BUDKAVLE_TRY(const auto timestamp, digest_of(security_of(document).child(kWsu, "Timestamp")));
        references.push_back(reference("#" + ids.timestamp, xmlsec::kExcC14n, timestamp));
    }
    for (const auto& attachment : parts.attachments)
        references.push_back(reference("cid:" + attachment.cid, kContentSignatureTransform, attachment.sha256));
    return references;
}

Result<std::string> signature_value(const std::string& envelope, const crypto::Identity& signer) {
    BUDKAVLE_TRY(const auto document, xml::Document::parse(as_bytes(envelope)));
    const auto signed_info = security_of(document).child(xmlsec::kDs, "Signature").child(xmlsec::kDs, "SignedInfo");
    MemorySink canonical(std::size_t{1} << 20);
    BUDKAVLE_CHECK(xml::canonicalise(signed_info, {}, canonical));
    BUDKAVLE_TRY(const auto value, signer.key->sign(crypto::SignatureAlgorithm::rsa_sha256, canonical.bytes()));
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
    BUDKAVLE_TRY(auto references, make_references(parts, assemble(parts, signer, ids, ""), ids));
    const auto signed_info = write_signed_info(references);
    BUDKAVLE_TRY(const auto value,
                 signature_value(assemble(parts, signer, ids, write_signature(signed_info, "", ids)), signer));
    return SignedEnvelope{assemble(parts, signer, ids, write_signature(signed_info, value, ids)),
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
