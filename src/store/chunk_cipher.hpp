#pragma once
/// Inside `store` only: AES-256-GCM of one chunk under a key that belongs to one file.

#include <array>
#include <memory>

#include "base/bytes.hpp"

struct evp_cipher_ctx_st;

namespace budkavle::store {

inline constexpr std::size_t kChunk = std::size_t{64} * 1024;  ///< clear octets of every chunk but the last
inline constexpr std::size_t kTag = 16;
inline constexpr std::size_t kNonce = 12;
using Nonce = std::array<std::uint8_t, kNonce>;

/// Counter and final flag: chunks can be neither reordered, dropped, repeated nor cut off at the end.
[[nodiscard]] Nonce chunk_nonce(std::uint64_t counter, bool final);

class ChunkCipher {
public:
    explicit ChunkCipher(SecretBytes key);  ///< 32 octets
    ~ChunkCipher();
    ChunkCipher(const ChunkCipher&) = delete;
    ChunkCipher& operator=(const ChunkCipher&) = delete;
    /// Ciphertext ‖ tag. Error "blob.cipher".
    [[nodiscard]] Result<Bytes> seal(const Nonce& nonce, ByteView associated, ByteView clear);
    /// Error "blob.damaged".
    [[nodiscard]] Result<Bytes> open(const Nonce& nonce, ByteView associated, ByteView sealed);

private:
    SecretBytes key_;
    evp_cipher_ctx_st* context_;
};

}  // namespace budkavle::store
