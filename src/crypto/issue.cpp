#include "crypto/issue.hpp"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "base/random.hpp"
#include "crypto/algorithms.hpp"
#include "crypto/asn1.hpp"
#include "crypto/extensions.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

std::unexpected<Error> failed() {
    return fail("issue.failed", "The certificate or list could not be made.");
}

bool set_time(ASN1_TIME* into, Time at) {
    return ASN1_TIME_set(into, std::chrono::floor<seconds>(at).time_since_epoch().count()) != nullptr;
}

/// A key that lives elsewhere cannot be handed to OpenSSL's builders.
EVP_PKEY* signing_key(const KeyHandle& key) {
    return key ? key->raw() : nullptr;
}

/// Always 16 octets: long enough never to meet twice, and without the 17th octet that some parsers cannot read
/// (`pki.md` 5.1).
bool set_random_serial(X509* certificate) {
    std::array<std::uint8_t, 16> raw{};
    random_bytes(raw);
    raw[0] = static_cast<std::uint8_t>((raw[0] & 0x7f) | 0x40);
    const Owned<BIGNUM, BN_free> number(BN_bin2bn(raw.data(), static_cast<int>(raw.size()), nullptr));
    return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

Result<Certificate> build(const CertificateTemplate& what, const PublicKey& subject_key, const Certificate* issuer,
                          const KeyHandle& key) {
    const ErrorQueueGuard guard;
    const Owned<X509, X509_free> made(X509_new());
    auto* signer = signing_key(key);
    if (!made || signer == nullptr || what.not_after <= what.not_before) return failed();
    BUDKAVLE_CHECK(fill_name(X509_get_subject_name(made.get()), what.subject));
    const auto* issuer_name =
        issuer == nullptr ? X509_get_subject_name(made.get()) : X509_get_subject_name(issuer->raw());
    if (X509_set_version(made.get(), X509_VERSION_3) != 1 || !set_random_serial(made.get()) ||
        X509_set_issuer_name(made.get(), issuer_name) != 1 || X509_set_pubkey(made.get(), subject_key.raw()) != 1 ||
        !set_time(X509_getm_notBefore(made.get()), what.not_before) ||
        !set_time(X509_getm_notAfter(made.get()), what.not_after)) {
        return failed();
    }
    std::optional<Bytes> authority;
    if (issuer != nullptr) authority = issuer->subject_key_identifier();
    BUDKAVLE_CHECK(add_constraints(made.get(), what));
    BUDKAVLE_CHECK(add_usage(made.get(), what));
    BUDKAVLE_CHECK(add_key_identifiers(made.get(), sha256(subject_key.spki_der()), std::move(authority)));
    BUDKAVLE_CHECK(add_names(made.get(), what));
    BUDKAVLE_CHECK(add_locations(made.get(), what));
    if (X509_sign(made.get(), signer, fetched_digest(DigestAlgorithm::sha256)) <= 0) return failed();
    unsigned char* raw = nullptr;
    const int size = i2d_X509(made.get(), &raw);
    if (size <= 0) return failed();
    const Bytes der(raw, raw + size);
    OPENSSL_free(raw);
    return Certificate::from_der(der);
}

const std::array<std::pair<std::string_view, int>, 7> kReasons{
    {{"keyCompromise", CRL_REASON_KEY_COMPROMISE},
     {"cACompromise", CRL_REASON_CA_COMPROMISE},
     {"affiliationChanged", CRL_REASON_AFFILIATION_CHANGED},
     {"superseded", CRL_REASON_SUPERSEDED},
     {"cessationOfOperation", CRL_REASON_CESSATION_OF_OPERATION},
     {"certificateHold", CRL_REASON_CERTIFICATE_HOLD},
     {"privilegeWithdrawn", CRL_REASON_PRIVILEGE_WITHDRAWN}}};

Result<> add_entry(X509_CRL* crl, const RevokedEntry& entry) {
    BIGNUM* number = nullptr;
    const int digits = BN_dec2bn(&number, entry.serial_decimal.c_str());
    const Owned<BIGNUM, BN_free> serial_number(number);
    const Owned<ASN1_INTEGER, ASN1_INTEGER_free> serial(number == nullptr ? nullptr
                                                                          : BN_to_ASN1_INTEGER(number, nullptr));
    const Owned<ASN1_TIME, ASN1_TIME_free> at(ASN1_TIME_new());
    Owned<X509_REVOKED, X509_REVOKED_free> revoked(X509_REVOKED_new());
    if (!serial || digits <= 0 || static_cast<std::size_t>(digits) != entry.serial_decimal.size()) {
        return fail("issue.template", {}, "serial", "A serial number is not decimal.");
    }
    if (!at || !revoked || !set_time(at.get(), entry.at) ||
        X509_REVOKED_set_serialNumber(revoked.get(), serial.get()) != 1 ||
        X509_REVOKED_set_revocationDate(revoked.get(), at.get()) != 1) {
        return failed();
    }
    if (entry.reason != "unspecified") {  // RFC 5280 5.3.1: said by leaving it out
        const auto known =
            std::ranges::find(kReasons, std::string_view(entry.reason), &std::pair<std::string_view, int>::first);
        if (known == kReasons.end())
            return fail("issue.template", {}, "reason", "The reason of a revocation is not known.");
        const Owned<ASN1_ENUMERATED, ASN1_ENUMERATED_free> reason(ASN1_ENUMERATED_new());
        if (!reason || ASN1_ENUMERATED_set(reason.get(), known->second) != 1 ||
            X509_REVOKED_add1_ext_i2d(revoked.get(), NID_crl_reason, reason.get(), 0, X509V3_ADD_DEFAULT) != 1) {
            return failed();
        }
    }
    if (X509_CRL_add0_revoked(crl, revoked.get()) != 1) return failed();
    (void)revoked.release();
    return {};
}

bool add_crl_extensions(X509_CRL* crl, const Certificate& issuer, std::uint64_t number) {
    const Owned<ASN1_INTEGER, ASN1_INTEGER_free> crl_number(ASN1_INTEGER_new());
    const Owned<AUTHORITY_KEYID, AUTHORITY_KEYID_free> authority(AUTHORITY_KEYID_new());
    const auto* ski = X509_get0_subject_key_id(issuer.raw());
    if (!crl_number || !authority || ski == nullptr) return false;
    authority->keyid = ASN1_OCTET_STRING_dup(ski);
    return ASN1_INTEGER_set_uint64(crl_number.get(), number) == 1 &&
           X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, authority.get(), 0, X509V3_ADD_DEFAULT) == 1 &&
           X509_CRL_add1_ext_i2d(crl, NID_crl_number, crl_number.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

}  // namespace

bool is_revocation_reason(std::string_view reason) {
    return reason == "unspecified" ||
           std::ranges::find(kReasons, reason, &std::pair<std::string_view, int>::first) != kReasons.end();
}

std::string revocation_reason(long code) {
    const auto known = std::ranges::find(kReasons, code, &std::pair<std::string_view, int>::second);
    return known == kReasons.end() ? "unspecified" : std::string(known->first);
}

Result<Certificate> issue(const CertificateTemplate& what, const PublicKey& subject_key, const Identity& issuer) {
    return build(what, subject_key, &issuer.certificate(), issuer.key);
}

Result<Certificate> issue_self_signed(const CertificateTemplate& what, const KeyHandle& key) {
    if (!key) return failed();
    return build(what, key->public_key(), nullptr, key);
}

Result<Bytes> issue_crl(const Identity& issuer, const std::vector<RevokedEntry>& entries, std::uint64_t number,
                        Time this_update, Time next_update) {
    const ErrorQueueGuard guard;
    const Owned<X509_CRL, X509_CRL_free> crl(X509_CRL_new());
    const Owned<ASN1_TIME, ASN1_TIME_free> from(ASN1_TIME_new());
    const Owned<ASN1_TIME, ASN1_TIME_free> until(ASN1_TIME_new());
    auto* signer = signing_key(issuer.key);
    if (!crl || !from || !until || signer == nullptr || next_update <= this_update ||
        !set_time(from.get(), this_update) || !set_time(until.get(), next_update) ||
        X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.certificate().raw())) != 1 ||
        X509_CRL_set1_lastUpdate(crl.get(), from.get()) != 1 || X509_CRL_set1_nextUpdate(crl.get(), until.get()) != 1) {
        return failed();
    }
    for (const auto& entry : entries) BUDKAVLE_CHECK(add_entry(crl.get(), entry));
    if (!add_crl_extensions(crl.get(), issuer.certificate(), number) || X509_CRL_sort(crl.get()) != 1 ||
        X509_CRL_sign(crl.get(), signer, fetched_digest(DigestAlgorithm::sha256)) <= 0) {
        return failed();
    }
    unsigned char* raw = nullptr;
    const int size = i2d_X509_CRL(crl.get(), &raw);
    if (size <= 0) return failed();
    Bytes der(raw, raw + size);
    OPENSSL_free(raw);
    return der;
}

}  // namespace budkavle::crypto
