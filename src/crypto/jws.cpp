#include "crypto/jws.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

#include "crypto/algorithms.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

using Number = Owned<BIGNUM, BN_free>;
using Builder = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;

constexpr std::size_t kCoordinate = 32;
constexpr std::size_t kLargestModulus = 1024;  ///< octets: 8192 bits, more costs only us

std::unexpected<Error> malformed() {
    return fail("key.malformed", "The numbers are no public key.");
}

Number number(ByteView octets) {
    return Number(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

Result<PublicKey> key_of(const char* type, OSSL_PARAM_BLD* builder) {
    const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder));
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* made = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
        return malformed();
    std::shared_ptr<EVP_PKEY> key(made, EVP_PKEY_free);
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    if (!check || EVP_PKEY_public_check(check.get()) != 1) return malformed();
    return PublicKey(std::move(key));
}

/// r‖s as the SEQUENCE that OpenSSL verifies.
Bytes der_of(ByteView signature) {
    const Owned<ECDSA_SIG, ECDSA_SIG_free> both(ECDSA_SIG_new());
    Number r = number(signature.first(kCoordinate));
    Number s = number(signature.subspan(kCoordinate));
    if (!both || !r || !s || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1) return {};
    static_cast<void>(r.release());
    static_cast<void>(s.release());
    std::uint8_t* out = nullptr;
    const int size = i2d_ECDSA_SIG(both.get(), &out);
    Bytes der;
    if (size > 0) der.assign(out, out + size);
    OPENSSL_free(out);
    return der;
}

bool fits(const PublicKey& key, JwsAlgorithm algorithm) {
    if (algorithm != JwsAlgorithm::es256) return EVP_PKEY_is_a(key.raw(), "RSA") == 1;
    std::array<char, 32> group{};
    std::size_t size = 0;
    return EVP_PKEY_is_a(key.raw(), "EC") == 1 &&
           EVP_PKEY_get_group_name(key.raw(), group.data(), group.size(), &size) == 1 &&
           std::string_view(group.data(), size) == "prime256v1";
}

}  // namespace

std::optional<JwsAlgorithm> jws_algorithm(std::string_view name) {
    if (name == "RS256") return JwsAlgorithm::rs256;
    if (name == "PS256") return JwsAlgorithm::ps256;
    if (name == "ES256") return JwsAlgorithm::es256;
    return std::nullopt;
}

Result<PublicKey> rsa_public_key(ByteView modulus, ByteView exponent) {
    const ErrorQueueGuard guard;
    if (modulus.empty() || modulus.size() > kLargestModulus || exponent.empty() || exponent.size() > 8)
        return malformed();
    const Number n = number(modulus);
    const Number e = number(exponent);
    const Builder builder(OSSL_PARAM_BLD_new());
    if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return malformed();
    if (BN_num_bits(n.get()) < 2048 || BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1)
        return fail("key.weak", "SEC-45", {}, "The RSA key is too weak.",
                    "Use at least 2048 bits and an odd exponent.");
    return key_of("RSA", builder.get());
}

Result<PublicKey> p256_public_key(ByteView x, ByteView y) {
    const ErrorQueueGuard guard;
    if (x.size() != kCoordinate || y.size() != kCoordinate) return malformed();
    Bytes point{4};
    point.insert(point.end(), x.begin(), x.end());
    point.insert(point.end(), y.begin(), y.end());
    const Builder builder(OSSL_PARAM_BLD_new());
    if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
        return malformed();
    return key_of("EC", builder.get());
}

bool verify_jws(const PublicKey& key, JwsAlgorithm algorithm, ByteView data, ByteView signature) {
    const ErrorQueueGuard guard;
    if (!fits(key, algorithm)) return false;
    Bytes der;
    if (algorithm == JwsAlgorithm::es256) {
        if (signature.size() != 2 * kCoordinate) return false;
        der = der_of(signature);
        signature = der;
    }
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* details = nullptr;
    if (!context ||
        EVP_DigestVerifyInit(context.get(), &details, fetched_digest(DigestAlgorithm::sha256), nullptr, key.raw()) != 1)
        return false;
    if (algorithm == JwsAlgorithm::ps256 && (EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) != 1 ||
                                             EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) != 1))
        return false;
    return EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
}

Result<Bytes> base64url_decode(std::string_view text) {
    std::string plain(text);
    if (plain.find_first_of("+/=") != std::string::npos) return fail("base64.malformed", "The text is no base64url.");
    std::ranges::replace(plain, '-', '+');
    std::ranges::replace(plain, '_', '/');
    plain.append((4 - plain.size() % 4) % 4, '=');
    return base64_decode(plain);
}

}  // namespace budkavle::crypto
