#include "crypto/key.hpp"

#include <gtest/gtest.h>

#include "crypto/test_support.hpp"

namespace budkavle::crypto {
namespace {

using testing::Scratch;
using testing::shared;

TEST(Key, SignsAndVerifiesWithOpenssl) {
    const Scratch scratch;
    scratch.must(
        "openssl genrsa -out rsa.key 2048 && openssl pkey -in rsa.key -pubout -out rsa.pub && "
        "openssl ecparam -name prime256v1 -genkey -noout -out ec.key && openssl pkey -in ec.key -pubout -out ec.pub && "
        "openssl req -x509 -key rsa.key -subj /CN=x -out rsa.crt && printf hello > data");
    for (const auto& [algorithm, hash, name] : {std::tuple{SignatureAlgorithm::rsa_sha256, "sha256", "rsa"},
                                                std::tuple{SignatureAlgorithm::rsa_sha384, "sha384", "rsa"},
                                                std::tuple{SignatureAlgorithm::rsa_sha512, "sha512", "rsa"},
                                                std::tuple{SignatureAlgorithm::ecdsa_sha256, "sha256", "ec"}}) {
        const std::string base = name;
        const auto key = key_from_pem(testing::text(scratch.file(base + ".key")));
        ASSERT_TRUE(key) << name;
        const auto ours = (*key)->sign(algorithm, as_bytes("hello"));
        ASSERT_TRUE(ours);
        scratch.put("ours", *ours);
        scratch.must(std::string("openssl dgst -") + hash + " -verify " + base + ".pub -signature ours data");
        scratch.must(std::string("openssl dgst -") + hash + " -sign " + base + ".key -out theirs data");
        const auto theirs = testing::octets(scratch.file("theirs"));
        EXPECT_TRUE(verify((*key)->public_key(), algorithm, as_bytes("hello"), theirs));
        EXPECT_FALSE(verify((*key)->public_key(), algorithm, as_bytes("hellO"), theirs));
        EXPECT_FALSE(verify((*key)->public_key(), algorithm, as_bytes("hello"), ByteView(theirs).subspan(1)));
    }
    const auto rsa = key_from_pem(testing::text(scratch.file("rsa.key"))).value();
    const auto signature = rsa->sign(SignatureAlgorithm::rsa_sha256, as_bytes("hello")).value();
    EXPECT_FALSE(verify(rsa->public_key(), SignatureAlgorithm::rsa_sha512, as_bytes("hello"), signature));
    EXPECT_FALSE(verify(rsa->public_key(), SignatureAlgorithm::ecdsa_sha256, as_bytes("hello"), signature));
    EXPECT_EQ(rsa->sign(SignatureAlgorithm::ecdsa_sha256, as_bytes("x")).error().code, "key.algorithm");
}

TEST(Key, OaepWithOpensslInEveryDigestPair) {
    const Scratch scratch;
    scratch.must("openssl genrsa -out k 2048 && openssl pkey -in k -pubout -out p && printf 0123456789abcdef > secret");
    const auto key = key_from_pem(testing::text(scratch.file("k"))).value();
    for (const auto& [oaep, md, mgf] :
         {std::tuple{Oaep{DigestAlgorithm::sha1, DigestAlgorithm::sha1}, "sha1", "sha1"},
          std::tuple{Oaep{DigestAlgorithm::sha256, DigestAlgorithm::sha256}, "sha256", "sha256"},
          std::tuple{Oaep{DigestAlgorithm::sha256, DigestAlgorithm::sha1}, "sha256", "sha1"}}) {
        const std::string options =
            std::string(" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:") + md + " -pkeyopt rsa_mgf1_md:" + mgf;
        scratch.must("openssl pkeyutl -encrypt -pubin -inkey p -in secret -out theirs" + options);
        const auto opened = key->unwrap(oaep, testing::octets(scratch.file("theirs")));
        ASSERT_TRUE(opened);
        EXPECT_EQ(as_text(opened->view()), "0123456789abcdef");
        const auto ours = wrap(key->public_key(), oaep, SecretBytes(as_bytes("0123456789abcdef")));
        ASSERT_TRUE(ours);
        scratch.put("ours", *ours);
        scratch.must("openssl pkeyutl -decrypt -inkey k -in ours -out again" + options + " && cmp again secret");
    }
}

// XHE-10: one constant error, whatever is wrong; and PKCS#1 v1.5 is never opened.
TEST(Key, UnwrapFailsInOneForm) {
    const Scratch scratch;
    scratch.must(
        "openssl genrsa -out k 2048 && openssl pkey -in k -pubout -out p && printf 0123456789abcdef > secret && "
        "openssl pkeyutl -encrypt -pubin -inkey p -in secret -out v15 -pkeyopt rsa_padding_mode:pkcs1");
    const auto key = key_from_pem(testing::text(scratch.file("k"))).value();
    const auto other = generate_rsa(2048).value();
    const auto ec = generate_ec_p256().value();
    const auto good = wrap(key->public_key(), {}, SecretBytes(16)).value();
    const std::vector<Result<SecretBytes>::error_type> errors{
        key->unwrap({}, testing::octets(scratch.file("v15"))).error(),
        other->unwrap({}, good).error(),
        ec->unwrap({}, good).error(),
        key->unwrap({}, {}).error(),
        key->unwrap({}, Bytes(256, 0xff)).error(),
        key->unwrap({}, ByteView(good).first(255)).error(),
        key->unwrap({DigestAlgorithm::sha1, DigestAlgorithm::sha1}, good).error()};
    for (const auto& error : errors) {
        EXPECT_EQ(error.code, "key.unwrap_failed");
        EXPECT_EQ(error.describe(), errors.front().describe());
    }
}

TEST(Key, PemFormsAndPassphrases) {
    const Scratch scratch;
    scratch.must(
        "openssl genrsa -traditional -out old 2048 && openssl pkcs8 -topk8 -in old -nocrypt -out plain && "
        "openssl pkcs8 -topk8 -in old -passout pass:hemligt -out sealed");
    EXPECT_TRUE(key_from_pem(testing::text(scratch.file("old"))));
    const auto plain = key_from_pem(testing::text(scratch.file("plain")));
    ASSERT_TRUE(plain);
    const auto sealed = testing::text(scratch.file("sealed"));
    ASSERT_TRUE(key_from_pem(sealed, "hemligt"));
    EXPECT_EQ(key_from_pem(sealed).error().code, "key.passphrase");
    EXPECT_EQ(key_from_pem(sealed, "fel").error().code, "key.passphrase");
    EXPECT_EQ(key_from_pem("").error().code, "key.malformed");
    EXPECT_EQ(key_from_pem(testing::text(shared("sdk-vectors/keys/snd.crt"))).error().code, "key.malformed");
    scratch.put("ours", (*plain)->to_pem("lösen").value());
    scratch.must(
        "openssl pkey -in ours -passin 'pass:lösen' -out again && cmp again plain && grep -q 'BEGIN ENCRYPTED PRIVATE "
        "KEY' ours");
    scratch.put("clear", (*plain)->to_pem("").value());
    scratch.must("cmp clear plain");
    scratch.must("openssl genpkey -algorithm ed25519 -out ed");
    EXPECT_EQ(key_from_pem(testing::text(scratch.file("ed"))).error().code, "key.malformed");
}

TEST(Key, IdentitiesBelongTogether) {
    const auto key = testing::text(shared("as4-vectors/keys/ap-a.key"));
    ASSERT_TRUE(identity_from_pem(key, testing::text(shared("as4-vectors/keys/ap-a.crt"))));
    EXPECT_EQ(identity_from_pem(key, testing::text(shared("as4-vectors/keys/ap-b.crt"))).error().code, "key.mismatch");
    EXPECT_EQ(make_identity(nullptr, {}).error().code, "key.mismatch");
}

TEST(Key, Pkcs12) {
    const auto p12 = testing::octets(shared("as4-vectors/keys/ap-b.p12"));
    const auto identity = identity_from_pkcs12(p12, "as4test");
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->certificate().common_name(), "AP0002-SDK-TEST");
    EXPECT_EQ(identity->chain.size(), 2U);
    EXPECT_EQ(identity_from_pkcs12(p12, "fel").error().code, "key.pkcs12");
    EXPECT_EQ(identity_from_pkcs12(ByteView(p12).first(500), "as4test").error().code, "key.pkcs12");
    EXPECT_EQ(identity_from_pkcs12(as_bytes("x"), "as4test").error().code, "key.pkcs12");
}

TEST(Key, Pkcs12LegacyCiphersAreRefused) {
    const Scratch scratch;
    const auto keys = shared("as4-vectors/keys").string();
    const std::string base =
        "openssl pkcs12 -export -inkey '" + keys + "/ap-a.key' -in '" + keys + "/ap-a.crt' -passout pass:x -out ";
    scratch.must(base + "modern && " + base + "des -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES && " + base +
                 "mixed -keypbe PBE-SHA1-3DES -certpbe AES-256-CBC && " + base + "rc2 -legacy");
    EXPECT_TRUE(identity_from_pkcs12(testing::octets(scratch.file("modern")), "x"));
    for (const auto* name : {"des", "mixed", "rc2"}) {
        const auto refused = identity_from_pkcs12(testing::octets(scratch.file(name)), "x");
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().code, "key.pkcs12");
    }
}

TEST(Key, Generation) {
    EXPECT_EQ(generate_rsa(2048).value()->public_key().describe(), "RSA 2048");
    EXPECT_EQ(generate_ec_p256().value()->public_key().bits(), 256U);
    EXPECT_EQ(generate_rsa(1024).error().code, "key.generate");
}

}  // namespace
}  // namespace budkavle::crypto
