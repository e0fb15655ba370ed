#pragma once
/// AES-256-CTR for octets that wait in a file of their own process: unreadable without the process, and not authenticated.

#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace budkavle::crypto {

/// A fresh random key of 32 octets for one file, written once: the counter begins at zero.
[[nodiscard]] SecretBytes fresh_stream_key();

/// Encrypts and decrypts alike, from the first octet on.
class Keystream {
public:
    explicit Keystream(const SecretBytes& key);
    ~Keystream();
    Keystream(const Keystream&) = delete;
    Keystream& operator=(const Keystream&) = delete;
    /// The next `from.size()` octets; `into` has as many and may be the same place. Error "cipher.failed".
    Result<> apply(ByteView from, std::span<std::uint8_t> into);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::crypto
