#include "crypto/key.hpp"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/random.hpp"
#include "crypto/algorithms.hpp"
#include "crypto/asn1.hpp"
#include "crypto/ossl.hpp"
#include "crypto/software_key.hpp"

namespace budkavle::crypto {
namespace {

constexpr int kPassphraseIterations = 100'000;
constexpr std::size_t kMaxKeyText = 64 * 1024;

using Context = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using PkeyPointer = std::shared_ptr<EVP_PKEY>;

DigestAlgorithm digest_of(SignatureAlgorithm algorithm) {
    switch (algorithm) {
        case SignatureAlgorithm::rsa_sha384:
            return DigestAlgorithm::sha384;
        case SignatureAlgorithm::rsa_sha512:
            return DigestAlgorithm::sha512;
        case SignatureAlgorithm::rsa_sha256:
        case SignatureAlgorithm::ecdsa_sha256:
            break;
    }
    return DigestAlgorithm::sha256;
}

bool fits(EVP_PKEY* key, SignatureAlgorithm algorithm) {
    return EVP_PKEY_is_a(key, algorithm == SignatureAlgorithm::ecdsa_sha256 ? "EC" : "RSA") == 1;
}

bool set_oaep(EVP_PKEY_CTX* context, const Oaep& oaep) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, fetched_digest(oaep.digest)) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, fetched_digest(oaep.mgf)) == 1;
}

std::unexpected<Error> unwrap_failed() {
    return fail("key.unwrap_failed", "The wrapped key could not be opened.");
}

/// A private key in memory.
class SoftwareKey final : public PrivateKey {
public:
    explicit SoftwareKey(PkeyPointer key) : key_(std::move(key)) {}

    [[nodiscard]] Result<Bytes> sign(SignatureAlgorithm algorithm, ByteView data) const override {
        const ErrorQueueGuard guard;
        if (!fits(key_.get(), algorithm)) return fail("key.algorithm", "The key cannot make this kind of signature.");
        const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
        std::size_t size = 0;
        Bytes out;
        if (!context ||
            EVP_DigestSignInit(context.get(), nullptr, fetched_digest(digest_of(algorithm)), nullptr, key_.get()) !=
                1 ||
            EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1) {
            return fail("key.sign", "The signature could not be made.");
        }
        out.resize(size);
        if (EVP_DigestSign(context.get(), out.data(), &size, data.data(), data.size()) != 1)
            return fail("key.sign", "The signature could not be made.");
        out.resize(size);
        return out;
    }

    [[nodiscard]] Result<SecretBytes> unwrap(const Oaep& oaep, ByteView wrapped) const override {
        const ErrorQueueGuard guard;
        const Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
        SecretBytes out(static_cast<std::size_t>(std::max(EVP_PKEY_get_size(key_.get()), 0)));
        std::size_t size = out.size();
        if (!context || EVP_PKEY_is_a(key_.get(), "RSA") != 1 || wrapped.size() != out.size() ||
            EVP_PKEY_decrypt_init(context.get()) != 1 || !set_oaep(context.get(), oaep) ||
            EVP_PKEY_decrypt(context.get(), out.mutable_view().data(), &size, wrapped.data(), wrapped.size()) != 1) {
            return unwrap_failed();
        }
        out.resize(size);
        return out;
    }

    [[nodiscard]] PublicKey public_key() const override { return PublicKey(key_); }

    [[nodiscard]] Result<std::string> to_pem(std::string_view passphrase) const override {
        const ErrorQueueGuard guard;
        const auto failed = [] { return fail("key.export", "The private key could not be written."); };
        const Owned<BIO, BIO_free> out(BIO_new(BIO_s_secmem()));
        const Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> plain(EVP_PKEY2PKCS8(key_.get()));
        if (!out || !plain) return failed();
        if (passphrase.empty()) {
            if (PEM_write_bio_PKCS8_PRIV_KEY_INFO(out.get(), plain.get()) != 1) return failed();
            return text_of(out.get());
        }
        std::array<std::uint8_t, 16> salt{};
        random_bytes(salt);
        const Owned<X509_SIG, X509_SIG_free> sealed(
            PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase.data(), static_cast<int>(passphrase.size()), salt.data(),
                          static_cast<int>(salt.size()), kPassphraseIterations, plain.get()));
        if (!sealed || PEM_write_bio_PKCS8(out.get(), sealed.get()) != 1) return failed();
        return text_of(out.get());
    }

    [[nodiscard]] evp_pkey_st* raw() const override { return key_.get(); }

private:
    PkeyPointer key_;
};

Result<KeyHandle> handle(PkeyPointer key) {
    if (!key || (EVP_PKEY_is_a(key.get(), "RSA") != 1 && EVP_PKEY_is_a(key.get(), "EC") != 1)) {
        return fail("key.malformed", "The text holds no RSA or EC private key.");
    }
    return KeyHandle(std::make_shared<SoftwareKey>(std::move(key)));
}

struct Passphrase {
    std::string_view text;
    bool asked = false;
};

int give_passphrase(char* into, int size, int /*writing*/, void* user) {
    auto& passphrase = *static_cast<Passphrase*>(user);
    passphrase.asked = true;
    if (passphrase.text.empty() || passphrase.text.size() > static_cast<std::size_t>(size)) return -1;
    std::memcpy(into, passphrase.text.data(), passphrase.text.size());
    return static_cast<int>(passphrase.text.size());
}

}  // namespace

Result<KeyHandle> wrap_private_key(evp_pkey_st* owned) {
    return handle(PkeyPointer(owned, EVP_PKEY_free));
}

Result<KeyHandle> generate_rsa(unsigned bits) {
    const ErrorQueueGuard guard;
    if (bits < 2048 || bits > 8192) return fail("key.generate", "RSA keys have 2048 to 8192 bits here.");
    return handle(
        PkeyPointer(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits)), EVP_PKEY_free));
}

Result<KeyHandle> generate_ec_p256() {
    const ErrorQueueGuard guard;
    return handle(PkeyPointer(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free));
}

Result<KeyHandle> key_from_pem(std::string_view pem, std::string_view passphrase) {
    const ErrorQueueGuard guard;
    if (pem.size() > kMaxKeyText) return fail("key.malformed", "The text is too long for a private key.");
    const Owned<BIO, BIO_free> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    Passphrase state{passphrase};
    PkeyPointer key(PEM_read_bio_PrivateKey(in.get(), nullptr, give_passphrase, &state), EVP_PKEY_free);
    if (!key && state.asked)
        return fail("key.passphrase", "The private key is encrypted and the passphrase is missing or wrong.");
    return handle(std::move(key));
}

Result<Identity> make_identity(KeyHandle key, std::vector<Certificate> chain) {
    const ErrorQueueGuard guard;
    if (!key || chain.empty() || key->public_key() != chain.front().public_key()) {
        return fail("key.mismatch", "The private key and the certificate do not belong together.");
    }
    return Identity{std::move(key), std::move(chain)};
}

Result<Identity> identity_from_pem(std::string_view key_pem, std::string_view certificate_pem,
                                   std::string_view passphrase) {
    BUDKAVLE_TRY(auto key, key_from_pem(key_pem, passphrase));
    BUDKAVLE_TRY(auto chain, Certificate::all_from_pem(certificate_pem));
    return make_identity(std::move(key), std::move(chain));
}

bool verify(const PublicKey& key, SignatureAlgorithm algorithm, ByteView data, ByteView signature) {
    const ErrorQueueGuard guard;
    if (!fits(key.raw(), algorithm)) return false;
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, fetched_digest(digest_of(algorithm)), nullptr, key.raw()) ==
               1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
}

Result<Bytes> wrap(const PublicKey& key, const Oaep& oaep, const SecretBytes& secret) {
    const ErrorQueueGuard guard;
    const auto failed = [] { return fail("key.wrap", "The key could not be wrapped for this recipient."); };
    if (!key.is_rsa()) return failed();
    const Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.raw(), nullptr));
    Bytes out(static_cast<std::size_t>(std::max(EVP_PKEY_get_size(key.raw()), 0)));
    std::size_t size = out.size();
    if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 || !set_oaep(context.get(), oaep) ||
        EVP_PKEY_encrypt(context.get(), out.data(), &size, secret.view().data(), secret.size()) != 1) {
        return failed();
    }
    out.resize(size);
    return out;
}

}  // namespace budkavle::crypto
