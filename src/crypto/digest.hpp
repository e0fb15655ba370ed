#pragma once
/// Digests and message authentication.

#include <memory>

#include "base/bytes.hpp"
#include "base/stream.hpp"

namespace budkavle::crypto {

enum class DigestAlgorithm : std::uint8_t { sha1, sha256, sha384, sha512 };

/// Incremental digest; also a Sink, so that anything can be written "into the digest".
class Hasher final : public Sink {
public:
    explicit Hasher(DigestAlgorithm algorithm);
    ~Hasher() override;
    Result<> write(ByteView bytes) override;
    void update(ByteView bytes);
    [[nodiscard]] Bytes digest();  ///< ends it; call once

private:
    struct State;
    std::unique_ptr<State> state_;
};

[[nodiscard]] Bytes digest(DigestAlgorithm algorithm, ByteView bytes);
[[nodiscard]] inline Bytes sha256(ByteView bytes) {
    return digest(DigestAlgorithm::sha256, bytes);
}
[[nodiscard]] Bytes hmac_sha256(ByteView key, ByteView bytes);

/// Hands everything on to `next` and digests it on the way.
class HashingSink final : public Sink {
public:
    HashingSink(DigestAlgorithm algorithm, Sink& next) : hasher_(algorithm), next_(next) {}
    Result<> write(ByteView bytes) override;
    Result<> finish() override { return next_.finish(); }
    [[nodiscard]] Bytes digest() { return hasher_.digest(); }

private:
    Hasher hasher_;
    Sink& next_;
};

}  // namespace budkavle::crypto
