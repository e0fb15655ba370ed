#include "crypto/digest.hpp"

#include <gtest/gtest.h>

namespace budkavle::crypto {
namespace {

// FIPS 180-4 examples ("abc") and RFC 4231.
TEST(Digest, KnownAnswers) {
    EXPECT_EQ(hex_encode(digest(DigestAlgorithm::sha1, as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(hex_encode(sha256(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex_encode(digest(DigestAlgorithm::sha384, as_bytes("abc"))),
              "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
    EXPECT_EQ(hex_encode(digest(DigestAlgorithm::sha512, as_bytes("abc"))),
              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423"
              "643ce80e2a9ac94fa54ca49f");
    EXPECT_EQ(hex_encode(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, HmacKnownAnswers) {
    EXPECT_EQ(hex_encode(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hex_encode(hmac_sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Digest, PiecesAndSinksGiveTheSame) {
    MemorySink kept(100);
    HashingSink sink(DigestAlgorithm::sha256, kept);
    ASSERT_TRUE(sink.write(as_bytes("a")));
    ASSERT_TRUE(sink.write(as_bytes("bc")));
    ASSERT_TRUE(sink.finish());
    EXPECT_EQ(sink.digest(), sha256(as_bytes("abc")));
    EXPECT_EQ(as_text(kept.bytes()), "abc");
}

}  // namespace
}  // namespace budkavle::crypto
