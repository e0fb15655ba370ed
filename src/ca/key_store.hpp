#pragma once
/// Where the private keys of a PKI lie: encrypted files, or a hardware security module.

#include <filesystem>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "crypto/key.hpp"
#include "crypto/pkcs11.hpp"

namespace budkavle::ca {

/// Keys by name, [a-z0-9-]. Safe for several threads.
class KeyStore {
public:
    KeyStore() = default;
    KeyStore(const KeyStore&) = delete;
    KeyStore& operator=(const KeyStore&) = delete;
    virtual ~KeyStore() = default;
    /// A new RSA key; durable when this returns. A key of that name which is there already belongs to a creation that
    /// did not end, or to a register that was lost: it is never overwritten. Errors "file.…", "key.…", "ca.key_exists".
    [[nodiscard]] virtual Result<crypto::KeyHandle> make(const std::string& name, unsigned rsa_bits) = 0;
    /// Errors "file.open", "key.passphrase", "key.unknown", "key.token" (later).
    [[nodiscard]] virtual Result<crypto::KeyHandle> get(const std::string& name) const = 0;
};

/// FOLDER/NAME.pem: PKCS#8 encrypted under the passphrase, mode 0600; in memory only while in use. A file in the way is
/// put aside as NAME.pem.unused-….
[[nodiscard]] std::unique_ptr<KeyStore> file_keys(std::filesystem::path folder, SecretBytes passphrase);

/// The same names as labels in a hardware security module.
[[nodiscard]] std::unique_ptr<KeyStore> token_keys(std::shared_ptr<crypto::Pkcs11Token> token);

}  // namespace budkavle::ca
