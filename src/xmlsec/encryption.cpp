#include "xmlsec/encryption.hpp"

#include <array>

#include "base/random.hpp"
#include "xml/writer.hpp"
#include "xmlsec/algorithms.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::xmlsec {
namespace {

using xml::AttributeRule;
using xml::ElementRule;
using xml::TextType;

constexpr std::string_view kAes256Cbc = "http://www.w3.org/2001/04/xmlenc#aes256-cbc";
constexpr std::string_view kAes256Gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
constexpr std::string_view kAes128Gcm = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
constexpr std::string_view kRsaOaepMgf1p = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
constexpr std::string_view kRsaOaep = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
constexpr std::string_view kMgf1Sha256 = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
constexpr std::string_view kSha1 = "http://www.w3.org/2000/09/xmldsig#sha1";

// The closed shape of `xhe.md` 4: one EncryptedKey inside KeyInfo, values and no references.
const AttributeRule kId{.ns = {}, .name = "Id"};
const AttributeRule kAlgorithm{.ns = {}, .name = "Algorithm", .required = true};
const ElementRule kDigestMethod{.ns = kDs, .name = "DigestMethod", .attributes = {kAlgorithm}};
const ElementRule kMgf{.ns = kXenc11, .name = "MGF", .attributes = {kAlgorithm}};
const ElementRule kContentMethod{.ns = kXenc, .name = "EncryptionMethod", .attributes = {kAlgorithm}};
const ElementRule kKeyMethod{.ns = kXenc,
                             .name = "EncryptionMethod",
                             .sequence = {{&kDigestMethod, 0, 1}, {&kMgf, 0, 1}},
                             .attributes = {kAlgorithm}};
const ElementRule kCipherValue{.ns = kXenc, .name = "CipherValue", .type = TextType::string, .attributes = {kId}};
const ElementRule kCipherData{.ns = kXenc, .name = "CipherData", .sequence = {{&kCipherValue}}};
const ElementRule kX509{.ns = kDs, .name = "KeyInfo", .type = TextType::lax};
const ElementRule kEncryptedKey{
    .ns = kXenc, .name = "EncryptedKey", .sequence = {{&kKeyMethod}, {&kX509}, {&kCipherData}}, .attributes = {kId}};
const ElementRule kKeyInfo{.ns = kDs, .name = "KeyInfo", .sequence = {{&kEncryptedKey}}, .attributes = {kId}};
const ElementRule kEncryptedData{.ns = kXenc,
                                 .name = "EncryptedData",
                                 .sequence = {{&kContentMethod}, {&kKeyInfo}, {&kCipherData}},
                                 .attributes = {kId, {.ns = {}, .name = "Type"}}};

std::unexpected<Error> not_allowed(xml::Element at) {
    return fail("encryption.algorithm", {}, at.path(), "The algorithm is not on the list of allowed ones.");
}

Result<crypto::ContentCipher> read_cipher(xml::Element method, const EncryptionPolicy& policy) {
    const auto uri = method.attribute("Algorithm").value_or("");
    if (uri == kAes256Cbc) return crypto::ContentCipher::aes256_cbc;
    if (policy.accept_gcm && uri == kAes256Gcm) return crypto::ContentCipher::aes256_gcm;
    if (policy.accept_gcm && uri == kAes128Gcm) return crypto::ContentCipher::aes128_gcm;
    return not_allowed(method);
}

Result<crypto::Oaep> read_oaep(xml::Element method, const EncryptionPolicy& policy) {
    using enum crypto::DigestAlgorithm;
    const auto uri = method.attribute("Algorithm").value_or("");
    const auto digest = method.child(kDs, "DigestMethod").attribute("Algorithm");
    const auto mgf = method.child(kXenc11, "MGF").attribute("Algorithm");
    if (uri == kRsaOaepMgf1p && !mgf) {  // MGF1 with SHA-1 is part of the URI
        if (!digest || *digest == kSha1) return crypto::Oaep{.digest = sha1, .mgf = sha1};
        if (*digest == kSha256) return crypto::Oaep{.digest = sha256, .mgf = sha1};
    }
    if (policy.accept_xenc11_oaep && uri == kRsaOaep && digest == kSha256 && mgf == kMgf1Sha256)
        return crypto::Oaep{.digest = sha256, .mgf = sha256};
    return not_allowed(method);
}

std::unexpected<Error> failed() {
    return fail("encryption.failed", "The content could not be decrypted.");
}

/// Hands on, and remembers why the one behind could not take it.
class WatchedSink final : public Sink {
public:
    explicit WatchedSink(Sink& next) : next_(next) {}
    Result<> write(ByteView bytes) override { return watch(next_.write(bytes)); }
    Result<> finish() override { return watch(next_.finish()); }
    [[nodiscard]] const Result<>& status() const { return status_; }

private:
    Result<> watch(Result<> result) {
        if (!result && status_) status_ = result;
        return result;
    }
    Sink& next_;
    Result<> status_{};
};

/// Base64 text in pieces into `sink`.
Result<> decode_into(xml::Element value, Sink& sink) {
    Base64Decoder decoder(Base64Space::xml);
    Bytes piece;
    Result<> status{};
    value.for_each_text([&](std::string_view text) {
        for (; status && !text.empty(); text.remove_prefix(std::min(text.size(), kPiece))) {
            piece.clear();
            status = decoder.update(text.substr(0, kPiece), piece);
            if (status) status = sink.write(piece);
        }
    });
    BUDKAVLE_CHECK(status);
    BUDKAVLE_CHECK(decoder.finish());
    return sink.finish();
}

}  // namespace

Result<EncryptedParts> read_encrypted(xml::Element encrypted_data, const EncryptionPolicy& policy) {
    BUDKAVLE_CHECK(require_shape(encrypted_data, kEncryptedData, "encryption.structure"));
    const auto key = encrypted_data.child(kDs, "KeyInfo").child(kXenc, "EncryptedKey");
    BUDKAVLE_TRY(const auto cipher, read_cipher(encrypted_data.child(kXenc, "EncryptionMethod"), policy));
    BUDKAVLE_TRY(const auto oaep, read_oaep(key.child(kXenc, "EncryptionMethod"), policy));

    const auto recipients = x509_certificates(key.child(kDs, "KeyInfo"));
    if (!recipients || recipients->size() != 1)
        return fail("encryption.structure", {}, key.path(), "The key must name one recipient by its certificate.");
    const auto wrapped_at = key.child(kXenc, "CipherData").child(kXenc, "CipherValue");
    auto wrapped = base64_decode(wrapped_at.text(), Base64Space::xml);
    if (!wrapped) return fail("encryption.structure", {}, wrapped_at.path(), "The value is not base64.");
    return EncryptedParts{.element = encrypted_data,
                          .cipher = cipher,
                          .oaep = oaep,
                          .recipient = recipients->front(),
                          .wrapped_key = std::move(*wrapped),
                          .cipher_value = encrypted_data.child(kXenc, "CipherData").child(kXenc, "CipherValue"),
                          .type = encrypted_data.attribute("Type").value_or("")};
}

Result<> decrypt(const EncryptedParts& parts, const crypto::PrivateKey& key, Sink& into) {
    const auto size = crypto::key_size(parts.cipher);
    auto session_key = key.unwrap(parts.oaep, parts.wrapped_key);
    const bool unwrapped = session_key && session_key->size() == size;
    SecretBytes random_key(size);
    random_bytes(random_key.mutable_view());
    // Without the right key the same work is done with a random one, and what comes out goes nowhere.
    CountingSink nowhere;
    WatchedSink watched(unwrapped ? into : static_cast<Sink&>(nowhere));
    crypto::DecryptingSink decrypting(parts.cipher, unwrapped ? *session_key : random_key, watched);
    const auto status = decode_into(parts.cipher_value, decrypting);
    if (!watched.status() && watched.status().error().retry == Retry::later) return watched.status();
    if (!status || !unwrapped) return failed();
    return {};
}

Result<EncryptedHead> encrypted_data_head(const crypto::Certificate& recipient, std::string_view type) {
    EncryptedHead out{.head = {}, .key = SecretBytes(crypto::key_size(crypto::ContentCipher::aes256_cbc))};
    random_bytes(out.key.mutable_view());
    const crypto::Oaep oaep{.digest = crypto::DigestAlgorithm::sha1, .mgf = crypto::DigestAlgorithm::sha1};
    BUDKAVLE_TRY(const Bytes wrapped, crypto::wrap(recipient.public_key(), oaep, out.key));
    xml::Writer head;
    head.open("xenc:EncryptedData", {{"xmlns:xenc", kXenc}, {"Type", type}})
        .leaf("xenc:EncryptionMethod", {}, {{"Algorithm", kAes256Cbc}})
        .open("ds:KeyInfo", {{"xmlns:ds", kDs}})
        .open("xenc:EncryptedKey")
        .open("xenc:EncryptionMethod", {{"Algorithm", kRsaOaepMgf1p}})
        .leaf("ds:DigestMethod", {}, {{"Algorithm", kSha1}})
        .close()
        .open("ds:KeyInfo")
        .open("ds:X509Data")
        .leaf("ds:X509Certificate", base64_encode(recipient.der()))
        .close()
        .close()
        .open("xenc:CipherData")
        .leaf("xenc:CipherValue", base64_encode(wrapped))
        .close()
        .close()
        .close()
        .open("xenc:CipherData")
        .open("xenc:CipherValue");
    out.head = head.take();
    return out;
}

std::string_view encrypted_data_tail() {
    return "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>";
}

}  // namespace budkavle::xmlsec
