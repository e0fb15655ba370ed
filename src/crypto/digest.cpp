#include "crypto/digest.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstdlib>

#include "crypto/algorithms.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

/// A digest can only fail for lack of memory or by a bug; going on would make a wrong value look right.
void must(bool ok) {
    if (!ok) std::abort();
}

EVP_MAC* fetched_hmac() {
    static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    must(mac != nullptr);
    return mac;
}

}  // namespace

const evp_md_st* fetched_digest(DigestAlgorithm algorithm) {
    static const std::array<const EVP_MD*, 4> all{
        EVP_MD_fetch(nullptr, "SHA1", nullptr), EVP_MD_fetch(nullptr, "SHA2-256", nullptr),
        EVP_MD_fetch(nullptr, "SHA2-384", nullptr), EVP_MD_fetch(nullptr, "SHA2-512", nullptr)};
    const auto* md = all.at(static_cast<std::size_t>(algorithm));
    must(md != nullptr);
    return md;
}

struct Hasher::State {
    Owned<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
};

Hasher::Hasher(DigestAlgorithm algorithm) : state_(std::make_unique<State>()) {
    must(EVP_DigestInit_ex2(state_->context.get(), fetched_digest(algorithm), nullptr) == 1);
}
Hasher::~Hasher() = default;

Result<> Hasher::write(ByteView bytes) {
    update(bytes);
    return {};
}

void Hasher::update(ByteView bytes) {
    must(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

Bytes Hasher::digest() {
    Bytes out(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    must(EVP_DigestFinal_ex(state_->context.get(), out.data(), &size) == 1);
    out.resize(size);
    return out;
}

Bytes digest(DigestAlgorithm algorithm, ByteView bytes) {
    Hasher hasher(algorithm);
    hasher.update(bytes);
    return hasher.digest();
}

Bytes hmac_sha256(ByteView key, ByteView bytes) {
    const Owned<EVP_MAC_CTX, EVP_MAC_CTX_free> context(EVP_MAC_CTX_new(fetched_hmac()));
    std::string name = "SHA2-256";
    const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
                                               OSSL_PARAM_construct_end()};
    static constexpr std::uint8_t kNoKey = 0;  // a null pointer would mean "keep the key"
    Bytes out(32);
    std::size_t size = 0;
    must(context &&
         EVP_MAC_init(context.get(), key.empty() ? &kNoKey : key.data(), key.size(), parameters.data()) == 1 &&
         EVP_MAC_update(context.get(), bytes.data(), bytes.size()) == 1 &&
         EVP_MAC_final(context.get(), out.data(), &size, out.size()) == 1 && size == out.size());
    return out;
}

Result<> HashingSink::write(ByteView bytes) {
    hasher_.update(bytes);
    return next_.write(bytes);
}

}  // namespace budkavle::crypto
