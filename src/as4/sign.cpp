#include "as4/sign.hpp"

#include "as4/names.hpp"
#include "base/random.hpp"
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

// What is signed is written as exclusive canonical XML will render it: declarations by prefix, attributes by namespace name.
std::string write_messaging(const EnvelopeParts& parts, const Ids& ids) {
    xml::Writer writer;
    writer.open("eb:Messaging",
                {{"xmlns:eb", kEb}, {"xmlns:wsu", kWsu}, {"wsu:Id", ids.messaging}, {"S12:mustUnderstand", "true"}});
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

/// Exclusive canonical form of `markup`, which stands in the envelope as canonical XML but for the one declaration that its start tag takes
/// from around it: that comes first in its order (S12, then eb and wsu), or is the only one. Nothing is parsed again; seal_test and signal_test
/// hold it against the canonicalisation of the whole envelope.
std::string canonical(std::string_view markup, std::string_view name, std::string_view prefix, std::string_view ns) {
    std::string out;
    out.reserve(markup.size() + ns.size() + 32);
    out.append("<").append(name).append(" xmlns:").append(prefix).append("=\"").append(ns).append("\"");
    return out.append(markup.substr(name.size() + 1));
}

Bytes digest_of(std::string_view markup, std::string_view name, std::string_view prefix, std::string_view ns) {
    return crypto::sha256(as_bytes(canonical(markup, name, prefix, ns)));
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

std::vector<ReferenceEvidence> make_references(const EnvelopeParts& parts, const SignedParts& covered,
                                                       const Ids& ids) {
    const auto messaging = digest_of(covered.messaging, "eb:Messaging", "S12", kSoap12);
    const auto body = digest_of(covered.body, "S12:Body", "S12", kSoap12);
    std::vector<ReferenceEvidence> references{reference("#" + ids.messaging, xmlsec::kExcC14n, messaging),
                                              reference("#" + ids.body, xmlsec::kExcC14n, body)};
    if (!covered.timestamp.empty()) {
        const auto timestamp = digest_of(covered.timestamp, "wsu:Timestamp", "wsu", kWsu);
        references.push_back(reference("#" + ids.timestamp, xmlsec::kExcC14n, timestamp));
    }
    for (const auto& attachment : parts.attachments)
        references.push_back(reference("cid:" + attachment.cid, kContentSignatureTransform, attachment.sha256));
    return references;
}

Result<std::string> signature_value(const std::string& signed_info, const crypto::Identity& signer) {
    const auto octets = canonical(signed_info, "ds:SignedInfo", "ds", xmlsec::kDs);
    BUDKAVLE_TRY(const auto value, signer.key->sign(crypto::SignatureAlgorithm::rsa_sha256, as_bytes(octets)));
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
    auto references = make_references(parts, covered, ids);
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
