#include "crypto/keystream.hpp"

#include <openssl/evp.h>

#include <array>
#include <limits>

#include "base/random.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

constexpr std::size_t kKey = 32;

std::unexpected<Error> failed() {
    return fail("cipher.failed", "The content could not be encrypted or decrypted.");
}

}  // namespace

struct Keystream::State {
    Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context{EVP_CIPHER_CTX_new()};
    bool ready = false;
};

SecretBytes fresh_stream_key() {
    SecretBytes key(kKey);
    random_bytes(key.mutable_view());
    return key;
}

Keystream::Keystream(const SecretBytes& key) : state_(std::make_unique<State>()) {
    const ErrorQueueGuard guard;
    constexpr std::array<std::uint8_t, 16> kStart{};
    state_->ready = key.size() == kKey && state_->context &&
                    EVP_EncryptInit_ex2(state_->context.get(), EVP_aes_256_ctr(), key.view().data(), kStart.data(), nullptr) == 1;
}
Keystream::~Keystream() = default;

Result<> Keystream::apply(ByteView from, std::span<std::uint8_t> into) {
    const ErrorQueueGuard guard;
    constexpr std::size_t kMost = std::numeric_limits<int>::max() / 2;
    if (!state_->ready || from.size() > into.size() || from.size() > kMost) return failed();
    int n = 0;
    if (EVP_EncryptUpdate(state_->context.get(), into.data(), &n, from.data(), static_cast<int>(from.size())) != 1) return failed();
    return {};
}

}  // namespace budkavle::crypto
