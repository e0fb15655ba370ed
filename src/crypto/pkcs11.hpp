#pragma once
/// Keys in a hardware security module by PKCS#11: they sign and unwrap there and never leave it.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "crypto/key.hpp"

namespace budkavle::crypto {

struct Pkcs11Config {
    std::filesystem::path module;  ///< shared library of the maker
    std::string token;             ///< label of the token
    SecretBytes pin;               ///< of the user; never logged, never on a command line
};

/// One token, logged in. A token or session that was lost is opened anew at the next use; a wrong PIN is never tried
/// twice, because that locks the token. Safe for several threads; one operation at a time in each module.
class Pkcs11Token {
public:
    /// Errors "key.module", "key.token" (later: not there, or it failed), "key.pin".
    static Result<std::shared_ptr<Pkcs11Token>> open(Pkcs11Config config);
    Pkcs11Token() = default;
    Pkcs11Token(const Pkcs11Token&) = delete;
    Pkcs11Token& operator=(const Pkcs11Token&) = delete;
    virtual ~Pkcs11Token() = default;
    /// The RSA key of that label; the handle keeps the token open. Errors "key.unknown", "key.ambiguous", "key.token".
    virtual Result<KeyHandle> find(const std::string& label) = 0;
    /// Made inside the token: sensitive, not extractable. Errors "key.exists", "key.generate", "key.token".
    virtual Result<KeyHandle> generate_rsa(const std::string& label, unsigned bits) = 0;
};

/// `pkcs11:token=T;object=O?module-path=/…&pin-source=/…` (RFC 7512): what may stand where a key file is named.
struct Pkcs11Uri {
    std::string token;
    std::string object;  ///< may be empty: the token as such
    std::filesystem::path module;
    std::filesystem::path pin_file;  ///< "file:" before it is allowed; /dev/fd/N for an inherited descriptor
};
[[nodiscard]] bool is_pkcs11_uri(std::string_view text);
/// Error "key.uri"; a PIN in the text itself (pin-value) is one.
[[nodiscard]] Result<Pkcs11Uri> parse_pkcs11_uri(std::string_view text);
/// Opens the token, reads the PIN from its file. Tokens that are open already are shared. Errors as above, "file.open".
[[nodiscard]] Result<std::shared_ptr<Pkcs11Token>> token_of(const Pkcs11Uri& uri);

/// The key in an unencrypted PEM file, or the one that a URI in its place names. Errors "file.open", "key.…".
[[nodiscard]] Result<KeyHandle> key_at(const std::filesystem::path& file_or_uri);

}  // namespace budkavle::crypto
