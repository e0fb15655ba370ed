#pragma once
/// Symmetric encryption as XML Encryption and the stores use it. All of it streams.

#include <memory>

#include "base/bytes.hpp"
#include "base/stream.hpp"

namespace budkavle::crypto {

/// The octet layout of XML Encryption: AES-GCM is IV(12) ‖ ciphertext ‖ tag(16), AES-CBC is IV(16) ‖ ciphertext with
/// XML Encryption padding (last octet = length 1..16, other pad octets arbitrary).
enum class ContentCipher : std::uint8_t { aes128_gcm, aes256_gcm, aes128_cbc, aes256_cbc };
[[nodiscard]] std::size_t key_size(ContentCipher cipher);

/// Encrypts what is written, with a fresh random IV, into `next`. `finish` writes padding or tag and finishes `next`.
class EncryptingSink final : public Sink {
public:
    EncryptingSink(ContentCipher cipher, const SecretBytes& key, Sink& next, ByteView associated = {});
    ~EncryptingSink() override;
    Result<> write(ByteView bytes) override;
    Result<> finish() override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Decrypts what is written into `next`. For GCM the tag is known only in `finish`: nobody may use what reached `next`
/// before `finish` returned success. For CBC the last block is held back until `finish`, and nothing tells a wrong
/// padding from any other fault: every failure of decryption is the one error "cipher.failed" (no oracle; XHE-10).
/// Errors of `next` are passed on as they are: whoever answers a peer has to merge those that depend on unauthenticated
/// clear text.
class DecryptingSink final : public Sink {
public:
    DecryptingSink(ContentCipher cipher, const SecretBytes& key, Sink& next, ByteView associated = {});
    ~DecryptingSink() override;
    Result<> write(ByteView bytes) override;
    Result<> finish() override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::crypto
