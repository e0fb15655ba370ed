#pragma once
/// For tests: makes AS4 messages that are right in everything except what a test changes. Every change happens before
/// the step that would otherwise reveal it: markup is changed before it is signed, payload before it is digested or
/// encrypted.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "as4/gzip.hpp"
#include "as4/names.hpp"
#include "as4/profile.hpp"
#include "as4/seal.hpp"
#include "as4/sign.hpp"
#include "as4/test_support.hpp"
#include "crypto/cipher.hpp"
#include "crypto/issue.hpp"
#include "crypto/key.hpp"
#include "xml/c14n.hpp"

namespace budkavle::as4::testing {

/// Two issuing CAs (two environments) and what they issued.
struct Federation {
    Time now = at("2027-03-01T12:00:00Z");
    crypto::Identity ca = authority("Accesspunkt CA-SDK-TEST");
    crypto::Identity other_ca = authority("Accesspunkt CA-OPEN-TEST");
    crypto::Identity sender = issue(ca, "AP0001-SDK-TEST");
    crypto::Identity receiver = issue(ca, "AP0002-SDK-TEST");
    crypto::Identity stranger = issue(ca, "AP0003-SDK-TEST");
    crypto::Identity revoked = issue(ca, "AP0001-SDK-TEST");
    crypto::Identity foreign = issue(other_ca, "AP0001-SDK-TEST");
    crypto::TrustStore trust{crypto::Purpose::as4, {ca.certificate()}};
    crypto::CrlStore crls;
    std::vector<crypto::Identity> own{receiver};

    Federation() {
        const auto crl = crypto::issue_crl(
            ca, {{revoked.certificate().serial_decimal(), now - std::chrono::hours(1), "keyCompromise"}}, 1,
            now - std::chrono::hours(1), now + std::chrono::hours(24));
        crls.put(crypto::Crl::parse(crl.value()).value());
    }

    [[nodiscard]] crypto::Identity authority(const std::string& name) const {
        crypto::CertificateTemplate what{};
        what.subject = {{"C", "SE"}, {"CN", name}};
        what.not_before = now - std::chrono::hours(24 * 30);
        what.not_after = now + std::chrono::hours(24 * 300);
        what.ca = true;
        what.key_usage = {"keyCertSign", "cRLSign"};
        const auto key = crypto::generate_rsa(2048).value();
        return crypto::make_identity(key, {crypto::issue_self_signed(what, key).value()}).value();
    }
    [[nodiscard]] crypto::Identity issue(const crypto::Identity& issuer, const std::string& name) const {
        crypto::CertificateTemplate what{};
        what.subject = {{"C", "SE"}, {"O", "Provkommunen"}, {"CN", name}};
        what.not_before = now - std::chrono::hours(24);
        what.not_after = now + std::chrono::hours(24 * 30);
        what.key_usage = {"digitalSignature", "keyEncipherment"};
        const auto key = crypto::generate_rsa(2048).value();
        return crypto::make_identity(key, {crypto::issue(what, key->public_key(), issuer).value()}).value();
    }
    [[nodiscard]] SignerTrust signers() const { return {&trust, &crls, {.at = now}, {}}; }
    [[nodiscard]] ReceiveContext context() const {
        ReceiveContext one{.identities = own,
                           .party_id = "AP0002-SDK-TEST",
                           .trust = signers(),
                           .limits = {},
                           .key_transport = {},
                           .accept = {},
                           .serves = {},
                           .spool_folder = fs::temp_directory_path()};
        one.accept.single_xml_payload = false;
        return one;
    }
};

inline const Federation& federation_of_test() {
    static const Federation only;
    return only;
}

inline void replace(std::string& text, std::string_view from, std::string_view to) {
    const auto place = text.find(from);
    ASSERT_NE(place, std::string::npos) << "nothing to change: " << from;
    text.replace(place, from.size(), to);
}

struct ForgedPart {
    std::string cid;
    std::string mime_type = "text/xml";
    Bytes payload{};
    bool compressed = true;
    std::string encrypted_type = "application/gzip";
    // What the forge fills in.
    Bytes clear{};  ///< digested and encrypted
    Bytes digest{};
    Bytes cipher{};
};

struct ForgedReference {
    std::string uri;
    std::string transforms;  ///< markup
    Bytes digest{};          ///< computed from the element that the URI means when empty
};

struct Forge {
    crypto::Identity signer = federation_of_test().sender;
    crypto::Certificate recipient = federation_of_test().receiver.certificate();
    UserMessage message;
    std::vector<ForgedPart> parts{{.cid = "message", .payload = to_bytes("<xhe>content</xhe>")}};
    std::string key_method =
        R"(<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><xenc11:MGF xmlns:xenc11="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/></xenc:EncryptionMethod>)";
    crypto::Oaep oaep;
    std::size_t key_octets = 16;
    std::string key_info_sig = key_info_of_token("X509-SIG");
    std::string key_info_enc = key_info_of_token("X509-ENC");
    std::string token_sig;  ///< markup; the signer's X509v3 when empty
    std::string timestamp;  ///< markup
    std::string root_head = "Content-Type: application/soap+xml;charset=UTF-8\r\n\r\n";

    std::function<void(std::string&)> on_messaging;  ///< eb:Messaging, before signing
    std::function<void(std::string&)> on_security;   ///< content of wsse:Security without the signature, before signing
    std::function<void(std::vector<ForgedReference>&)> on_references;  ///< before digests and signature
    std::function<void(std::string&)> on_signed_info;                  ///< before the signature value
    std::function<void(std::string&)> on_envelope;                     ///< without signature, before digests are made
    std::function<void(std::string&)> on_signed_envelope;              ///< after signing
    std::function<void(std::vector<ForgedPart>&)> on_clear;            ///< after digests, before encryption
    std::function<void(std::vector<ForgedPart>&)> on_cipher;           ///< before packaging
    std::function<void(std::string&)> on_body;                         ///< the HTTP body
    std::string content_type = R"(multipart/related; boundary="=_forge"; type="application/soap+xml")";

    Forge() {
        SendFacts facts;
        facts.message_id = "forged-1@ap1.example.se";
        facts.conversation_id = "conversation";
        facts.timestamp = federation_of_test().now;
        facts.action = action_of(federation::kMessageDocument);
        facts.original_sender = "0203:kommun.example.se";
        facts.final_recipient = "0203:region.example.se";
        message =
            make_user_message(facts, federation::transport_profiles().front(),
                              federation_of_test().sender.certificate(), federation_of_test().receiver.certificate());
    }

    std::string body() {
        prepare_parts();
        auto text = sign();
        if (on_signed_envelope) on_signed_envelope(text);
        if (on_cipher) on_cipher(parts);
        std::string out = "--=_forge\r\n" + root_head + text;
        for (const auto& part : parts) {
            out += "\r\n--=_forge\r\nContent-Type: application/octet-stream\r\nContent-ID: <" + part.cid + ">\r\n\r\n";
            out += as_text(part.cipher);
        }
        out += "\r\n--=_forge--\r\n";
        if (on_body) on_body(out);
        return out;
    }

    /// Opens what was forged, by default as the receiver does.
    Outcome<Opened> open(const ReceiveContext& context = federation_of_test().context()) {
        const auto octets = body();
        store = std::make_unique<MemoryStore>(std::size_t{1} << 20);
        return open_octets(as_bytes(octets), content_type, context, *store);
    }
    std::unique_ptr<MemoryStore> store;

private:
    SecretBytes key_;

    void prepare_parts() {
        message.parts.clear();
        for (auto& part : parts) {
            message.parts.push_back({part.cid, part.mime_type, "", part.compressed});
            if (!part.clear.empty()) {
            } else if (part.compressed) {
                MemorySink sink(std::size_t{1} << 24);
                GzipSink gzip(sink);
                EXPECT_TRUE(gzip.write(part.payload) && gzip.finish());
                part.clear = sink.take();
            } else {
                part.clear = part.payload;
            }
            if (part.digest.empty()) part.digest = crypto::sha256(part.clear);
        }
        if (on_clear) on_clear(parts);
        key_ = SecretBytes(ByteView(Bytes(key_octets, 0x42)));
        const SecretBytes content_key(ByteView(Bytes(16, 0x42)));
        for (auto& part : parts) {
            MemorySink sink(std::size_t{1} << 24);
            crypto::EncryptingSink encryption(crypto::ContentCipher::aes128_gcm, content_key, sink);
            EXPECT_TRUE(encryption.write(part.clear) && encryption.finish());
            part.cipher = sink.take();
        }
    }

    std::string security() {
        std::string out = timestamp;
        if (!parts.empty()) {
            std::string list;
            std::string data;
            for (std::size_t i = 0; i < parts.size(); ++i) {
                const auto id = "ED-" + std::to_string(i);
                list += R"(<xenc:DataReference URI="#)" + id + R"("/>)";
                data +=
                    R"(<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Id=")" + id +
                    R"(" MimeType=")" + parts[i].encrypted_type +
                    R"(" Type="http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Only"><xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes128-gcm"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><wsse:SecurityTokenReference><wsse:Reference URI="#EK-1"/></wsse:SecurityTokenReference></ds:KeyInfo><xenc:CipherData><xenc:CipherReference URI="cid:)" +
                    parts[i].cid +
                    R"("><xenc:Transforms><ds:Transform xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Ciphertext-Transform"/></xenc:Transforms></xenc:CipherReference></xenc:CipherData></xenc:EncryptedData>)";
            }
            out += binary_security_token(recipient, "X509-ENC");
            out +=
                R"(<xenc:EncryptedKey xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="EK-1">)" +
                key_method + key_info_enc + "<xenc:CipherData><xenc:CipherValue>" +
                base64_encode(crypto::wrap(recipient.public_key(), oaep, key_).value()) +
                "</xenc:CipherValue></xenc:CipherData><xenc:ReferenceList>" + list +
                "</xenc:ReferenceList></xenc:EncryptedKey>" + data;
        }
        out += token_sig.empty() ? binary_security_token(signer.certificate(), "X509-SIG") : token_sig;
        return out;
    }

    std::string sign() {
        auto messaging = std::string(R"(<eb:Messaging xmlns:eb=")") + std::string(kEb) + R"(" xmlns:wsu=")" +
                         std::string(kWsu) + R"(" S12:mustUnderstand="true" wsu:Id="MSG-1">)" +
                         write_user_message(message) + "</eb:Messaging>";
        if (on_messaging) on_messaging(messaging);
        auto inner = security();
        if (on_security) on_security(inner);
        auto text = std::string(R"(<S12:Envelope xmlns:S12=")") + std::string(kSoap12) +
                    R"("><S12:Header><wsse:Security xmlns:wsse=")" + std::string(kWsse) + R"(" xmlns:wsu=")" +
                    std::string(kWsu) + R"(" S12:mustUnderstand="true">)" + inner + "<!--signature--></wsse:Security>" +
                    messaging + R"(</S12:Header><S12:Body xmlns:wsu=")" + std::string(kWsu) +
                    R"(" wsu:Id="BODY-1"></S12:Body></S12:Envelope>)";
        if (on_envelope) on_envelope(text);

        const std::string c14n = R"(<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>)";
        std::vector<ForgedReference> references{{"#MSG-1", c14n}, {"#BODY-1", c14n}};
        if (!timestamp.empty()) references.push_back({"#TS-1", c14n});
        for (const auto& part : parts)
            references.push_back(
                {"cid:" + part.cid,
                 R"(<ds:Transform Algorithm="http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform"/>)",
                 part.digest});
        if (on_references) on_references(references);
        std::string info =
            R"(<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>)";
        for (const auto& one : references) {
            const auto digest = one.digest.empty() ? digest_of(text, one.uri) : one.digest;
            info +=
                R"(<ds:Reference URI=")" + one.uri + R"("><ds:Transforms>)" + one.transforms +
                R"(</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>)" +
                base64_encode(digest) + "</ds:DigestValue></ds:Reference>";
        }
        info += "</ds:SignedInfo>";
        if (on_signed_info) on_signed_info(info);
        const auto signature = [&](const std::string& value) {
            return R"(<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="SIG-1">)" + info +
                   "<ds:SignatureValue>" + value + "</ds:SignatureValue>" + key_info_sig + "</ds:Signature>";
        };
        auto draft = text;
        replace(draft, "<!--signature-->", signature(""));
        const auto document = xml::Document::parse(as_bytes(draft)).value();
        const auto signed_info = document.root()
                                     .child(kSoap12, "Header")
                                     .child(kWsse, "Security")
                                     .child(xmlsec::kDs, "Signature")
                                     .child(xmlsec::kDs, "SignedInfo");
        MemorySink canonical(std::size_t{1} << 20);
        EXPECT_TRUE(xml::canonicalise(signed_info, {}, canonical));
        replace(text, "<!--signature-->",
                signature(base64_encode(
                    signer.key->sign(crypto::SignatureAlgorithm::rsa_sha256, canonical.bytes()).value())));
        return text;
    }

    /// Digest of the first element in document order that has the Id.
    static Bytes digest_of(const std::string& text, std::string_view uri) {
        const auto document = xml::Document::parse(as_bytes(text)).value();
        crypto::Hasher hasher(crypto::DigestAlgorithm::sha256);
        const auto element = find(document.root(), uri.substr(1));
        EXPECT_TRUE(static_cast<bool>(element)) << uri;
        EXPECT_TRUE(xml::canonicalise(element, {}, hasher));
        return hasher.digest();
    }
    static xml::Element find(xml::Element element, std::string_view id) {
        if (element.attribute(kWsu, "Id") == id || element.attribute("Id") == id) return element;
        for (const auto child : element.children())
            if (const auto found = find(child, id)) return found;
        return {};
    }
};

/// Valid at the moment of the test.
inline constexpr std::string_view kTs =
    R"(<wsu:Timestamp wsu:Id="TS-1"><wsu:Created>2027-03-01T11:59:00.000Z</wsu:Created><wsu:Expires>2027-03-01T12:04:00.000Z</wsu:Expires></wsu:Timestamp>)";

inline void expect_refused(Forge& forge, Cause cause, const ReceiveContext& context = federation_of_test().context()) {
    const auto opened = forge.open(context);
    ASSERT_FALSE(opened) << "accepted";
    EXPECT_EQ(facts(opened.error().cause).name, facts(cause).name) << opened.error().detail;
    EXPECT_TRUE(forge.store->payloads().empty()) << "a payload was let out of quarantine";
}

}  // namespace budkavle::as4::testing
