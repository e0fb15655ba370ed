#pragma once
/// Private keys are handles: they sign and unwrap, nothing else. A PKCS#11 backend can stand behind the same interface.

#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "crypto/certificate.hpp"
#include "crypto/digest.hpp"

namespace budkavle::crypto {

enum class SignatureAlgorithm : std::uint8_t { rsa_sha256, rsa_sha384, rsa_sha512, ecdsa_sha256 };

/// RSA-OAEP parameters. MGF1 digest is separate (XML Encryption allows them to differ).
struct Oaep {
    DigestAlgorithm digest = DigestAlgorithm::sha256;
    DigestAlgorithm mgf = DigestAlgorithm::sha256;
};

class PrivateKey {
public:
    PrivateKey() = default;
    PrivateKey(const PrivateKey&) = delete;
    PrivateKey& operator=(const PrivateKey&) = delete;
    virtual ~PrivateKey() = default;
    /// Errors "key.algorithm", "key.sign". ECDSA signatures are in DER form (X.509), not the r‖s of XML Signature.
    [[nodiscard]] virtual Result<Bytes> sign(SignatureAlgorithm algorithm, ByteView data) const = 0;
    /// Every failure is the one error "key.unwrap_failed"; PKCS#1 v1.5 does not exist here.
    [[nodiscard]] virtual Result<SecretBytes> unwrap(const Oaep& oaep, ByteView wrapped) const = 0;
    [[nodiscard]] virtual PublicKey public_key() const = 0;
    /// PKCS#8 PEM, encrypted (PBES2, AES-256) when `passphrase` is not empty. Error "key.not_exportable" for hardware
    /// keys.
    [[nodiscard]] virtual Result<std::string> to_pem(std::string_view passphrase) const = 0;
    /// For TLS contexts and X.509 building; nullptr for keys that live elsewhere.
    [[nodiscard]] virtual evp_pkey_st* raw() const = 0;
};
using KeyHandle = std::shared_ptr<const PrivateKey>;

[[nodiscard]] Result<KeyHandle> generate_rsa(unsigned bits);
[[nodiscard]] Result<KeyHandle> generate_ec_p256();
/// PKCS#8 (also encrypted) or traditional. Error "key.malformed" or "key.passphrase".
[[nodiscard]] Result<KeyHandle> key_from_pem(std::string_view pem, std::string_view passphrase = {});

/// A private key with its certificate (checked to belong together) and the certificates above it.
struct Identity {
    KeyHandle key;
    std::vector<Certificate> chain;  ///< own certificate first; never empty
    [[nodiscard]] const Certificate& certificate() const { return chain.front(); }
};
/// Error "key.mismatch" when they do not belong together.
[[nodiscard]] Result<Identity> make_identity(KeyHandle key, std::vector<Certificate> chain);
[[nodiscard]] Result<Identity> identity_from_pem(std::string_view key_pem, std::string_view certificate_pem,
                                                 std::string_view passphrase = {});
/// PKCS#12; the legacy ciphers (RC2, 3DES) are refused, the chain is put in order. Error "key.pkcs12".
[[nodiscard]] Result<Identity> identity_from_pkcs12(ByteView der, std::string_view password);

[[nodiscard]] bool verify(const PublicKey& key, SignatureAlgorithm algorithm, ByteView data, ByteView signature);
[[nodiscard]] Result<Bytes> wrap(const PublicKey& key, const Oaep& oaep, const SecretBytes& secret);

}  // namespace budkavle::crypto
