#include "store/chunk_cipher.hpp"

#include <openssl/evp.h>

namespace budkavle::store {
namespace {

std::unexpected<Error> damaged() {
    return fail("blob.damaged", "SEC-43", {},
                "A stored file does not authenticate: it was changed, cut off or belongs to another key.",
                "Restore it from a backup.");
}

}  // namespace

Nonce chunk_nonce(std::uint64_t counter, bool final) {
    Nonce nonce{};
    for (std::size_t i = 0; i < 8; ++i) nonce[i] = static_cast<std::uint8_t>(counter >> (56 - 8 * i));
    nonce[11] = final ? 1 : 0;
    return nonce;
}

ChunkCipher::ChunkCipher(SecretBytes key) : key_(std::move(key)), context_(EVP_CIPHER_CTX_new()) {}
ChunkCipher::~ChunkCipher() {
    EVP_CIPHER_CTX_free(context_);
}

Result<Bytes> ChunkCipher::seal(const Nonce& nonce, ByteView associated, ByteView clear) {
    Bytes out(clear.size() + kTag);
    int n = 0;
    const bool done =
        key_.size() == 32 &&
        EVP_EncryptInit_ex2(context_, EVP_aes_256_gcm(), key_.view().data(), nonce.data(), nullptr) == 1 &&
        EVP_EncryptUpdate(context_, nullptr, &n, associated.data(), static_cast<int>(associated.size())) == 1 &&
        EVP_EncryptUpdate(context_, out.data(), &n, clear.data(), static_cast<int>(clear.size())) == 1 &&
        EVP_EncryptFinal_ex(context_, out.data() + clear.size(), &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, kTag, out.data() + clear.size()) == 1;
    if (!done) return fail("blob.cipher", "The cipher library refused to encrypt.");
    return out;
}

Result<Bytes> ChunkCipher::open(const Nonce& nonce, ByteView associated, ByteView sealed) {
    if (sealed.size() < kTag) return damaged();
    const auto text = sealed.first(sealed.size() - kTag);
    Bytes tag(sealed.end() - kTag, sealed.end());
    Bytes out(text.size() + 1);  // never a null pointer: an empty chunk is a chunk
    int n = 0;
    const bool done =
        key_.size() == 32 &&
        EVP_DecryptInit_ex2(context_, EVP_aes_256_gcm(), key_.view().data(), nonce.data(), nullptr) == 1 &&
        EVP_DecryptUpdate(context_, nullptr, &n, associated.data(), static_cast<int>(associated.size())) == 1 &&
        EVP_DecryptUpdate(context_, out.data(), &n, text.data(), static_cast<int>(text.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(context_, out.data() + text.size(), &n) == 1;
    if (!done) return damaged();
    out.resize(text.size());
    return out;
}

}  // namespace budkavle::store
