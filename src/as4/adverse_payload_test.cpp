/// Messages with one fault in payload or packaging.

#include <gtest/gtest.h>

#include "as4/forge_support.hpp"

namespace budkavle::as4::testing {
namespace {

// ---- payload: TA30, TA31, TA35, TA37

TEST(Adverse, Payload) {
    Forge digest;
    digest.on_clear = [](auto& parts) { parts[0].clear.push_back(0); };
    expect_refused(digest, Cause::digest);
    Forge tag;
    tag.on_cipher = [](auto& parts) { parts[0].cipher.back() ^= 1; };
    expect_refused(tag, Cause::decryption);
    Forge cipher;
    cipher.on_cipher = [](auto& parts) { parts[0].cipher[14] ^= 1; };
    expect_refused(cipher, Cause::decryption);
    Forge cut;
    cut.on_cipher = [](auto& parts) { parts[0].cipher.resize(20); };
    expect_refused(cut, Cause::decryption);
    Forge short_key;
    short_key.key_octets = 24;
    expect_refused(short_key, Cause::decryption);
    Forge other_recipient;
    other_recipient.recipient = federation_of_test().stranger.certificate();
    expect_refused(other_recipient, Cause::decryption);
    Forge gzip;
    gzip.parts[0].clear = to_bytes("not gzip at all");
    expect_refused(gzip, Cause::decompression);
    Forge gzip_cut;
    gzip_cut.parts[0].clear = Bytes{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    expect_refused(gzip_cut, Cause::decompression);
}

// A damaged ciphertext must not be told from one that decrypts to damaged gzip: the tag decides first.
TEST(Adverse, NoOracleBeforeTheTag) {
    Forge forge;
    forge.parts[0].clear = to_bytes("not gzip at all");
    forge.on_cipher = [](auto& parts) { parts[0].cipher.back() ^= 1; };
    expect_refused(forge, Cause::decryption);
}

TEST(Adverse, Limits) {
    auto context = federation_of_test().context();
    context.limits.payload = 1000;
    Forge fits;
    fits.parts[0].payload = Bytes(1000, 'x');
    EXPECT_TRUE(fits.open(context));
    Forge over;
    over.parts[0].payload = Bytes(1001, 'x');
    expect_refused(over, Cause::decompression_limit, context);
    Forge together;
    together.parts[0].payload = Bytes(600, 'x');
    together.parts.push_back({.cid = "b", .payload = Bytes(600, 'x')});
    expect_refused(together, Cause::decompression_limit, context);
    Forge raw;
    raw.parts[0] = {.cid = "message",
                    .mime_type = "application/octet-stream",
                    .payload = Bytes(1001, 'x'),
                    .compressed = false,
                    .encrypted_type = "application/octet-stream"};
    expect_refused(raw, Cause::body_too_large, context);

    context = federation_of_test().context();
    context.limits.expansion = 100;
    Forge bomb;
    bomb.parts[0].payload = Bytes(std::size_t{2} << 20, 0);
    expect_refused(bomb, Cause::decompression_limit, context);
    context = federation_of_test().context();
    context.limits.body = 5000;
    Forge body;
    expect_refused(body, Cause::body_too_large, context);
}

// Attachment-Content-Signature-Transform, as4-wire.md 0.3
TEST(ContentForms, DigestFollowsTheEncryptedType) {
    const auto opens = [](std::string type, std::string payload, std::string digested) {
        Forge forge;
        forge.parts[0] = {.cid = "message",
                          .mime_type = type,
                          .payload = to_bytes(payload),
                          .compressed = false,
                          .encrypted_type = type};
        forge.parts[0].digest = crypto::sha256(as_bytes(digested));
        return forge.open().has_value();
    };
    EXPECT_TRUE(opens("text/xml", "<?xml version=\"1.0\"?>\r\n<a  b='1'/>\n", "<a b=\"1\"></a>"));
    EXPECT_TRUE(opens("application/soap+xml; charset=utf-8", "<a/>", "<a></a>"));
    EXPECT_FALSE(opens("application/octet-stream", "<a/>", "<a></a>"));
    EXPECT_TRUE(opens("text/plain", "a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd"));
    EXPECT_FALSE(opens("text/xml", "<a>", "<a>"));
    EXPECT_FALSE(opens("text/xml", "<!DOCTYPE a><a/>", "<a></a>"));
}

// ---- MIME, as4-wire.md 1.2

TEST(Adverse, Parts) {
    Forge twice;
    twice.on_cipher = [](auto& parts) { parts.push_back(parts[0]); };
    expect_refused(twice, Cause::mime_broken);
    Forge extra;
    extra.on_cipher = [](auto& parts) { parts.push_back({.cid = "extra", .cipher = to_bytes("x")}); };
    expect_refused(extra, Cause::part_mismatch);
    Forge missing;
    missing.on_cipher = [](auto& parts) { parts.clear(); };
    expect_refused(missing, Cause::part_mismatch);
    Forge renamed;
    renamed.on_cipher = [](auto& parts) { parts[0].cid = "massage"; };
    expect_refused(renamed, Cause::part_mismatch);
    Forge cut;
    cut.on_body = [](std::string& body) { body.resize(body.size() - 8); };
    expect_refused(cut, Cause::mime_broken);
    Forge many;
    many.on_cipher = [](auto& parts) {
        for (int i = 0; i < 200; ++i) parts.insert(parts.begin(), ForgedPart{.cid = "x" + std::to_string(i)});
    };
    many.content_type += "; start=\"<root>\"";
    expect_refused(many, Cause::too_many_parts);
    Forge type;
    type.content_type = "text/html";
    expect_refused(type, Cause::not_mime);
}

TEST(Tolerance, OrderOfPartsAndRoot) {
    Forge forge;
    forge.parts.push_back({.cid = "two@x", .payload = to_bytes("second")});
    forge.root_head = "Content-Type: application/soap+xml\r\nContent-ID: <root@x>\r\n\r\n";
    forge.content_type += "; start=\"<root@x>\"";
    forge.on_cipher = [](auto& parts) { std::swap(parts[0], parts[1]); };
    forge.on_body = [](std::string& body) {
        // The SOAP part goes behind the first payload part.
        const std::string line = "--=_forge\r\n";
        const auto second = body.find(line, 1);
        const auto third = body.find(line, second + 1);
        body = body.substr(second, third - second) + body.substr(0, second) + body.substr(third);
    };
    const auto opened = forge.open();
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ(opened->payloads[0].info.cid, "message");  // TA45
    EXPECT_EQ(as_text(forge.store->payloads().at("two@x")), "second");
}

TEST(Tolerance, EncodedContentId) {
    Forge forge;
    forge.on_messaging = [](std::string& text) { replace(text, "cid:message", "cid:mess%61ge"); };
    EXPECT_TRUE(forge.open());
}

}  // namespace
}  // namespace budkavle::as4::testing
