#include "ca/ocsp_form.hpp"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <boost/json.hpp>
#include <memory>
#include <optional>

namespace budkavle::ca {
namespace {

struct FreeRequest {
    void operator()(OCSP_REQUEST* request) const { OCSP_REQUEST_free(request); }
};

/// The octets inside the extension's OCTET STRING (RFC 9654 2.1); nullopt when it is no OCTET STRING.
std::optional<std::size_t> nonce_size(X509_EXTENSION* extension) {
    const auto* value = X509_EXTENSION_get_data(extension);
    const unsigned char* at = ASN1_STRING_get0_data(value);
    const auto* end = at + ASN1_STRING_length(value);
    ASN1_OCTET_STRING* nonce = d2i_ASN1_OCTET_STRING(nullptr, &at, ASN1_STRING_length(value));
    if (nonce == nullptr) return std::nullopt;
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(nonce));
    ASN1_OCTET_STRING_free(nonce);
    if (at != end) return std::nullopt;
    return size;
}

/// Fills `out`; returns what is wrong, or nothing.
std::string_view inspect(OCSP_REQUEST* request, OcspFormVerdict& out) {
    out.certificates = static_cast<std::size_t>(OCSP_request_onereq_count(request));
    int nonces = 0;
    std::string_view wrong;
    for (int i = 0; i < OCSP_REQUEST_get_ext_count(request); ++i) {
        auto* extension = OCSP_REQUEST_get_ext(request, i);
        if (OBJ_obj2nid(X509_EXTENSION_get_object(extension)) == NID_id_pkix_OCSP_Nonce) {
            const auto size = nonce_size(extension);
            out.nonce = size.value_or(0);
            if (++nonces > 1) wrong = "There is more than one nonce.";
            if (out.nonce < 1 || out.nonce > kMaxOcspNonce) wrong = "The nonce has not 1 to 128 octets.";
        } else if (X509_EXTENSION_get_critical(extension) != 0) {
            wrong = "A critical extension is not known.";
        }
    }
    if (out.certificates < 1 || out.certificates > kMaxOcspCertificates)
        return "The request asks about none or more than 10 certificates.";
    return wrong;
}

}  // namespace

OcspFormVerdict judge_ocsp_request(ByteView octets) {
    OcspFormVerdict out;
    if (octets.size() > kMaxOcspRequest) {
        out.reason = "The request is longer than 4096 octets.";
        return out;
    }
    const auto* at = octets.data();
    const std::unique_ptr<OCSP_REQUEST, FreeRequest> request(
        octets.empty() ? nullptr : d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(octets.size())));
    if (!request || at != octets.data() + octets.size()) {
        out.reason = "The octets are not one OCSP request.";
    } else {
        out.reason = inspect(request.get(), out);
        if (out.reason.empty()) out.status = OcspForm::successful;
    }
    ERR_clear_error();
    return out;
}

std::string_view name(OcspForm status) {
    return status == OcspForm::successful ? "successful" : "malformedRequest";
}

std::string to_json(const OcspFormVerdict& verdict) {
    return boost::json::serialize(boost::json::object{{"responseStatus", name(verdict.status)},
                                                      {"certIds", verdict.certificates},
                                                      {"nonce", verdict.nonce},
                                                      {"reason", verdict.reason}});
}

}  // namespace budkavle::ca
