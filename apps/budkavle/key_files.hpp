#pragma once
/// Private keys as files: encrypted at rest, readable by their owner only (SEC-30, SEC-44).

#include <filesystem>
#include <optional>
#include <string>

#include "crypto/key.hpp"

namespace budkavle::app {

/// Where a passphrase comes from; both empty: there is none.
struct PassphraseSource {
    std::filesystem::path file{};
    std::string credential{};  ///< name of a credential of the service manager, below $CREDENTIALS_DIRECTORY
};

struct KeyFiles {
    std::filesystem::path key{};          ///< PEM; or
    std::filesystem::path certificate{};  ///< PEM, own certificate first
    std::filesystem::path pkcs12{};       ///< both in one file
    PassphraseSource passphrase{};
    bool plain = false;  ///< an unencrypted key is accepted
};

/// Errors: "key.plain" (not encrypted, and that is not allowed), "key.file_mode" (others may read it),
/// "key.passphrase_missing", "key.legacy_encryption", those of reading files and of crypto/key.hpp.
[[nodiscard]] Result<crypto::Identity> load_identity(const KeyFiles& files);

}  // namespace budkavle::app
