#include "crypto/key_quality.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/key.hpp"
#include "crypto/test_support.hpp"

namespace budkavle::crypto {
namespace {

// SubjectPublicKeyInfo of RSA-3072 keys made faulty on purpose with Python's big numbers.
constexpr std::string_view kInfineonPattern =
    "MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAjI47+SlEW053ECu3PJexNF3+q/PuJh89engEwSfxNwmSk6PrmsEMDBCP"
    "LFfyd9g8yN3aODeVzYI7nTOKD4UDA/tRUm4No78CmKVi6yIIF2z6xxQapvpr/nSFSIfGMYm3QfxD9XW6c+x1lhMKBQB8RbL/60yu"
    "+IXbQoE44h21HLkoRLTBrJpQrO2YPLjb9awX2DuLnWyKQexSm5rxu5ya7ADIbFmDvStXpQxds669V+OnY7Gt4caluL5TEyFabUkY"
    "AtPlET/ST4lwhwkxYqnPb5JzpcKpaZ3Sg2tZ6IvYCp6pQPW1AqOsHZgk9cP+9qUEufrcHuCuspEyRjDrsolbMTALtQtcVvbtzLni"
    "q93zNjyw2Re+8yZLAk/eUtRNnAKMi5LsJjcFXEdjoM65MKuoz0snN8GPc+ZH8ZkdeoKRAULbb7msZCagrMzZPR+Z2ko1k/I2KCIM"
    "xhTXHRnGWECiPxKApRtuWbyC+VdseuUgKHP1nxcftflovxn1I1ISNwoNAgMBAAE=";
constexpr std::string_view kClosePrimes =
    "MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEApFA8iCVDYXSjXuSioFBk4hIYeAbAiCcYja3uTGECedNI5LSRPPYQoW5p"
    "FttmcqpRjsWm/Y6wlsVlH2BJa/fLiOWTex5ADm2M3W7PBORukQojbpKosOUqWuI+POnK0QYLJs6LgBOv3XDVmevOJw0qKhtWOBNJ"
    "XTqtXVExaThc6cWAq+l4HNY+Sw2iV8CIfcobkO9A3JTUPXcid/UyPk/rWUOe76UN9X8KYYdg2jBJ4u8AvcWWU3zkeDmq9zm0nV9J"
    "6+xZnNCH0SH85yjpGDzKLc3N0rNOXH3aLodTreL+SWcqoQAsyFIEaonMs8zuws9tqgbIv+POAL7WYuATLhTcaT3+7Upgb2/A6CIm"
    "ybZMOf4LSUoDz4gWxCEE3RuruyG5upRWask09PHRbD49U10Cx/pn7/ZVIdtkNUscXp1SCs9eJWzOfsNLXiWKZeFaq/dLxo4NWKke"
    "Bsr0pEdcZrFL9RGG/MkF0q3U+jkI/ayKRaxKjes6bnhzUckAUEclEVn3AgMBAAE=";
constexpr std::string_view kSmallFactor =
    "MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEA78gg0tgsugFgCmcyAaAdQonU/5i3JF0cellPZ8hw/vK5bB9z46yZsv56"
    "zeIMaeQkoD8qK0zePloQUwviTzOw7oIyCbUstSwynPmamdA5uWNqTXbmpD3t56XI5cWBx1urpIeSxZurU0CErI/mMxOhAWnGDRsk"
    "a5SAMn+C+PDgLEKoJAnxjQlJeZzV8rsDKWAqGtvlM8dkK97pZ+vbDvHwEijCa7I819zvL4dGbmfu4JkGdSlfiBIuFA/AVTELQ7bd"
    "ABov0+dMAPQqQ/BHP52AJH4rhtG7yB9UhIBJQu/ph3KaFOdacZngs5QWxhClRk9tmD/Zc1mvZ2nkhnN9j/Tvk9IlPIelG0U/Dl6S"
    "jALxZ573li+DQ6U4xM/DFgFm5mJtRQ8AKsg7YmmqXGgX3wySuSUKgqKjYbyiEEyWihiGp7pzaxviJjlh0bUc7O8+W8zmzS9JNO/E"
    "bAgDnNhiIn7kCSibi6l5kypQ1Ba4qZ+52PZdwYvONEVtWyI76eeWzrUkAgMBAAE=";

PublicKey from_spki(ByteView der) {
    const auto* at = der.data();
    return PublicKey(std::shared_ptr<EVP_PKEY>(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())), EVP_PKEY_free));
}
PublicKey from_base64(std::string_view text) {
    return from_spki(base64_decode(text).value());
}

using Faults = std::vector<KeyFault>;

TEST(KeyQuality, KnownWeakModuli) {
    EXPECT_EQ(faults_of(from_base64(kInfineonPattern)), Faults{KeyFault::infineon});
    EXPECT_EQ(faults_of(from_base64(kClosePrimes)), Faults{KeyFault::close_primes});
    EXPECT_EQ(faults_of(from_base64(kSmallFactor)), Faults{KeyFault::small_factor});
}

TEST(KeyQuality, GoodKeysAndOtherKinds) {
    EXPECT_EQ(faults_of(testing::certificate(testing::shared("as4-vectors/keys/ap-a.crt")).public_key()), Faults{});
    EXPECT_EQ(faults_of(generate_ec_p256().value()->public_key()), Faults{});
    const testing::Scratch scratch;
    scratch.must(
        "openssl genpkey -algorithm ed25519 | openssl pkey -pubout -outform DER -out ed; "
        "openssl ecparam -name secp256k1 -genkey -noout | openssl pkey -pubout -outform DER -out k1; "
        "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 | openssl pkey "
        "-pubout -outform DER -out e3");
    EXPECT_EQ(faults_of(from_spki(testing::octets(scratch.file("ed")))), Faults{KeyFault::kind});
    EXPECT_EQ(faults_of(from_spki(testing::octets(scratch.file("k1")))), Faults{KeyFault::curve});
    EXPECT_EQ(faults_of(from_spki(testing::octets(scratch.file("e3")))), Faults{KeyFault::exponent});
}

// `federation.md` 2.1: an issuer of others may have such an exponent; we would not certify it.
TEST(KeyQuality, ExpiTrustExponent) {
    EXPECT_EQ(faults_of(testing::certificate(testing::shared("spec/data/certs/OpenTest/O2O/ExpiTrust-Test-CA-v8.cer"))
                            .public_key()),
              Faults{KeyFault::exponent});
}

}  // namespace
}  // namespace budkavle::crypto
