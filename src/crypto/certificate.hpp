#pragma once
/// X.509 certificates and revocation lists, as values that cannot be half valid.

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"

struct x509_st;
struct X509_crl_st;
struct evp_pkey_st;

namespace budkavle::crypto {

/// A public key, RSA or other; the exponent may be any (`federation.md` 2.1: issuers with 57169 and 50907 exist).
class PublicKey {
public:
    explicit PublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
    [[nodiscard]] bool is_rsa() const;
    [[nodiscard]] unsigned bits() const;
    [[nodiscard]] Bytes spki_der() const;        ///< SubjectPublicKeyInfo
    [[nodiscard]] std::string describe() const;  ///< "RSA 3072", "EC secp384r1", "ED25519"
    [[nodiscard]] evp_pkey_st* raw() const { return key_.get(); }
    bool operator==(const PublicKey& other) const;

private:
    std::shared_ptr<evp_pkey_st> key_;
};

/// Cheap to copy (shared, immutable).
class Certificate {
public:
    /// Error "certificate.malformed". Trailing octets and encodings other than DER are errors.
    static Result<Certificate> from_der(ByteView der);
    /// First CERTIFICATE block. Error "certificate.malformed"; text with a PRIVATE KEY block is accepted here.
    static Result<Certificate> from_pem(std::string_view pem);
    /// Every CERTIFICATE block, at least one; other blocks are passed over.
    static Result<std::vector<Certificate>> all_from_pem(std::string_view pem);
    /// What a `.cer`, `.crt` or `.pem` file holds: PEM when it has a BEGIN line, else DER.
    static Result<Certificate> from_file_octets(ByteView pem_or_der);

    [[nodiscard]] const Bytes& der() const;
    [[nodiscard]] std::string pem() const;
    [[nodiscard]] const std::string& sha256_hex() const;  ///< of the DER: the fingerprint used everywhere
    [[nodiscard]] Bytes sha1() const;                     ///< of the DER: ThumbprintSHA1 only
    [[nodiscard]] std::string common_name() const;        ///< the last CN of the subject; empty when absent
    [[nodiscard]] std::string organisation() const;       ///< O; empty when absent
    [[nodiscard]] std::string subject() const;            ///< RFC 2253, UTF-8
    [[nodiscard]] std::string issuer() const;             ///< RFC 2253, UTF-8
    [[nodiscard]] Bytes subject_der() const;              ///< the encoded Name
    [[nodiscard]] Bytes issuer_der() const;               ///< the encoded Name, equal to the issuer's subject_der()
    [[nodiscard]] std::string serial_decimal() const;
    [[nodiscard]] Time not_before() const;
    [[nodiscard]] Time not_after() const;
    [[nodiscard]] PublicKey public_key() const;
    [[nodiscard]] std::optional<Bytes> subject_key_identifier() const;
    [[nodiscard]] std::vector<std::string> crl_urls() const;   ///< http(s) URLs of the CRL distribution points
    [[nodiscard]] std::vector<std::string> dns_names() const;  ///< subjectAltName dNSName
    [[nodiscard]] bool is_ca() const;
    /// keyUsage absent counts as "may". Bits: digitalSignature or nonRepudiation; keyEncipherment; keyCertSign.
    [[nodiscard]] bool may_sign() const;
    [[nodiscard]] bool may_encipher() const;
    [[nodiscard]] bool is_self_issued() const;
    /// Does `name` (any RFC 2253/4514 spelling, spacing, attribute naming and order) equal this issuer?
    [[nodiscard]] bool issuer_matches(std::string_view name) const;
    [[nodiscard]] x509_st* raw() const { return x509_.get(); }
    bool operator==(const Certificate& other) const { return sha256_hex() == other.sha256_hex(); }

private:
    struct Facts;
    Certificate(std::shared_ptr<x509_st> x509, std::shared_ptr<const Facts> facts)
        : x509_(std::move(x509)), facts_(std::move(facts)) {}
    std::shared_ptr<x509_st> x509_;
    std::shared_ptr<const Facts> facts_;
};

/// A certificate revocation list; signature is checked when it is used for a chain.
class Crl {
public:
    static Result<Crl> parse(ByteView der_or_pem);  ///< error "crl.malformed"
    [[nodiscard]] std::string issuer() const;       ///< RFC 2253, UTF-8
    [[nodiscard]] Bytes issuer_der() const;
    [[nodiscard]] Time this_update() const;
    [[nodiscard]] std::optional<Time> next_update() const;
    [[nodiscard]] Bytes der() const;
    /// Name, cRLSign and signature (SHA-2 only) fit `issuer`. Downloads over plain HTTP ask this before
    /// `CrlStore::put`.
    [[nodiscard]] bool is_signed_by(const Certificate& issuer) const;
    [[nodiscard]] X509_crl_st* raw() const { return crl_.get(); }

private:
    explicit Crl(std::shared_ptr<X509_crl_st> crl) : crl_(std::move(crl)) {}
    std::shared_ptr<X509_crl_st> crl_;
};

}  // namespace budkavle::crypto
