// A root that is offline: what it certifies comes to it as a request, and what it made is brought back as files.
#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "base/stream.hpp"
#include "ca/authority.hpp"
#include "ca/folder_lock.hpp"

namespace budkavle::ca {
namespace {

std::unexpected<Error> offline_error(std::string_view text, std::string_view remedy = {}) {
    return fail("ca.offline", "pki.md 5.3", {}, text, remedy);
}

std::optional<std::uint64_t> number_of(const crypto::Crl& list) {
    const std::unique_ptr<ASN1_INTEGER, decltype(&ASN1_INTEGER_free)> number(
        static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(list.raw(), NID_crl_number, nullptr, nullptr)),
        ASN1_INTEGER_free);
    std::uint64_t out = 0;
    if (!number || ASN1_INTEGER_get_uint64(&out, number.get()) != 1 || out > INT64_MAX) return std::nullopt;
    return out;
}

}  // namespace

std::vector<crypto::RevokedEntry> entries_of(const crypto::Crl& list) {
    std::vector<crypto::RevokedEntry> out;
    auto* all = X509_CRL_get_REVOKED(list.raw());
    for (int i = 0; i < sk_X509_REVOKED_num(all); ++i) {
        auto* one = sk_X509_REVOKED_value(all, i);
        const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
            ASN1_INTEGER_to_BN(X509_REVOKED_get0_serialNumber(one), nullptr), BN_free);
        const std::unique_ptr<char, void (*)(char*)> decimal(number ? BN_bn2dec(number.get()) : nullptr,
                                                             [](char* text) { OPENSSL_free(text); });
        std::tm moment{};
        if (!decimal || ASN1_TIME_to_tm(X509_REVOKED_get0_revocationDate(one), &moment) != 1) continue;
        const std::unique_ptr<ASN1_ENUMERATED, decltype(&ASN1_ENUMERATED_free)> reason(
            static_cast<ASN1_ENUMERATED*>(X509_REVOKED_get_ext_d2i(one, NID_crl_reason, nullptr, nullptr)),
            ASN1_ENUMERATED_free);
        out.push_back({decimal.get(), Time(seconds(::timegm(&moment))),
                       crypto::revocation_reason(reason ? ASN1_ENUMERATED_get(reason.get()) : 0)});
    }
    return out;
}

Result<std::string> Authority::request_ca(std::string_view who, const CaOrder& order) {
    BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
    BUDKAVLE_CHECK(check(order));
    BUDKAVLE_TRY(const auto key, config_.keys->make(order.id, order.rsa_bits != 0 ? order.rsa_bits : 3072));
    BUDKAVLE_TRY(auto request, crypto::make_request(key, ca_name(config_.owner, order.common_name)));
    log_.audit(who, "ca.requested", {{"ca", order.id}, {"purpose", std::string(name(order.purpose))}});
    return request;
}

Result<crypto::Certificate> Authority::certify_ca(std::string_view who, std::string_view parent, const CaOrder& order,
                                                  ByteView request) {
    const auto work = [&]() -> Result<crypto::Certificate> {
        BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
        BUDKAVLE_CHECK(check(order));
        BUDKAVLE_TRY(const auto above, register_->ca(parent));
        if (above.purpose != CaPurpose::issuing_cas)
            return fail("ca.purpose", "pki.md 5.1", {}, "The parent does not certify CAs.");
        const auto verdict = judge_request(request, config_.key_policy);
        if (!verdict.issuable())
            return fail("ca.request", verdict.reasons.front().rule, {}, verdict.reasons.front().text);
        const auto now = clock_.now();
        const auto what = below_root(order, above, now);
        BUDKAVLE_TRY(const auto signer, identity(above));
        BUDKAVLE_TRY(auto made, crypto::issue(what, *verdict.public_key, signer));
        BUDKAVLE_CHECK(register_->add({.ca = above.id,
                                       .profile = "ca",
                                       .certificate = made,
                                       .common_name = made.common_name(),
                                       .organisation = made.organisation(),
                                       .issued = now,
                                       .revocation{}}));
        log_.audit(who, "ca.created", {{"ca", order.id}, {"serial", made.serial_decimal()}, {"certificateSha256", made.sha256_hex()}});
        return made;
    };
    auto made = work();
    if (!made) refused(who, parent, made.error());
    return made;
}

Result<> Authority::install_ca(std::string_view who, const CaOrder& order, const crypto::Certificate& certificate,
                               const std::string& root_id, const crypto::Certificate& root) {
    BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
    BUDKAVLE_TRY(const auto key, config_.keys->get(order.id));
    if (key->public_key() != certificate.public_key())
        return offline_error("The certificate is for another key than the one that was made for this CA.");
    if (!certificate.is_ca() || !root.is_ca() || !root.is_self_issued() ||
        X509_verify(certificate.raw(), root.public_key().raw()) != 1 || certificate.issuer_der() != root.subject_der())
        return offline_error("The certificate is not one of a CA, signed by this root.");
    const auto now = clock_.now();
    if (const auto known = register_->ca(root_id); !known) {
        if (known.error().code != "ca.unknown") return std::unexpected(known.error());
        BUDKAVLE_CHECK(register_->add_ca({.id = root_id,
                                          .purpose = CaPurpose::issuing_cas,
                                          .parent{},
                                          .certificate = root,
                                          .crl_validity = config_.root_crl_validity,
                                          .crl_issued{},
                                          .offline = true},
                                         now));
    } else if (known->certificate != root) {
        return offline_error("Another root has this id.");
    }
    const CaRecord record{.id = order.id,
                          .purpose = order.purpose,
                          .parent = root_id,
                          .certificate = certificate,
                          .crl_validity = config_.crl_validity,
                          .crl_issued{}};
    BUDKAVLE_CHECK(register_->add_ca(record, now));
    log_.audit(who, "ca.installed", {{"ca", order.id}, {"certificateSha256", certificate.sha256_hex()}});
    return publish(who, record);
}

Result<> Authority::import_list(std::string_view who, const std::string& ca, ByteView octets) {
    BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
    BUDKAVLE_TRY(const auto record, register_->ca(ca));
    BUDKAVLE_TRY(const auto list, crypto::Crl::parse(octets));
    const auto number = number_of(list);
    if (!record.offline) return offline_error("The lists of this CA are made here.");
    if (!list.is_signed_by(record.certificate)) return offline_error("The list is not signed by this CA.");
    if (!number || !list.next_update() || *list.next_update() <= clock_.now())
        return offline_error("The list has no number, or has ended.", "Make a new one at the offline root.");
    BUDKAVLE_TRY(const auto newest, register_->crl_published(ca, *number, list.der(), list.this_update()));
    if (!newest) return offline_error("A list with this number or a higher one is published already.");
    BUDKAVLE_CHECK(place_list(ca));
    log_.audit(who, "ca.crl_imported", {{"ca", ca}, {"number", static_cast<std::int64_t>(*number)}});
    return {};
}

Result<std::size_t> Authority::recover(std::string_view who, const std::string& ca, ByteView octets) {
    std::size_t count = 0;
    {
        BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
        BUDKAVLE_TRY(const auto record, register_->ca(ca));
        BUDKAVLE_TRY(const auto list, crypto::Crl::parse(octets));
        const auto number = number_of(list);
        if (!number || !list.is_signed_by(record.certificate)) return offline_error("The list is not one of this CA.");
        BUDKAVLE_TRY(count, register_->recover(ca, std::string(who), *number, entries_of(list)));
        log_.audit(who, "ca.recovered",
                   {{"ca", ca}, {"number", static_cast<std::int64_t>(*number)}, {"revocations", static_cast<std::int64_t>(count)}});
        BUDKAVLE_TRY(const auto now, register_->ca(ca));
        BUDKAVLE_CHECK(publish(who, now));
    }
    changed();
    return count;
}

Result<> Authority::publish_now(std::string_view who, std::string_view ca) {
    BUDKAVLE_TRY(const auto lock, FolderLock::take(config_.folder));
    BUDKAVLE_TRY(const auto record, register_->ca(ca));
    if (record.offline) return offline_error("The lists of this CA are made at its own place.");
    return publish(who, record);
}

Result<Bytes> Authority::sign_protocol(std::string_view who, const std::string& ca, ByteView protocol) {
    BUDKAVLE_TRY(const auto record, register_->ca(ca));
    BUDKAVLE_TRY(const auto signer, identity(record));
    BUDKAVLE_TRY(auto signature, signer.key->sign(crypto::SignatureAlgorithm::rsa_sha256, protocol));
    log_.audit(who, "ca.protocol_signed", {{"ca", ca}});
    return signature;
}

}  // namespace budkavle::ca
