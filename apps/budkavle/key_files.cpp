#include "key_files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/stream.hpp"
#include "crypto/pkcs11.hpp"

namespace budkavle::app {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::size_t kMaxPassphrase = 4096;

/// The service manager decides who may read what it hands over.
std::filesystem::path credentials_folder() {
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    return folder != nullptr ? folder : "";
}

Result<> check_mode(const std::filesystem::path& file) {
    const auto folder = credentials_folder();
    if (!folder.empty() && file.parent_path() == folder) return {};
    struct stat facts{};
    if (::stat(file.c_str(), &facts) != 0)
        return fail("file.open", {}, file.string(), "The file cannot be opened.", "Check the path and the rights.");
    if ((facts.st_mode & 077) == 0) return {};
    return fail("key.file_mode", "SEC-44", file.string(),
                fmt::format("Others than its owner may read or write this file (mode {:04o}).", facts.st_mode & 07777),
                "chmod 600 the file.");
}

Result<SecretBytes> read_secret(const std::filesystem::path& file, std::size_t limit) {
    BUDKAVLE_CHECK(check_mode(file));
    auto octets = read_file(file, limit);
    if (!octets) {
        auto error = octets.error();
        error.place = file.string();
        return std::unexpected(std::move(error));
    }
    SecretBytes secret{ByteView(*octets)};
    std::ranges::fill(*octets, std::uint8_t{0});
    return secret;
}

Result<SecretBytes> passphrase_of(const PassphraseSource& source, const std::filesystem::path& key) {
    std::filesystem::path file = source.file;
    if (!source.credential.empty()) {
        const auto folder = credentials_folder();
        if (folder.empty() || source.credential.find('/') != std::string::npos)
            return fail("key.passphrase_missing", "SEC-44", source.credential,
                        "The service manager handed over no credential of this name.",
                        "Check LoadCredentialEncrypted of the unit.");
        file = folder / source.credential;
    }
    if (file.empty())
        return fail("key.passphrase_missing", "SEC-44", key.string(), "The key is encrypted, and no passphrase is named.",
                    "Set passphrase_file or passphrase_credential in [keys].");
    BUDKAVLE_TRY(const auto secret, read_secret(file, kMaxPassphrase));
    // Editors end files with a line end.
    auto view = as_text(secret.view());
    while (view.ends_with('\n') || view.ends_with('\r')) view.remove_suffix(1);
    return SecretBytes(as_bytes(view));
}

Result<crypto::Identity> from_pkcs12(const KeyFiles& files) {
    BUDKAVLE_TRY(const auto octets, read_secret(files.pkcs12, kMaxFile));
    BUDKAVLE_TRY(const auto passphrase, passphrase_of(files.passphrase, files.pkcs12));
    return crypto::identity_from_pkcs12(octets.view(), as_text(passphrase.view()));
}

Result<crypto::Identity> from_pem(const KeyFiles& files) {
    BUDKAVLE_TRY(const auto key, read_secret(files.key, kMaxFile));
    const auto text = as_text(key.view());
    SecretBytes passphrase;
    if (text.find("BEGIN ENCRYPTED PRIVATE KEY") != std::string_view::npos) {
        BUDKAVLE_TRY(passphrase, passphrase_of(files.passphrase, files.key));
    } else if (text.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos) {
        return fail("key.legacy_encryption", "SEC-44", files.key.string(),
                    "The key is encrypted in a way of the past (MD5, one round).",
                    "Convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc.");
    } else if (!files.plain) {
        return fail("key.plain", "SEC-44", files.key.string(), "The private key is not encrypted.",
                    "Encrypt it (openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000), or allow it with plain = true in "
                    "[keys].");
    }
    BUDKAVLE_TRY(const auto certificate, read_file(files.certificate, kMaxFile));
    return crypto::identity_from_pem(text, as_text(certificate), as_text(passphrase.view()));
}

/// The key stays in its security module; the certificate is a file.
Result<crypto::Identity> from_token(const KeyFiles& files) {
    BUDKAVLE_TRY(const auto uri, crypto::parse_pkcs11_uri(files.key.string()));
    BUDKAVLE_CHECK(check_mode(uri.pin_file));
    BUDKAVLE_TRY(const auto token, crypto::token_of(uri));
    BUDKAVLE_TRY(auto key, token->find(uri.object));
    BUDKAVLE_TRY(const auto certificate, read_file(files.certificate, kMaxFile));
    BUDKAVLE_TRY(auto chain, crypto::Certificate::all_from_pem(as_text(certificate)));
    return crypto::make_identity(std::move(key), std::move(chain));
}

}  // namespace

Result<crypto::Identity> load_identity(const KeyFiles& files) {
    auto loaded = crypto::is_pkcs11_uri(files.key.string()) ? from_token(files)
                  : files.pkcs12.empty()                    ? from_pem(files)
                                                            : from_pkcs12(files);
    if (!loaded && loaded.error().place.empty())
        loaded.error().place = (files.pkcs12.empty() ? files.key : files.pkcs12).string();
    return loaded;
}

}  // namespace budkavle::app
