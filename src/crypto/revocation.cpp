#include "crypto/revocation.hpp"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/asn1.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

constexpr std::chrono::minutes kClockTolerance{5};

void free_points(CRL_DIST_POINTS* points) {
    CRL_DIST_POINTS_free(points);
}

/// A list whose critical extensions are all understood and that is no delta.
bool is_readable(const X509_CRL* crl) {
    if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0) return false;
    for (int i = 0; i < X509_CRL_get_ext_count(crl); ++i) {
        auto* extension = X509_CRL_get_ext(crl, i);
        if (X509_EXTENSION_get_critical(extension) != 0 &&
            OBJ_obj2nid(X509_EXTENSION_get_object(extension)) != NID_issuing_distribution_point) {
            return false;
        }
    }
    return true;
}

bool share_a_name(const DIST_POINT_NAME* a, const DIST_POINT_NAME* b) {
    if (a == nullptr || b == nullptr || a->type != 0 || b->type != 0) return false;
    for (int i = 0; i < sk_GENERAL_NAME_num(a->name.fullname); ++i) {
        for (int k = 0; k < sk_GENERAL_NAME_num(b->name.fullname); ++k) {
            if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a->name.fullname, i),
                                 sk_GENERAL_NAME_value(b->name.fullname, k)) == 0)
                return true;
        }
    }
    return false;
}

/// RFC 5280 6.3.3 (b): does a list with this IssuingDistributionPoint speak about this certificate?
bool covers(const X509_CRL* crl, X509* certificate) {
    int critical = 0;
    const Owned<ISSUING_DIST_POINT, ISSUING_DIST_POINT_free> scope(static_cast<ISSUING_DIST_POINT*>(
        X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, nullptr)));
    if (!scope) return critical == -1;  // -1: absent; else unreadable or repeated
    const bool ca = X509_check_ca(certificate) == 1;
    if (scope->indirectCRL > 0 || scope->onlyattr > 0 || scope->onlysomereasons != nullptr ||
        (scope->onlyuser > 0 && ca) || (scope->onlyCA > 0 && !ca)) {
        return false;
    }
    if (scope->distpoint == nullptr) return true;
    const Owned<CRL_DIST_POINTS, free_points> points(
        static_cast<CRL_DIST_POINTS*>(X509_get_ext_d2i(certificate, NID_crl_distribution_points, nullptr, nullptr)));
    for (int i = 0; points && i < sk_DIST_POINT_num(points.get()); ++i) {
        if (share_a_name(scope->distpoint, sk_DIST_POINT_value(points.get(), i)->distpoint)) return true;
    }
    return false;
}

bool is_current(const Crl& list, Time at, seconds grace) {
    const auto next = list.next_update();
    return list.this_update() <= at + kClockTolerance && next && at < *next + grace;
}

}  // namespace

RevocationStatus revocation_of(X509* certificate, X509* issuer, const std::vector<Crl>& lists, Time at,
                               seconds grace) {
    auto status = RevocationStatus::unknown;
    for (const auto& list : lists) {
        auto* crl = list.raw();
        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(certificate)) != 0 || !is_readable(crl) ||
            !covers(crl, certificate) || !is_signed_by(crl, issuer)) {
            continue;
        }
        const bool current = is_current(list, at, grace);
        X509_REVOKED* entry = nullptr;
        if (X509_CRL_get0_by_serial(crl, &entry, X509_get0_serialNumber(certificate)) == 1) {
            const auto since = time_of(X509_REVOKED_get0_revocationDate(entry));
            if (current || !since || *since <= at) return RevocationStatus::revoked;
        }
        if (current) status = RevocationStatus::good;
    }
    return status;
}

RevocationStatus revocation_of(const Certificate& certificate, const Certificate& issuer, const CrlStore& data,
                               const std::vector<Crl>& lists, Time at) {
    const auto grace = data.grace();
    const auto by_lists = revocation_of(certificate.raw(), issuer.raw(), lists, at, grace);
    const auto answer = data.answer_for(certificate);
    if (!answer || answer->issuer_sha256 != issuer.sha256_hex() || by_lists == RevocationStatus::revoked)
        return by_lists;
    const bool current = answer->this_update <= at + kClockTolerance && at < answer->next_update + grace;
    switch (answer->status) {
        case OcspStatus::revoked:
            // A revocation is not taken back when the answer ends.
            if (current || answer->revoked_since.value_or(answer->this_update) <= at) return RevocationStatus::revoked;
            return by_lists;
        case OcspStatus::good:
            return current ? RevocationStatus::good : by_lists;
        case OcspStatus::unknown:
            return current ? RevocationStatus::unknown : by_lists;
    }
    return by_lists;
}

}  // namespace budkavle::crypto
