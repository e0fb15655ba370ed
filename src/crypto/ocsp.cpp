#include "crypto/ocsp.hpp"

#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "crypto/asn1.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

constexpr std::chrono::minutes kClockTolerance{5};
constexpr std::chrono::minutes kWithoutNextUpdate{10};
constexpr std::chrono::minutes kUnknown{2};
constexpr std::size_t kMaxUrls = 4;
constexpr int kMaxSingles = 16;
constexpr int kMaxEmbedded = 8;
constexpr std::size_t kMaxGetUrl = 255;
constexpr int kMinSecurityBits = 112;

using Response = Owned<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using Basic = Owned<OCSP_BASICRESP, OCSP_BASICRESP_free>;
using CertId = Owned<OCSP_CERTID, OCSP_CERTID_free>;

void free_stack(STACK_OF(X509) * stack) {
    sk_X509_free(stack);
}

std::unexpected<Error> refused(std::string_view code, std::string_view text, Retry retry = Retry::never) {
    return fail(code, "AP-18", "OCSP", text, {}, retry);
}

bool is_sha2(const X509_ALGOR* algorithm) {
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    switch (OBJ_obj2nid(object)) {
        case NID_sha256WithRSAEncryption:
        case NID_sha384WithRSAEncryption:
        case NID_sha512WithRSAEncryption:
        case NID_ecdsa_with_SHA256:
        case NID_ecdsa_with_SHA384:
        case NID_ecdsa_with_SHA512:
            return true;
        default:
            return false;
    }
}

/// RFC 6960 4.2.2.2: the issuer itself, or a delegate that the issuer itself has certified for this.
Result<> check_signer(X509* signer, const Certificate& issuer, Time at) {
    if (EVP_PKEY_get_security_bits(X509_get0_pubkey(signer)) < kMinSecurityBits)
        return refused("ocsp.weak", "The responder's key is too short.");
    if (X509_cmp(signer, issuer.raw()) == 0) return {};
    const X509_ALGOR* algorithm = nullptr;
    X509_get0_signature(nullptr, &algorithm, signer);
    if (!is_sha2(algorithm)) return refused("ocsp.weak", "The responder's certificate is signed with a weak digest.");
    if (X509_check_issued(issuer.raw(), signer) != X509_V_OK ||
        X509_verify(signer, X509_get0_pubkey(issuer.raw())) != 1)
        return refused("ocsp.signer", "The responder was not certified by the issuer of the certificate.");
    // An absent extended key usage reads as all bits: it must be there (RFC 6960 4.2.2.2).
    if (X509_get_ext_by_NID(signer, NID_ext_key_usage, -1) < 0 ||
        (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) == 0)
        return refused("ocsp.signer", "The responder's certificate is not meant for OCSP answers.");
    if (X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) < 0)
        return refused("ocsp.signer",
                       "The responder's certificate lacks id-pkix-ocsp-nocheck: whether it is revoked is not known.");
    const auto from = time_of(X509_get0_notBefore(signer));
    const auto to = time_of(X509_get0_notAfter(signer));
    if (!from || !to || at + kClockTolerance < *from || at > *to)
        return refused("ocsp.signer", "The responder's certificate is not valid now.");
    return {};
}

Result<> check_signature(OCSP_BASICRESP* basic, const Certificate& issuer, Time at) {
    if (!is_sha2(OCSP_resp_get0_tbs_sigalg(basic)))
        return refused("ocsp.weak", "The answer is signed with an algorithm that is not accepted.");
    const auto* embedded = OCSP_resp_get0_certs(basic);
    if (sk_X509_num(embedded) > kMaxEmbedded) return refused("ocsp.malformed", "The answer brings too many certificates.");
    const Owned<STACK_OF(X509), free_stack> known(sk_X509_new_null());
    if (!known || sk_X509_push(known.get(), issuer.raw()) <= 0) return refused("ocsp.malformed", "No memory.");
    X509* signer = nullptr;
    if (OCSP_resp_get0_signer(basic, &signer, known.get()) != 1 || signer == nullptr)
        return refused("ocsp.signer", "The certificate of the responder is not known.");
    BUDKAVLE_CHECK(check_signer(signer, issuer, at));
    const Owned<STACK_OF(X509), free_stack> only(sk_X509_new_null());
    if (!only || sk_X509_push(only.get(), signer) <= 0) return refused("ocsp.malformed", "No memory.");
    // Who may sign was decided above; here only whether this key has signed.
    if (OCSP_basic_verify(basic, only.get(), nullptr, OCSP_NOVERIFY | OCSP_NOINTERN) != 1)
        return refused("ocsp.signature", "The signature of the answer is not right.");
    return {};
}

bool has_unknown_critical(const OCSP_SINGLERESP* single) {
    return OCSP_SINGLERESP_get_ext_by_critical(const_cast<OCSP_SINGLERESP*>(single), 1, -1) >= 0;
}

bool is_about(const OCSP_SINGLERESP* single, const Certificate& certificate, const Certificate& issuer) {
    const auto* id = OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT* algorithm = nullptr;
    if (OCSP_id_get0_info(nullptr, &algorithm, nullptr, nullptr, const_cast<OCSP_CERTID*>(id)) != 1) return false;
    const int nid = OBJ_obj2nid(algorithm);
    if (nid != NID_sha1 && nid != NID_sha256) return false;
    const CertId wanted(OCSP_cert_to_id(nid == NID_sha1 ? EVP_sha1() : EVP_sha256(), certificate.raw(), issuer.raw()));
    return wanted && OCSP_id_cmp(wanted.get(), id) == 0;
}

/// The one single response about the certificate.
OCSP_SINGLERESP* find_single(OCSP_BASICRESP* basic, const Certificate& certificate, const Certificate& issuer) {
    for (int i = 0; i < std::min(OCSP_resp_count(basic), kMaxSingles); ++i) {
        auto* single = OCSP_resp_get0(basic, i);
        if (is_about(single, certificate, issuer)) return single;
    }
    return nullptr;
}

Result<OcspAnswer> read_single(OCSP_SINGLERESP* single, Time at) {
    if (has_unknown_critical(single)) return refused("ocsp.malformed", "The answer has a critical extension.");
    ASN1_GENERALIZEDTIME* revoked = nullptr;
    ASN1_GENERALIZEDTIME* this_update = nullptr;
    ASN1_GENERALIZEDTIME* next_update = nullptr;
    int reason = 0;
    bool short_lived = false;
    OcspAnswer out;
    switch (OCSP_single_get0_status(single, &reason, &revoked, &this_update, &next_update)) {
        case V_OCSP_CERTSTATUS_GOOD:
            out.status = OcspStatus::good;
            break;
        case V_OCSP_CERTSTATUS_REVOKED:
            out.status = OcspStatus::revoked;
            out.revoked_since = time_of(revoked);
            break;
        case V_OCSP_CERTSTATUS_UNKNOWN:
            short_lived = true;
            break;
        default:
            return refused("ocsp.malformed", "The status of the answer is not known.");
    }
    const auto from = time_of(this_update);
    if (!from || (next_update != nullptr && !time_of(next_update)))
        return refused("ocsp.malformed", "A time of the answer cannot be read.");
    out.this_update = *from;
    out.next_update = next_update != nullptr ? *time_of(next_update) : *from + kWithoutNextUpdate;
    if (out.this_update > at + kClockTolerance)
        return refused("ocsp.not_yet_valid", "The answer is of the future; check the clocks.", Retry::later);
    // "unknown" is no fact to keep (`pki.md` 5.4): it holds until it is asked for again.
    if (short_lived) out.next_update = std::min<Time>(out.next_update, at + kUnknown);
    if (out.next_update <= at) return refused("ocsp.expired", "The answer has ended.", Retry::later);
    return out;
}

/// RFC 9654: one that comes back must be ours.
bool nonce_fits(OCSP_BASICRESP* basic, ByteView nonce) {
    const int at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
    if (at < 0) return true;
    const auto* value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, at));
    const ByteView octets(ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
    // The extension's value is an OCTET STRING in the OCTET STRING.
    return nonce.empty() || (octets.size() == nonce.size() + 2 && octets[0] == V_ASN1_OCTET_STRING &&
                             octets[1] == nonce.size() && std::ranges::equal(octets.subspan(2), nonce));
}

}  // namespace

std::vector<std::string> ocsp_urls(const Certificate& certificate) {
    const ErrorQueueGuard guard;
    std::vector<std::string> out;
    auto* urls = X509_get1_ocsp(certificate.raw());
    for (int i = 0; i < sk_OPENSSL_STRING_num(urls) && out.size() < kMaxUrls; ++i) {
        std::string url = sk_OPENSSL_STRING_value(urls, i);
        const auto lower = to_lower_ascii(url.substr(0, 8));
        if (lower.starts_with("http://") || lower.starts_with("https://")) out.push_back(std::move(url));
    }
    X509_email_free(urls);
    return out;
}

Result<Bytes> make_ocsp_request(const Certificate& certificate, const Certificate& issuer, ByteView nonce) {
    const ErrorQueueGuard guard;
    const auto failed = [] { return refused("ocsp.request", "The question could not be made."); };
    const Owned<OCSP_REQUEST, OCSP_REQUEST_free> request(OCSP_REQUEST_new());
    CertId id(OCSP_cert_to_id(EVP_sha1(), certificate.raw(), issuer.raw()));
    if (!request || !id || OCSP_request_add0_id(request.get(), id.get()) == nullptr) return failed();
    (void)id.release();
    if (!nonce.empty()) {
        Bytes value(nonce.begin(), nonce.end());
        if (nonce.size() < 16 || nonce.size() > 32 ||
            OCSP_request_add1_nonce(request.get(), value.data(), static_cast<int>(value.size())) != 1)
            return failed();
    }
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_REQUEST(request.get(), &der);
    if (size <= 0) return failed();
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

std::string ocsp_get_url(std::string_view responder, ByteView request) {
    std::string url(responder);
    if (!url.ends_with('/')) url += '/';
    url += percent_encode(base64_encode(request));
    return url.size() <= kMaxGetUrl ? url : std::string();
}

Result<OcspAnswer> read_ocsp_answer(ByteView der, const Certificate& certificate, const Certificate& issuer, Time at,
                                    ByteView nonce) {
    const ErrorQueueGuard guard;
    if (der.size() > kMaxOcspAnswer) return refused("ocsp.too_long", "The answer is longer than allowed.");
    const auto* next = der.data();
    const Response response(d2i_OCSP_RESPONSE(nullptr, &next, static_cast<long>(der.size())));
    if (!response || next != der.data() + der.size()) return refused("ocsp.malformed", "This is no OCSP answer.");
    if (const int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        return refused("ocsp.unsuccessful",
                       std::string("The responder answered ") + OCSP_response_status_str(status) + ".", Retry::later);
    }
    const Basic basic(OCSP_response_get1_basic(response.get()));
    if (!basic) return refused("ocsp.malformed", "The answer is not a basic one.");
    BUDKAVLE_CHECK(check_signature(basic.get(), issuer, at));
    auto* single = find_single(basic.get(), certificate, issuer);
    if (single == nullptr) return refused("ocsp.other_certificate", "The answer is about another certificate.");
    if (!nonce_fits(basic.get(), nonce)) return refused("ocsp.nonce", "The answer belongs to another question.");
    BUDKAVLE_TRY(auto out, read_single(single, at));
    out.certificate_sha256 = certificate.sha256_hex();
    out.issuer_sha256 = issuer.sha256_hex();
    out.octets.assign(der.begin(), der.end());
    return out;
}

}  // namespace budkavle::crypto
