#pragma once
/// XML Encryption of one element for one recipient (`xhe.md` 4, 9). AS4's attachment encryption lives in `as4`.

#include <vector>

#include "base/stream.hpp"
#include "crypto/cipher.hpp"
#include "crypto/key.hpp"
#include "xml/document.hpp"

namespace budkavle::xmlsec {

inline constexpr std::string_view kXenc = "http://www.w3.org/2001/04/xmlenc#";
inline constexpr std::string_view kXenc11 = "http://www.w3.org/2009/xmlenc11#";
inline constexpr std::string_view kTypeElement = "http://www.w3.org/2001/04/xmlenc#Element";  ///< XML payload
inline constexpr std::string_view kTypeContent = "http://www.w3.org/2001/04/xmlenc#Content";  ///< other payload (K5)

struct EncryptionPolicy {
    bool accept_gcm = false;          ///< aes256-gcm, aes128-gcm (switch, off)
    bool accept_xenc11_oaep = false;  ///< xmlenc11#rsa-oaep with SHA-256/MGF1-SHA256 (switch, off)
};

/// An EncryptedData whose structure is of the profile: EncryptedKey inside KeyInfo, one recipient certificate,
/// CipherValue.
struct EncryptedParts {
    xml::Element element;
    crypto::ContentCipher cipher{};
    crypto::Oaep oaep;
    crypto::Certificate recipient;
    Bytes wrapped_key;
    xml::Element cipher_value;
    std::string type;  ///< @Type; may be empty
};
/// Structure only. Errors "encryption.structure", "encryption.algorithm".
[[nodiscard]] Result<EncryptedParts> read_encrypted(xml::Element encrypted_data, const EncryptionPolicy& policy);
/// Unwraps and decrypts into `into`, which is finished on success. Every failure is the one error "encryption.failed",
/// and a key that cannot be unwrapped costs as much time as one that can (XHE-10). Only an error of `into` itself that
/// may pass (Retry::later: a full disk) is handed on, so that no message is lost to it.
[[nodiscard]] Result<> decrypt(const EncryptedParts& parts, const crypto::PrivateKey& key, Sink& into);

/// Markup of an EncryptedData up to and including `<xenc:CipherValue>` of the payload; base64 of the ciphertext
/// follows, then `encrypted_data_tail()`. Fresh AES-256 key, rsa-oaep-mgf1p, `recipient` included. Declares its own
/// namespaces (prefixes xenc and ds) and is in canonical form where these prefixes are not bound around it. `type`:
/// kTypeElement or kTypeContent.
struct EncryptedHead {
    std::string head;
    SecretBytes key;  ///< for crypto::EncryptingSink(aes256_cbc)
};
[[nodiscard]] Result<EncryptedHead> encrypted_data_head(const crypto::Certificate& recipient, std::string_view type);
[[nodiscard]] std::string_view encrypted_data_tail();

}  // namespace budkavle::xmlsec
