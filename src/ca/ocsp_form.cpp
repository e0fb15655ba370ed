#include "ca/ocsp_form.hpp"

#include <boost/json.hpp>

namespace budkavle::ca {

OcspFormVerdict judge_ocsp_request(ByteView octets) {
    OcspFormVerdict out;
    if (octets.size() > kMaxOcspRequest) {
        out.reason = "The request is longer than 4096 octets.";
        return out;
    }
    auto question = crypto::read_ocsp_question(octets);
    if (!question) {
        out.reason = question.error().text;
        return out;
    }
    out.certificates = question->certificates;
    out.nonce = question->nonce ? question->nonce->size() : 0;
    if (out.certificates < 1 || out.certificates > kMaxOcspCertificates) {
        out.reason = "The request asks about none or more than 10 certificates.";
    } else if (question->nonces > 1) {
        out.reason = "There is more than one nonce.";
    } else if (question->nonces == 1 && (out.nonce < 1 || out.nonce > kMaxOcspNonce)) {
        out.reason = "The nonce has not 1 to 128 octets.";
    } else if (question->unknown_critical) {
        out.reason = "A critical extension is not known.";
    } else {
        out.status = OcspForm::successful;
    }
    out.question = std::move(*question);
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
