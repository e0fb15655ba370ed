#include "as4/encryption_header.hpp"

#include <algorithm>
#include <set>

#include "as4/names.hpp"
#include "mime/content_type.hpp"

namespace budkavle::as4 {

namespace {

using crypto::DigestAlgorithm;
using xmlsec::kDs;

constexpr std::size_t kMaxWrapped = 4096;

std::string attribute_of(xml::Element element, std::string_view name) {
    const auto value = element.attribute(name);
    return value ? std::string(trim(*value)) : std::string();
}

/// The children of `element` when they are exactly the wanted ones, in order.
std::vector<xml::Element> exact_children(xml::Element element,
                                         std::initializer_list<std::pair<std::string_view, std::string_view>> wanted) {
    std::vector<xml::Element> found;
    auto next = wanted.begin();
    for (const auto child : element.children()) {
        if (next == wanted.end() || !child.is(next->first, next->second)) return {};
        found.push_back(child);
        ++next;
    }
    return next == wanted.end() ? found : std::vector<xml::Element>{};
}

bool has_only_attributes(xml::Element element, std::initializer_list<std::string_view> allowed) {
    return std::ranges::all_of(element.attributes(), [&](const auto& attribute) {
        return attribute.ns.empty() && std::ranges::find(allowed, attribute.name) != allowed.end();
    });
}

// A missing DigestMethod or MGF means SHA-1, whatever the other one says.
Outcome<crypto::Oaep> read_key_transport(xml::Element method, const KeyTransportPolicy& policy) {
    const auto algorithm = attribute_of(method, "Algorithm");
    if (algorithm != kRsaOaep11 && algorithm != kRsaOaepMgf1p)
        return refuse(Cause::algorithm, "The key transport algorithm is not allowed.", "as4-wire 1.6 key transport");
    crypto::Oaep oaep{DigestAlgorithm::sha1, DigestAlgorithm::sha1};
    bool digest = false;
    bool mgf = false;
    for (const auto child : method.children()) {
        const auto value = attribute_of(child, "Algorithm");
        if (child.is(kDs, "DigestMethod") && !std::exchange(digest, true)) {
            if (value != xmlsec::kSha256 && value != kSha1)
                return refuse(Cause::algorithm, "The OAEP digest is not allowed.", "as4-wire 1.6 key transport");
            oaep.digest = value == xmlsec::kSha256 ? DigestAlgorithm::sha256 : DigestAlgorithm::sha1;
        } else if (child.is(kXenc11Ns, "MGF") && algorithm == kRsaOaep11 && !std::exchange(mgf, true)) {
            if (value != kMgf1Sha256 && value != kMgf1Sha1)
                return refuse(Cause::algorithm, "The OAEP mask function is not allowed.", "as4-wire 1.6 key transport");
            oaep.mgf = value == kMgf1Sha256 ? DigestAlgorithm::sha256 : DigestAlgorithm::sha1;
        } else {
            return refuse(Cause::algorithm, "The key transport has a parameter that is not of the profile.",
                          "as4-wire 1.6 key transport");
        }
    }
    const bool sha256 = oaep.digest == DigestAlgorithm::sha256;
    const bool required = algorithm == kRsaOaep11 && sha256 && oaep.mgf == DigestAlgorithm::sha256;
    const bool switched_on =
        algorithm == kRsaOaep11
            ? oaep.mgf == DigestAlgorithm::sha1 && (sha256 ? policy.oaep_sha256_mgf_sha1 : policy.oaep_sha1_mgf_sha1)
            : (sha256 ? policy.mgf1p_sha256 : policy.mgf1p_sha1);
    if (!required && !switched_on)
        return refuse(Cause::algorithm, "The key transport parameters are not allowed.", "as4-wire 1.6 key transport");
    return oaep;
}

/// Ids of the EncryptedData that a ReferenceList names.
Outcome<std::set<std::string>> read_reference_list(xml::Element list) {
    std::set<std::string> ids;
    for (const auto child : list.children()) {
        const auto uri = attribute_of(child, "URI");
        if (!child.is(kXencNs, "DataReference") || !uri.starts_with('#') || !ids.insert(uri.substr(1)).second)
            return refuse(Cause::security_structure,
                          "The ReferenceList holds something else than one DataReference per part.",
                          "as4-wire 1.6 ReferenceList");
    }
    return ids;
}

Outcome<EncryptedKey> read_key(xml::Element element, xml::Element security, const IdIndex& ids,
                               const KeyTransportPolicy& transport) {
    if (!has_only_attributes(element, {"Id"}))
        return refuse(Cause::security_structure,
                      "EncryptedKey has an attribute besides Id (R3209, R5602, R5622, R5623).");
    const auto children = exact_children(
        element,
        {{kXencNs, "EncryptionMethod"}, {kDs, "KeyInfo"}, {kXencNs, "CipherData"}, {kXencNs, "ReferenceList"}});
    if (children.empty())
        return refuse(Cause::security_structure, "EncryptedKey is not of the profile.", "as4-wire 1.6 EncryptedKey");
    EncryptedKey key;
    BUDKAVLE_TRY(key.oaep, read_key_transport(children[0], transport));
    BUDKAVLE_TRY(key.recipient, read_key_info(children[1], security, ids, true));
    const auto value = exact_children(children[2], {{kXencNs, "CipherValue"}});
    if (value.empty() || value[0].text_size() > kMaxWrapped)
        return refuse(Cause::security_structure, "EncryptedKey has no CipherValue.", "as4-wire 1.6 CipherValue");
    auto wrapped = base64_decode(value[0].text(), Base64Space::xml);
    if (!wrapped) return refuse(Cause::decryption);
    key.wrapped = std::move(*wrapped);
    return key;
}

Outcome<EncryptedPart> read_data(xml::Element element, xml::Element key, const IdIndex& ids) {
    if (!has_only_attributes(element, {"Id", "MimeType", "Type"}) || attribute_of(element, "Type") != kContentOnly)
        return refuse(Cause::security_structure, "EncryptedData is not of the type Attachment-Content-Only.",
                      "as4-wire 1.6 EncryptedData");
    const auto children =
        exact_children(element, {{kXencNs, "EncryptionMethod"}, {kDs, "KeyInfo"}, {kXencNs, "CipherData"}});
    if (children.empty()) return refuse(Cause::security_structure, "EncryptedData is not of the profile (R5601).");
    if (attribute_of(children[0], "Algorithm") != kAes128Gcm || children[0].has_element_children())
        return refuse(Cause::algorithm, "The content encryption algorithm is not allowed.",
                      "as4-wire 1.6 algorithms, R5620");

    const auto str = exact_children(children[1], {{kWsse, "SecurityTokenReference"}});
    const auto reference = str.empty() ? str : exact_children(str[0], {{kWsse, "Reference"}});
    if (reference.empty() || ids.resolve(attribute_of(reference[0], "URI")) != key)
        return refuse(Cause::security_structure, "EncryptedData does not refer to the EncryptedKey (R5426).");
    const auto token_type = str[0].attribute(kWsse11, "TokenType");
    if (token_type && trim(*token_type) != kEncryptedKeyToken)
        return refuse(Cause::security_structure, "EncryptedData refers to something else than an EncryptedKey.",
                      "as4-wire 1.6 TokenType");

    const auto cipher = exact_children(children[2], {{kXencNs, "CipherReference"}});
    if (cipher.empty())
        return refuse(Cause::security_structure, "EncryptedData has no CipherReference.",
                      "as4-wire 1.6 CipherReference");
    const auto transforms = exact_children(cipher[0], {{kXencNs, "Transforms"}});
    const auto transform = transforms.empty() ? transforms : exact_children(transforms[0], {{kDs, "Transform"}});
    if (transform.empty() || attribute_of(transform[0], "Algorithm") != kCiphertextTransform ||
        transform[0].has_element_children())
        return refuse(Cause::security_structure,
                      "The CipherReference has other transforms than Attachment-Ciphertext-Transform.",
                      "as4-wire 1.6 CipherReference");
    // Nothing but parts of this message is ever dereferenced.
    auto cid = mime::content_id_of_href(attribute_of(cipher[0], "URI"));
    if (!cid || cid->empty()) return refuse(Cause::decryption);
    return EncryptedPart{std::move(*cid), attribute_of(element, "MimeType")};
}

}  // namespace

Outcome<> read_encryption(const EncryptionBlocks& blocks, xml::Element security, const IdIndex& ids,
                          const KeyTransportPolicy& transport, SecurityHeader& into) {
    if (!blocks.key) {
        if (!blocks.data.empty())
            return refuse(Cause::security_structure, "There is EncryptedData but no EncryptedKey.",
                          "as4-wire 1.6 EncryptedKey");
        return {};
    }
    BUDKAVLE_TRY(into.key, read_key(blocks.key, security, ids, transport));
    BUDKAVLE_TRY(auto listed, read_reference_list(blocks.key.child(kXencNs, "ReferenceList")));
    std::set<std::string> cids;
    for (const auto data : blocks.data) {
        if (listed.erase(attribute_of(data, "Id")) == 0)
            return refuse(Cause::security_structure, "The ReferenceList does not name every EncryptedData.",
                          "as4-wire 1.6 ReferenceList");
        BUDKAVLE_TRY(auto part, read_data(data, blocks.key, ids));
        if (!cids.insert(part.cid).second)
            return refuse(Cause::security_structure, "Two EncryptedData mean the same part.",
                          "as4-wire 1.6 EncryptedData");
        into.encrypted.push_back(std::move(part));
    }
    if (!listed.empty())
        return refuse(Cause::security_structure, "The ReferenceList names something that is not there.",
                      "as4-wire 1.6 ReferenceList");
    return {};
}

}  // namespace budkavle::as4
