#include "as4/seal.hpp"

#include <memory>

#include "as4/encryption_header.hpp"
#include "as4/gzip.hpp"
#include "as4/names.hpp"
#include "as4/sign.hpp"
#include "as4/spool.hpp"
#include "base/random.hpp"
#include "crypto/cipher.hpp"
#include "crypto/digest.hpp"
#include "mime/multipart.hpp"
#include "xml/writer.hpp"

namespace budkavle::as4 {

namespace {

constexpr auto kCipher = crypto::ContentCipher::aes128_gcm;
constexpr std::uint64_t kCipherOverhead = 12 + 16;  // IV and tag

struct Compressed {
    std::unique_ptr<Spool> spool;
    Bytes sha256;
};

Result<Compressed> compress(Source& payload, const std::filesystem::path& folder) {
    BUDKAVLE_TRY(auto spool, Spool::create(folder));
    crypto::HashingSink hashing(crypto::DigestAlgorithm::sha256, *spool);
    GzipSink gzip(hashing);
    BUDKAVLE_CHECK(copy(payload, gzip));
    BUDKAVLE_CHECK(gzip.finish());
    return Compressed{std::move(spool), hashing.digest()};
}

struct KeyBlock {
    SecretBytes key;
    std::string markup;  ///< token of the recipient, EncryptedKey, one EncryptedData per part
};

void write_encrypted_data(xml::Writer& writer, const std::string& cid, const std::string& id,
                          const std::string& key_id) {
    const auto key_uri = "#" + key_id;
    const auto part_uri = "cid:" + cid;
    writer.open("xenc:EncryptedData",
                {{"xmlns:xenc", kXencNs}, {"Id", id}, {"MimeType", kGzip}, {"Type", kContentOnly}});
    writer.open("xenc:EncryptionMethod", {{"Algorithm", kAes128Gcm}}).close();
    writer.open("ds:KeyInfo", {{"xmlns:ds", xmlsec::kDs}});
    writer.open("wsse:SecurityTokenReference", {{"xmlns:wsse11", kWsse11}, {"wsse11:TokenType", kEncryptedKeyToken}});
    writer.open("wsse:Reference", {{"URI", key_uri}}).close().close().close();
    writer.open("xenc:CipherData").open("xenc:CipherReference", {{"URI", part_uri}}).open("xenc:Transforms");
    writer.open("ds:Transform", {{"xmlns:ds", xmlsec::kDs}, {"Algorithm", kCiphertextTransform}}).close();
    writer.close().close().close().close();
}

Result<KeyBlock> make_key(const std::vector<SendPart>& parts, const crypto::Certificate& recipient) {
    KeyBlock block{SecretBytes(crypto::key_size(kCipher)), {}};
    random_bytes(block.key.mutable_view());
    BUDKAVLE_TRY(const auto wrapped, crypto::wrap(recipient.public_key(), {}, block.key));

    const auto token_id = fresh_id("x509-enc");
    const auto key_id = fresh_id("ek");
    std::vector<std::string> data_ids;
    for (std::size_t i = 0; i < parts.size(); ++i) data_ids.push_back(fresh_id("ed"));

    xml::Writer writer;
    writer.raw(binary_security_token(recipient, token_id));
    writer.open("xenc:EncryptedKey", {{"xmlns:xenc", kXencNs}, {"xmlns:ds", xmlsec::kDs}, {"Id", key_id}});
    writer.open("xenc:EncryptionMethod", {{"Algorithm", kRsaOaep11}});
    writer.open("ds:DigestMethod", {{"Algorithm", xmlsec::kSha256}}).close();
    writer.open("xenc11:MGF", {{"xmlns:xenc11", kXenc11Ns}, {"Algorithm", kMgf1Sha256}}).close().close();
    writer.raw(key_info_of_token(token_id));
    writer.open("xenc:CipherData").leaf("xenc:CipherValue", base64_encode(wrapped)).close();
    writer.open("xenc:ReferenceList");
    for (const auto& id : data_ids) {
        const auto uri = "#" + id;
        writer.open("xenc:DataReference", {{"URI", uri}}).close();
    }
    writer.close().close();
    for (std::size_t i = 0; i < parts.size(); ++i) write_encrypted_data(writer, parts[i].cid, data_ids[i], key_id);
    block.markup = writer.take();
    return block;
}

class Output {
public:
    explicit Output(Sink& body) : body_(body) {}
    Result<> put(std::string_view text) {
        count_ += text.size();
        return body_.write(as_bytes(text));
    }
    Result<> put_encrypted(const Spool& spool, const SecretBytes& key) {
        count_ += spool.size() + kCipherOverhead;
        Unfinished open_end(body_);
        crypto::EncryptingSink encryption(kCipher, key, open_end);
        const auto reader = spool.reader();
        BUDKAVLE_CHECK(copy(*reader, encryption));
        return encryption.finish();
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }

private:
    /// More follows behind one part: its end is not the end of the body.
    class Unfinished final : public Sink {
    public:
        explicit Unfinished(Sink& next) : next_(next) {}
        Result<> write(ByteView bytes) override { return next_.write(bytes); }

    private:
        Sink& next_;
    };

    Sink& body_;
    std::uint64_t count_ = 0;
};

Result<mime::MultipartLayout> layout_of(const std::vector<SendPart>& parts, const std::string& message_id) {
    // The root's Content-ID must stay within the safe characters whatever the MessageId looks like.
    const auto root = "root-" + hex_encode(ByteView(crypto::sha256(as_bytes(message_id))).first(16)) + "@as4";
    std::vector<mime::PartHead> heads{{.content_type = "application/soap+xml;charset=UTF-8", .content_id = root}};
    for (const auto& part : parts)
        heads.push_back({.content_type = "application/octet-stream", .content_id = part.cid});
    return mime::MultipartLayout::create(std::move(heads));
}

}  // namespace

UserMessage make_user_message(const SendFacts& facts, const federation::TransportProfile& profile,
                              const crypto::Certificate& sender, const crypto::Certificate& recipient) {
    UserMessage message;
    message.message_id = facts.message_id;
    message.timestamp = facts.timestamp;
    message.from = {sender.common_name(), std::string(federation::kApPartyType), profile.initiator_role};
    message.to = {recipient.common_name(), std::string(federation::kApPartyType), profile.responder_role};
    message.service = facts.service;
    message.service_type = facts.service_type;
    message.action = facts.action;
    message.conversation_id = facts.conversation_id;
    message.properties = {{"originalSender", facts.original_sender, profile.participant_type},
                          {"finalRecipient", facts.final_recipient, profile.participant_type}};
    message.properties.insert(message.properties.end(), facts.more_properties.begin(), facts.more_properties.end());
    return message;
}

UserMessage make_ping(std::string message_id, Time timestamp, const federation::TransportProfile& profile,
                      const crypto::Certificate& sender, const crypto::Certificate& recipient) {
    UserMessage message;
    message.conversation_id = message_id;
    message.message_id = std::move(message_id);
    message.timestamp = timestamp;
    message.from = {sender.common_name(), std::string(federation::kApPartyType), profile.initiator_role};
    message.to = {recipient.common_name(), std::string(federation::kApPartyType), profile.responder_role};
    message.service = kTestService;
    message.action = kTestAction;
    return message;
}

Result<Sealed> seal(UserMessage message, const std::vector<SendPart>& parts, const crypto::Identity& sender,
                    const crypto::Certificate& recipient, const std::filesystem::path& spool_folder, Sink& body,
                    bool wss_timestamp, seconds timestamp_lifetime) {
    BUDKAVLE_TRY(const auto layout, layout_of(parts, message.message_id));
    EnvelopeParts envelope;
    std::vector<Compressed> compressed;
    message.parts.clear();
    for (const auto& part : parts) {
        BUDKAVLE_TRY(auto one, compress(*part.payload, spool_folder));
        envelope.attachments.push_back({part.cid, one.sha256});
        compressed.push_back(std::move(one));
        message.parts.push_back({part.cid, part.mime_type, part.character_set, true});
    }
    KeyBlock key;
    if (!parts.empty()) {
        BUDKAVLE_TRY(key, make_key(parts, recipient));
    }
    envelope.messaging = write_user_message(message);
    envelope.security = std::move(key.markup);
    if (wss_timestamp) envelope.timestamp = message.timestamp;
    envelope.timestamp_lifetime = timestamp_lifetime;
    BUDKAVLE_TRY(auto signed_envelope, sign_envelope(envelope, sender));

    Output output(body);
    Sealed sealed;
    sealed.evidence = {message.message_id, message.to.id, std::move(signed_envelope.references)};
    if (parts.empty()) {
        BUDKAVLE_CHECK(output.put(signed_envelope.octets));
        sealed.content_type = kSoapContentType;
    } else {
        BUDKAVLE_CHECK(output.put(layout.head(0)));
        BUDKAVLE_CHECK(output.put(signed_envelope.octets));
        for (std::size_t i = 0; i < parts.size(); ++i) {
            BUDKAVLE_CHECK(output.put(layout.head(i + 1)));
            BUDKAVLE_CHECK(output.put_encrypted(*compressed[i].spool, key.key));
        }
        BUDKAVLE_CHECK(output.put(layout.tail()));
        sealed.content_type = layout.content_type();
    }
    sealed.bytes = output.count();
    return sealed;
}

}  // namespace budkavle::as4
