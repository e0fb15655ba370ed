#include "as4/security.hpp"

#include <algorithm>
#include <set>

#include "as4/encryption_header.hpp"
#include "as4/names.hpp"
#include "mime/content_type.hpp"

namespace budkavle::as4 {

namespace {

using xmlsec::kDs;

// R3029–R3033, R5214.
Outcome<> check_token(xml::Element token) {
    const auto encoding = token.attribute("EncodingType");
    const auto type = token.attribute("ValueType");
    if (!encoding || trim(*encoding) != kBase64Binary)
        return refuse(Cause::security_structure, "A token has no EncodingType Base64Binary (R3029).");
    if (!type || (trim(*type) != kX509v3 && trim(*type) != kX509PkiPath))
        return refuse(Cause::security_structure, "A token is neither X509v3 nor X509PKIPathv1 (R3031).");
    if (token.has_element_children())
        return refuse(Cause::security_structure, "A token has element content.", "as4-wire 1.6 BinarySecurityToken");
    return {};
}

Outcome<Time> read_instant(xml::Element element) {
    const auto text = std::string(trim(element.text()));
    const auto dot = text.find('.');
    const auto at = parse_time(text);
    // R3213 … R3229: UTC with Z, at most three fraction digits.
    if (!at || !text.ends_with('Z') || (dot != std::string::npos && text.size() - dot - 2 > 3))
        return refuse(Cause::timestamp,
                      "A time in the Timestamp is not UTC with at most three fraction digits (R3213, R3217, R3220).");
    return *at;
}

Outcome<SecurityTimestamp> read_timestamp(xml::Element element) {
    SecurityTimestamp timestamp{element, {}, {}};
    bool created = false;
    for (const auto child : element.children()) {
        if (child.is(kWsu, "Created") && !created) {
            BUDKAVLE_TRY(timestamp.created, read_instant(child));
            created = true;
        } else if (child.is(kWsu, "Expires") && created && !timestamp.expires) {
            BUDKAVLE_TRY(timestamp.expires, read_instant(child));
        } else {
            return refuse(Cause::timestamp,
                          "The Timestamp holds more than Created and then Expires (R3203, R3221, R3222, R3224).");
        }
    }
    if (!created) return refuse(Cause::timestamp, "The Timestamp has no Created (R3203).");
    return timestamp;
}

Cause cause_of(const Error& error) {
    return error.code == "signature.algorithm"   ? Cause::algorithm
           : error.code == "signature.transform" ? Cause::coverage
                                                 : Cause::security_structure;
}

std::string_view rule_of(const Error& error) {
    if (error.place.find("CanonicalizationMethod") != std::string::npos) return "as4-wire 1.8 R5404";
    if (error.code == "signature.transform") return "as4-wire 1.8 R5412, R5416, R5423";
    return error.code == "signature.algorithm" ? std::string_view() : "as4-wire 1.6 Signature";
}

}  // namespace

Outcome<SecurityHeader> read_security(xml::Element security, const IdIndex& ids, const KeyTransportPolicy& transport) {
    SecurityHeader header;
    EncryptionBlocks blocks;
    xml::Element signature;
    for (const auto child : security.children()) {
        if (child.is(kWsse, "BinarySecurityToken")) {
            BUDKAVLE_CHECK(check_token(child));
        } else if (child.is(kXencNs, "EncryptedKey")) {
            if (blocks.key)
                return refuse(Cause::security_structure, "There is more than one EncryptedKey.",
                              "as4-wire 1.6 EncryptedKey");
            blocks.key = child;
        } else if (child.is(kXencNs, "EncryptedData")) {
            blocks.data.push_back(child);
        } else if (child.is(kDs, "Signature")) {
            if (signature)
                return refuse(Cause::security_structure, "There is more than one Signature.", "as4-wire 1.6 Signature");
            signature = child;
        } else if (child.is(kWsu, "Timestamp")) {
            if (header.timestamp) return refuse(Cause::timestamp, "There is more than one Timestamp (R3227).");
            BUDKAVLE_TRY(header.timestamp, read_timestamp(child));
        } else {
            return refuse(Cause::security_structure, "The Security header holds an element that is not of the profile.",
                          "as4-wire 1.6 Security");
        }
    }
    BUDKAVLE_CHECK(read_encryption(blocks, security, ids, transport, header));
    if (!signature) return header;

    const xmlsec::SignaturePolicy policy{.canonicalisations = {xml::C14nMethod::exclusive}};
    auto parts = xmlsec::read_signature(signature, policy);
    if (!parts) return refuse(cause_of(parts.error()), parts.error().text, rule_of(parts.error()));
    if (!parts->key_info) return refuse(Cause::security_structure, "The Signature has no KeyInfo (R5402).");
    BUDKAVLE_TRY(header.signer, read_key_info(parts->key_info, security, ids, false));
    header.signature = std::move(*parts);
    return header;
}

Outcome<> check_coverage(const SecurityHeader& header, const IdIndex& ids, const Coverage& what) {
    if (!header.signature) return refuse(Cause::unsigned_message);
    bool messaging = false;
    bool body = false;
    bool timestamp = false;
    std::set<std::string> cids;
    const auto covers_once = [](bool& seen) { return !std::exchange(seen, true); };
    for (const auto& reference : header.signature->references) {
        const bool attachment = reference.uri.starts_with("cid:");
        if (reference.transforms.size() != 1 ||
            reference.transforms.front().algorithm != (attachment ? kContentSignatureTransform : xmlsec::kExcC14n))
            return refuse(Cause::coverage,
                          "A reference has other transforms than the one of the profile (R5416, R5423).");
        if (attachment) {
            const auto cid = mime::content_id_of_href(reference.uri);
            if (!cid || std::ranges::find(what.cids, *cid) == what.cids.end() || !cids.insert(*cid).second)
                return refuse(Cause::coverage, "The signature covers a part that is none of the payload.");
            continue;
        }
        const auto element = ids.resolve(reference.uri);
        const bool known =
            element &&
            ((element == what.messaging && covers_once(messaging)) || (element == what.body && covers_once(body)) ||
             (header.timestamp && element == header.timestamp->element && covers_once(timestamp)));
        if (!known)
            return refuse(Cause::coverage,
                          "The signature covers something else than Messaging, Body, Timestamp and payload.");
    }
    if (header.timestamp && !timestamp) return refuse(Cause::timestamp, "The Timestamp is not signed.");
    if (!messaging || (what.body_required && !body) || cids.size() != what.cids.size()) return refuse(Cause::coverage);
    return {};
}

Outcome<> check_encryption(const SecurityHeader& header, const std::vector<std::string>& cids) {
    for (const auto& part : header.encrypted)
        if (std::ranges::find(cids, part.cid) == cids.end())
            return refuse(Cause::part_mismatch, "An EncryptedData means a part that no PartInfo names.",
                          "as4-wire 1.6 EncryptedData");
    if (header.encrypted.size() != cids.size() || header.key.has_value() == cids.empty())
        return cids.empty()
                   ? refuse(Cause::security_structure, "There is nothing to encrypt.", "as4-wire 1.6 EncryptedKey")
                   : refuse(Cause::unencrypted);
    return {};
}

Outcome<> check_timestamp(const SecurityHeader& header, Time now, seconds skew) {
    if (!header.timestamp) return {};
    if (header.timestamp->created > now + skew) return refuse(Cause::timestamp, "The Timestamp is of the future.");
    if (header.timestamp->expires && now >= *header.timestamp->expires + skew)
        return refuse(Cause::timestamp, "The Timestamp has expired.");
    return {};
}

}  // namespace budkavle::as4
