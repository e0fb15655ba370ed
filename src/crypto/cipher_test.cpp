#include "crypto/cipher.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "base/random.hpp"
#include "crypto/keystream.hpp"
#include "crypto/test_support.hpp"

namespace budkavle::crypto {
namespace {

SecretBytes hex_key(std::string_view hex) {
    return SecretBytes(hex_decode(hex).value());
}

Result<Bytes> decrypt(ContentCipher cipher, const SecretBytes& key, ByteView bytes, std::size_t piece = SIZE_MAX,
                      ByteView associated = {}) {
    MemorySink out(std::size_t{1} << 24);
    DecryptingSink sink(cipher, key, out, associated);
    while (!bytes.empty()) {
        const auto part = bytes.first(std::min(bytes.size(), piece));
        BUDKAVLE_CHECK(sink.write(part));
        bytes = bytes.subspan(part.size());
    }
    BUDKAVLE_CHECK(sink.finish());
    return out.take();
}

Bytes encrypt(ContentCipher cipher, const SecretBytes& key, ByteView bytes) {
    MemorySink out(std::size_t{1} << 24);
    EncryptingSink sink(cipher, key, out);
    EXPECT_TRUE(sink.write(bytes));
    EXPECT_TRUE(sink.finish());
    return out.take();
}

// McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 4 (AES-128) and 16 (AES-256).
constexpr std::string_view kPlain =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba"
    "637b39";
constexpr std::string_view kAssociated = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
constexpr std::string_view kCase4 =
    "cafebabefacedbaddecaf88842831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac"
    "84aa051ba30b396a0aac97"
    "3d58e0915bc94fbc3221a5db94fae95ae7121a47";
constexpr std::string_view kCase16 =
    "cafebabefacedbaddecaf888522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056"
    "828838c5f61e6393ba7a0a"
    "bcc9f66276fc6ece0f4e1768cddf8853bb2d551b";

TEST(Cipher, GcmKnownAnswersInAnyPieces) {
    const auto associated = hex_decode(kAssociated).value();
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{16}, std::size_t{33}, SIZE_MAX}) {
        const auto four = decrypt(ContentCipher::aes128_gcm, hex_key("feffe9928665731c6d6a8f9467308308"),
                                  hex_decode(kCase4).value(), piece, associated);
        ASSERT_TRUE(four) << piece;
        EXPECT_EQ(hex_encode(*four), kPlain);
        const auto sixteen = decrypt(ContentCipher::aes256_gcm,
                                     hex_key("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
                                     hex_decode(kCase16).value(), piece, associated);
        ASSERT_TRUE(sixteen) << piece;
        EXPECT_EQ(hex_encode(*sixteen), kPlain);
    }
}

TEST(Cipher, GcmRefusesEveryFlippedBitAndEveryCut) {
    const auto key = hex_key("feffe9928665731c6d6a8f9467308308");
    const auto good = encrypt(ContentCipher::aes128_gcm, key, as_bytes("ett meddelande"));
    ASSERT_TRUE(decrypt(ContentCipher::aes128_gcm, key, good));
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto bad = good;
        bad[i] = static_cast<std::uint8_t>(bad[i] ^ 1);
        const auto flipped = decrypt(ContentCipher::aes128_gcm, key, bad);
        ASSERT_FALSE(flipped);
        EXPECT_EQ(flipped.error().code, "cipher.failed");
        const auto cut = decrypt(ContentCipher::aes128_gcm, key, ByteView(good).first(i));
        ASSERT_FALSE(cut);
        EXPECT_EQ(cut.error().code, "cipher.failed");
    }
}

TEST(Cipher, CbcAgreesWithOpensslBothWays) {
    const testing::Scratch scratch;
    for (const auto& [cipher, name] :
         {std::pair{ContentCipher::aes128_cbc, "aes-128-cbc"}, std::pair{ContentCipher::aes256_cbc, "aes-256-cbc"}}) {
        SecretBytes key(key_size(cipher));
        random_bytes(key.mutable_view());
        const auto key_hex = hex_encode(key.view());
        const Bytes iv(16, 0x5a);
        for (const std::size_t size : {0, 1, 15, 16, 17, 31, 32, 100'003}) {
            Bytes clear(size);
            random_bytes(clear);
            scratch.put("clear", clear);
            scratch.must(std::string("openssl enc -") + name + " -K " + key_hex + " -iv " + hex_encode(iv) +
                         " -in clear -out sealed");
            auto foreign = iv;
            const auto sealed = testing::octets(scratch.file("sealed"));
            foreign.insert(foreign.end(), sealed.begin(), sealed.end());
            for (const std::size_t piece : {std::size_t{5}, std::size_t{16}, SIZE_MAX}) {
                const auto opened = decrypt(cipher, key, foreign, piece);
                ASSERT_TRUE(opened) << size;
                EXPECT_EQ(*opened, clear);
            }
            const auto ours = encrypt(cipher, key, clear);
            scratch.put("ours", ByteView(ours).subspan(16));
            scratch.must(std::string("openssl enc -d -") + name + " -K " + key_hex + " -iv " +
                         hex_encode(ByteView(ours).first(16)) + " -in ours -out again && cmp again clear");
        }
    }
}

/// AES-CBC without padding, by the openssl program: lets a test choose the pad octets.
Bytes raw_cbc(const testing::Scratch& scratch, const SecretBytes& key, ByteView blocks) {
    scratch.put("blocks", blocks);
    scratch.must("openssl enc -aes-256-cbc -nopad -K " + hex_encode(key.view()) + " -iv " + hex_encode(Bytes(16, 1)) +
                 " -in blocks -out raw");
    Bytes out(16, 1);
    const auto raw = testing::octets(scratch.file("raw"));
    out.insert(out.end(), raw.begin(), raw.end());
    return out;
}

// XML Encryption: only the last octet counts; the other pad octets are arbitrary.
TEST(Cipher, CbcTakesArbitraryPadOctets) {
    const testing::Scratch scratch;
    const SecretBytes key(32);
    const auto opened =
        decrypt(ContentCipher::aes256_cbc, key,
                raw_cbc(scratch, key, as_bytes(std::string_view("hello\1\2\3\4\5\6\7\x10\x11\x12\x0b", 16))));
    ASSERT_TRUE(opened);
    EXPECT_EQ(as_text(*opened), "hello");
}

// XHE-10: a wrong padding looks like every other failure, and nothing of the last block is released.
TEST(Cipher, CbcWrongPaddingIsTheConstantError) {
    const testing::Scratch scratch;
    const SecretBytes key(32);
    std::vector<Error> errors;
    for (const char last : {'\x00', '\x11', '\xff'}) {
        MemorySink out(100);
        DecryptingSink sink(ContentCipher::aes256_cbc, key, out);
        ASSERT_TRUE(sink.write(raw_cbc(scratch, key, as_bytes(std::string(15, 'a') + last))));
        const auto done = sink.finish();
        ASSERT_FALSE(done);
        errors.push_back(done.error());
        EXPECT_TRUE(out.bytes().empty());
    }
    for (const std::size_t size : {0, 5, 16, 17, 31, 33}) {
        const auto done = decrypt(ContentCipher::aes256_cbc, key, Bytes(size, 1));
        ASSERT_FALSE(done) << size;
        errors.push_back(done.error());
    }
    for (const auto& error : errors) {
        EXPECT_EQ(error.code, "cipher.failed");
        EXPECT_EQ(error.describe(), errors.front().describe());
    }
}

TEST(Cipher, WrongKeySizeFails) {
    MemorySink out(100);
    EncryptingSink sink(ContentCipher::aes256_gcm, SecretBytes(16), out);
    EXPECT_FALSE(sink.write(as_bytes("x")));
}

TEST(Cipher, EveryMessageHasItsOwnIv) {
    const SecretBytes key(32);
    EXPECT_NE(encrypt(ContentCipher::aes256_gcm, key, as_bytes("x")),
              encrypt(ContentCipher::aes256_gcm, key, as_bytes("x")));
    EXPECT_EQ(encrypt(ContentCipher::aes256_gcm, key, as_bytes("x")).size(), 12U + 1 + 16);
}

/// The octets are those of `openssl enc -aes-256-ctr` under a key of zeros over zeros.
TEST(Keystream, IsAes256InCounterModeFromZero) {
    Keystream stream{SecretBytes(32)};
    Bytes octets(40);
    ASSERT_TRUE(stream.apply(ByteView(octets).first(5), std::span(octets).first(5)));
    ASSERT_TRUE(stream.apply(ByteView(octets).subspan(5), std::span(octets).subspan(5)));
    EXPECT_EQ(hex_encode(ByteView(octets).first(16)), "dc95c078a2408989ad48a21492842087");
    Keystream back{SecretBytes(32)};
    ASSERT_TRUE(back.apply(octets, octets));
    EXPECT_EQ(octets, Bytes(40));
    Bytes short_place(39);
    EXPECT_FALSE(back.apply(octets, short_place));
    EXPECT_FALSE(Keystream(SecretBytes(16)).apply(octets, octets));
    EXPECT_FALSE(equal_constant_time(fresh_stream_key().view(), fresh_stream_key().view()));
}

}  // namespace
}  // namespace budkavle::crypto
