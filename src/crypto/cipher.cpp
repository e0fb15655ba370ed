#include "crypto/cipher.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/random.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

constexpr std::size_t kBlock = 16;
constexpr std::size_t kTag = 16;

bool is_gcm(ContentCipher cipher) {
    return cipher == ContentCipher::aes128_gcm || cipher == ContentCipher::aes256_gcm;
}
std::size_t iv_size(ContentCipher cipher) {
    return is_gcm(cipher) ? 12 : kBlock;
}

const EVP_CIPHER* fetched(ContentCipher cipher) {
    static const std::array<const EVP_CIPHER*, 4> all{
        EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr), EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr),
        EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr), EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)};
    const auto* out = all.at(static_cast<std::size_t>(cipher));
    if (out == nullptr) std::abort();
    return out;
}

std::unexpected<Error> failed() {
    return fail("cipher.failed", "The content could not be encrypted or decrypted.");
}

/// One direction of one message.
class Engine {
public:
    Engine(ContentCipher cipher, const SecretBytes& key, Sink& next, ByteView associated, bool encrypt)
        : cipher_(cipher),
          key_(key.view()),
          next_(next),
          associated_(associated.begin(), associated.end()),
          encrypt_(encrypt) {}

    bool start(ByteView iv) {
        int ignored = 0;
        const bool ok = context_ && key_.size() == key_size(cipher_) && (associated_.empty() || is_gcm(cipher_)) &&
                        EVP_CipherInit_ex2(context_.get(), fetched(cipher_), key_.view().data(), iv.data(),
                                           encrypt_ ? 1 : 0, nullptr) == 1 &&
                        EVP_CIPHER_CTX_set_padding(context_.get(), 0) == 1 &&
                        (associated_.empty() || EVP_CipherUpdate(context_.get(), nullptr, &ignored, associated_.data(),
                                                                 static_cast<int>(associated_.size())) == 1);
        key_ = SecretBytes();
        return ok;
    }

    Result<> pass(ByteView bytes) {
        while (!bytes.empty()) {
            const auto piece = bytes.first(std::min(bytes.size(), kPiece));
            BUDKAVLE_TRY(const std::size_t n, transform(piece, out_));
            BUDKAVLE_CHECK(next_.write(ByteView(out_).first(n)));
            bytes = bytes.subspan(piece.size());
        }
        return {};
    }

    Result<std::size_t> transform(ByteView piece, Bytes& out) {
        out.resize(piece.size() + kBlock);
        int n = 0;
        if (EVP_CipherUpdate(context_.get(), out.data(), &n, piece.data(), static_cast<int>(piece.size())) != 1)
            return failed();
        return static_cast<std::size_t>(n);
    }

    bool end() {
        std::array<std::uint8_t, kBlock> rest{};
        int n = 0;
        return EVP_CipherFinal_ex(context_.get(), rest.data(), &n) == 1 && n == 0;
    }

    [[nodiscard]] EVP_CIPHER_CTX* context() { return context_.get(); }
    [[nodiscard]] ContentCipher cipher() const { return cipher_; }
    Sink& next() { return next_; }
    ~Engine() { std::ranges::fill(out_, std::uint8_t{0}); }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

private:
    ContentCipher cipher_;
    SecretBytes key_;
    Sink& next_;
    Bytes associated_;
    bool encrypt_;
    Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context_{EVP_CIPHER_CTX_new()};
    Bytes out_;
};

}  // namespace

std::size_t key_size(ContentCipher cipher) {
    return cipher == ContentCipher::aes128_gcm || cipher == ContentCipher::aes128_cbc ? 16 : 32;
}

struct EncryptingSink::State {
    Engine engine;
    bool started = false;
    std::uint64_t count = 0;

    Result<> begin() {
        if (started) return {};
        started = true;
        Bytes iv(iv_size(engine.cipher()));
        random_bytes(iv);
        if (!engine.start(iv)) return failed();
        return engine.next().write(iv);
    }
};

EncryptingSink::EncryptingSink(ContentCipher cipher, const SecretBytes& key, Sink& next, ByteView associated)
    : state_(new State{.engine{cipher, key, next, associated, true}}) {}
EncryptingSink::~EncryptingSink() = default;

Result<> EncryptingSink::write(ByteView bytes) {
    const ErrorQueueGuard guard;
    BUDKAVLE_CHECK(state_->begin());
    state_->count += bytes.size();
    return state_->engine.pass(bytes);
}

Result<> EncryptingSink::finish() {
    const ErrorQueueGuard guard;
    BUDKAVLE_CHECK(state_->begin());
    auto& engine = state_->engine;
    const bool gcm = is_gcm(engine.cipher());
    if (!gcm) {
        // All pad octets hold the length: allowed by XML Encryption, and by receivers that expect PKCS#7.
        const auto pad = static_cast<std::uint8_t>(kBlock - state_->count % kBlock);
        BUDKAVLE_CHECK(engine.pass(Bytes(pad, pad)));
    }
    if (!engine.end()) return failed();
    if (gcm) {
        std::array<std::uint8_t, kTag> tag{};
        if (EVP_CIPHER_CTX_ctrl(engine.context(), EVP_CTRL_AEAD_GET_TAG, kTag, tag.data()) != 1) return failed();
        BUDKAVLE_CHECK(engine.next().write(tag));
    }
    return engine.next().finish();
}

/// What came last is held back until the end is known: it is the tag (GCM) or the block with the padding (CBC).
struct DecryptingSink::State {
    static constexpr std::size_t kHeld = 16;
    static_assert(kHeld == kTag && kHeld == kBlock);

    Engine engine;
    Bytes head;  ///< the IV while it is incomplete
    bool started = false;
    bool broken = false;
    Bytes held;
    std::uint64_t count = 0;  ///< octets of ciphertext, the held ones included

    Result<> take(ByteView bytes) {
        if (!started) {
            const auto n = std::min(bytes.size(), iv_size(engine.cipher()) - head.size());
            head.insert(head.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
            bytes = bytes.subspan(n);
            if (head.size() < iv_size(engine.cipher())) return {};
            started = true;
            if (!engine.start(head)) return failed();
        }
        count += bytes.size();
        if (held.size() + bytes.size() <= kHeld) {
            held.insert(held.end(), bytes.begin(), bytes.end());
            return {};
        }
        const auto release = held.size() + bytes.size() - kHeld;
        const auto from_held = std::min(release, held.size());
        BUDKAVLE_CHECK(engine.pass(ByteView(held).first(from_held)));
        held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(from_held));
        BUDKAVLE_CHECK(engine.pass(bytes.first(release - from_held)));
        bytes = bytes.subspan(release - from_held);
        held.insert(held.end(), bytes.begin(), bytes.end());
        return {};
    }

    Result<> end() {
        if (!started || held.size() != kHeld) return failed();
        if (is_gcm(engine.cipher())) {
            if (EVP_CIPHER_CTX_ctrl(engine.context(), EVP_CTRL_AEAD_SET_TAG, kTag, held.data()) != 1 || !engine.end())
                return failed();
            return engine.next().finish();
        }
        if (count % kBlock != 0) return failed();
        Bytes block;
        BUDKAVLE_TRY(const std::size_t n, engine.transform(held, block));
        const SecretBytes clear(ByteView(block).first(n));
        std::ranges::fill(block, std::uint8_t{0});
        if (n != kBlock) return failed();
        const std::size_t pad = clear.view()[kBlock - 1];
        if (pad < 1 || pad > kBlock) return failed();
        BUDKAVLE_CHECK(engine.next().write(clear.view().first(kBlock - pad)));
        return engine.next().finish();
    }
};

DecryptingSink::DecryptingSink(ContentCipher cipher, const SecretBytes& key, Sink& next, ByteView associated)
    : state_(new State{.engine{cipher, key, next, associated, false}, .head{}, .held{}}) {}
DecryptingSink::~DecryptingSink() = default;

Result<> DecryptingSink::write(ByteView bytes) {
    const ErrorQueueGuard guard;
    if (state_->broken) return failed();
    auto done = state_->take(bytes);
    state_->broken = !done;
    return done;
}

Result<> DecryptingSink::finish() {
    const ErrorQueueGuard guard;
    if (state_->broken) return failed();
    state_->broken = true;
    return state_->end();
}

}  // namespace budkavle::crypto
