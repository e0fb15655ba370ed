#pragma once
/// For tests and the conformance suite: makes AS4 messages that are right in everything except what a test changes.
/// Every change happens before the step that would otherwise reveal it: markup is changed before it is signed, payload
/// before it is digested or encrypted. A change that finds nothing to change is a fault of the test and throws.

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "as4/gzip.hpp"
#include "as4/names.hpp"
#include "as4/profile.hpp"
#include "as4/seal.hpp"
#include "as4/sign.hpp"
#include "base/stream.hpp"
#include "crypto/cipher.hpp"
#include "crypto/digest.hpp"
#include "crypto/key.hpp"
#include "xml/c14n.hpp"

namespace budkavle::as4::testing {

inline void must(bool done, std::string_view what) {
    if (!done) throw std::logic_error(std::string(what));
}

inline void replace(std::string& text, std::string_view from, std::string_view to) {
    const auto place = text.find(from);
    must(place != std::string::npos, "nothing to change: " + std::string(from));
    text.replace(place, from.size(), to);
}

/// What every message of one forge has in common.
struct ForgeBasis {
    crypto::Identity signer;
    crypto::Certificate recipient;
    Time now;
    std::string message_id = "forged-1@ap1.example.se";
    std::string conversation_id = "conversation";
    std::string original_sender = "0203:kommun.example.se";
    std::string final_recipient = "0203:region.example.se";
    std::string profile = "digg-transport-as4-v1_0";
};

struct ForgedPart {
    std::string cid;
    std::string mime_type = "text/xml";
    Bytes payload{};
    bool compressed = true;
    std::string encrypted_type = "application/gzip";
    std::string head = "Content-Type: application/octet-stream\r\n";  ///< header lines without Content-ID
    std::string content_id{};                                         ///< the whole Content-ID line; empty: from `cid`
    std::string encoded{};  ///< what stands in the package when it is not `cipher` itself
    // What the forge fills in.
    Bytes clear{};  ///< digested and encrypted
    Bytes digest{};
    Bytes cipher{};
};

struct ForgedReference {
    std::string uri;
    std::string transforms;               ///< markup
    Bytes digest{};                       ///< computed from the element that the URI means when empty
    std::vector<std::string> prefixes{};  ///< InclusiveNamespaces of the digest computed here
};

struct MessageForge {
    crypto::Identity signer;
    crypto::Certificate recipient;
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
    std::function<void(std::vector<ForgedPart>&)> on_prepared;         ///< encrypted, not signed yet
    std::function<void(std::vector<ForgedPart>&)> on_cipher;           ///< before packaging
    std::function<void(std::string&)> on_body;                         ///< the HTTP body
    std::string boundary = "=_forge";
    std::string preamble;
    std::string line_end = "\r\n";
    std::string content_type = R"(multipart/related; boundary="=_forge"; type="application/soap+xml")";
    bool plain = false;                      ///< the envelope alone is the body
    bool messaging_first = false;            ///< as Domibus does
    std::vector<std::string> info_prefixes;  ///< InclusiveNamespaces with which SignedInfo is canonicalised
    crypto::SignatureAlgorithm signature_algorithm = crypto::SignatureAlgorithm::rsa_sha256;

    explicit MessageForge(const ForgeBasis& basis) : signer(basis.signer), recipient(basis.recipient) {
        SendFacts facts;
        facts.message_id = basis.message_id;
        facts.conversation_id = basis.conversation_id;
        facts.timestamp = basis.now;
        facts.action = action_of(federation::kMessageDocument);
        facts.original_sender = basis.original_sender;
        facts.final_recipient = basis.final_recipient;
        message = make_user_message(facts, *federation::find_transport_profile(basis.profile),
                                    basis.signer.certificate(), basis.recipient);
    }

    std::string body() {
        prepare_parts();
        if (on_prepared) on_prepared(parts);
        auto text = sign();
        if (on_signed_envelope) on_signed_envelope(text);
        if (on_cipher) on_cipher(parts);
        if (plain) return text;
        std::string out = preamble + "--" + boundary + line_end + in_lines(root_head) + text;
        for (const auto& part : parts) {
            const auto id = part.content_id.empty() ? "Content-ID: <" + part.cid + ">\r\n" : part.content_id;
            out += line_end + "--" + boundary + line_end + in_lines(part.head + id + "\r\n");
            out += part.encoded.empty() ? std::string(as_text(part.cipher)) : part.encoded;
        }
        out += line_end + "--" + boundary + "--" + line_end;
        if (on_body) on_body(out);
        return out;
    }

private:
    SecretBytes key_;

    [[nodiscard]] std::string in_lines(const std::string& text) const {
        if (line_end == "\r\n") return text;
        std::string out;
        for (const char c : text)
            if (c != '\r') out += c;
        return out;
    }

    void prepare_parts() {
        message.parts.clear();
        for (auto& part : parts) {
            message.parts.push_back({part.cid, part.mime_type, "", part.compressed});
            if (!part.clear.empty()) {
            } else if (part.compressed) {
                MemorySink sink(std::size_t{1} << 24);
                GzipSink gzip(sink);
                must(gzip.write(part.payload) && gzip.finish(), "gzip");
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
            must(encryption.write(part.clear) && encryption.finish(), "encryption");
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
        auto text = std::string(R"(<S12:Envelope xmlns:S12=")") + std::string(kSoap12) + R"("><S12:Header>)" +
                    (messaging_first ? messaging : "") + R"(<wsse:Security xmlns:wsse=")" + std::string(kWsse) +
                    R"(" xmlns:wsu=")" + std::string(kWsu) + R"(" S12:mustUnderstand="true">)" + inner +
                    "<!--signature--></wsse:Security>" + (messaging_first ? "" : messaging) +
                    R"(</S12:Header><S12:Body xmlns:wsu=")" + std::string(kWsu) +
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
            const auto digest = one.digest.empty() ? digest_of(text, one.uri, one.prefixes) : one.digest;
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
        const auto signed_info = find(document.root(), "SIG-1").child(xmlsec::kDs, "SignedInfo");
        must(static_cast<bool>(signed_info), "no SignedInfo");
        MemorySink canonical(std::size_t{1} << 20);
        must(xml::canonicalise(signed_info, {.prefixes = info_prefixes}, canonical).has_value(), "SignedInfo");
        replace(text, "<!--signature-->",
                signature(base64_encode(signer.key->sign(signature_algorithm, canonical.bytes()).value())));
        return text;
    }

    /// Digest of the first element in document order that has the Id.
    static Bytes digest_of(const std::string& text, std::string_view uri, const std::vector<std::string>& prefixes) {
        const auto document = xml::Document::parse(as_bytes(text)).value();
        crypto::Hasher hasher(crypto::DigestAlgorithm::sha256);
        const auto element = find(document.root(), uri.substr(1));
        must(static_cast<bool>(element), "no element " + std::string(uri));
        must(xml::canonicalise(element, {.prefixes = prefixes}, hasher).has_value(), "c14n");
        return hasher.digest();
    }
    static xml::Element find(xml::Element element, std::string_view id) {
        if (element.attribute(kWsu, "Id") == id || element.attribute("Id") == id) return element;
        for (const auto child : element.children())
            if (const auto found = find(child, id)) return found;
        return {};
    }
};

}  // namespace budkavle::as4::testing
