#include "crypto/ocsp_sign.hpp"

#include <openssl/bn.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "crypto/algorithms.hpp"
#include "crypto/asn1.hpp"
#include "crypto/ossl.hpp"

namespace budkavle::crypto {
namespace {

constexpr int kSha1Size = 20;
constexpr int kSha256Size = 32;

std::unexpected<Error> failed() {
    return fail("ocsp.failed", "AP-18", "OCSP", "The answer could not be made.", {}, Retry::later);
}

std::string_view octets_of(const ASN1_STRING* value) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
            static_cast<std::size_t>(ASN1_STRING_length(value))};
}

/// The octets inside the extension's OCTET STRING (RFC 9654 2.1).
std::optional<Bytes> nonce_of(X509_EXTENSION* extension) {
    const auto* value = X509_EXTENSION_get_data(extension);
    const unsigned char* at = ASN1_STRING_get0_data(value);
    const auto* end = at + ASN1_STRING_length(value);
    const Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> nonce(
        d2i_ASN1_OCTET_STRING(nullptr, &at, ASN1_STRING_length(value)));
    if (!nonce || at != end) return std::nullopt;
    return to_bytes(octets_of(nonce.get()));
}

void add_id(OcspQuestion& out, OCSP_CERTID* id) {
    ASN1_OCTET_STRING* name = nullptr;
    ASN1_OBJECT* algorithm = nullptr;
    ASN1_OCTET_STRING* key = nullptr;
    ASN1_INTEGER* serial = nullptr;
    if (OCSP_id_get0_info(&name, &algorithm, &key, &serial, id) != 1) return;
    const int nid = OBJ_obj2nid(algorithm);
    const int size = nid == NID_sha1 ? kSha1Size : nid == NID_sha256 ? kSha256Size : 0;
    if (size == 0 || ASN1_STRING_length(name) != size || ASN1_STRING_length(key) != size) return;
    OcspId one{.hash = nid == NID_sha1 ? OcspHash::sha1 : OcspHash::sha256,
               .issuer = std::string(octets_of(name)),
               .serial{}};
    one.issuer += octets_of(key);
    if (ASN1_STRING_type(serial) == V_ASN1_INTEGER) {
        one.serial = octets_of(serial);
        one.serial.erase(0, one.serial.find_first_not_of('\0'));
    }
    out.ids.push_back(std::move(one));
}

int status_of(const OcspSingle& single) {
    switch (single.status) {
        case OcspStatus::good:
            return V_OCSP_CERTSTATUS_GOOD;
        case OcspStatus::revoked:
            return V_OCSP_CERTSTATUS_REVOKED;
        case OcspStatus::unknown:
            break;
    }
    return V_OCSP_CERTSTATUS_UNKNOWN;
}

int reason_of(const std::string& reason) {
    static constexpr std::array kReasons{std::pair{"keyCompromise", OCSP_REVOKED_STATUS_KEYCOMPROMISE},
                                         std::pair{"cACompromise", OCSP_REVOKED_STATUS_CACOMPROMISE},
                                         std::pair{"affiliationChanged", OCSP_REVOKED_STATUS_AFFILIATIONCHANGED},
                                         std::pair{"superseded", OCSP_REVOKED_STATUS_SUPERSEDED},
                                         std::pair{"cessationOfOperation", OCSP_REVOKED_STATUS_CESSATIONOFOPERATION},
                                         std::pair{"certificateHold", OCSP_REVOKED_STATUS_CERTIFICATEHOLD},
                                         std::pair{"privilegeWithdrawn", 9}};
    for (const auto& [name, number] : kReasons) {
        if (name == reason) return number;
    }
    return OCSP_REVOKED_STATUS_NOSTATUS;
}

using Moment = Owned<ASN1_TIME, ASN1_TIME_free>;

/// GeneralizedTime, whatever the year.
Moment moment(std::optional<Time> at) {
    if (!at) return {};
    return Moment(ASN1_GENERALIZEDTIME_set(nullptr, std::chrono::floor<seconds>(*at).time_since_epoch().count()));
}

bool add_single(OCSP_BASICRESP* basic, const Certificate& issuer, const OcspSingle& single) {
    const Owned<BIGNUM, BN_free> number(BN_bin2bn(reinterpret_cast<const unsigned char*>(single.serial.data()),
                                                  static_cast<int>(single.serial.size()), nullptr));
    const Owned<ASN1_INTEGER, ASN1_INTEGER_free> serial(number ? BN_to_ASN1_INTEGER(number.get(), nullptr) : nullptr);
    if (!serial) return false;
    const auto* digest = single.hash == OcspHash::sha1 ? EVP_sha1() : EVP_sha256();
    const Owned<OCSP_CERTID, OCSP_CERTID_free> id(OCSP_cert_id_new(digest, X509_get_subject_name(issuer.raw()),
                                                                   X509_get0_pubkey_bitstr(issuer.raw()), serial.get()));
    const auto from = moment(single.this_update);
    const auto until = moment(single.next_update);
    const auto revoked = moment(single.revoked_since);
    return id && from &&
           OCSP_basic_add1_status(basic, id.get(), status_of(single), reason_of(single.reason), revoked.get(), from.get(),
                                  until.get()) != nullptr;
}

Bytes der_of(OCSP_RESPONSE* response) {
    unsigned char* raw = nullptr;
    const int size = i2d_OCSP_RESPONSE(response, &raw);
    if (size <= 0) return {};
    Bytes out(raw, raw + size);
    OPENSSL_free(raw);
    return out;
}

}  // namespace

Result<OcspQuestion> read_ocsp_question(ByteView der) {
    const ErrorQueueGuard guard;
    const auto* at = der.data();
    const Owned<OCSP_REQUEST, OCSP_REQUEST_free> request(
        der.empty() ? nullptr : d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(der.size())));
    if (!request || at != der.data() + der.size())
        return fail("ocsp.malformed", "pki.md 5.4", {}, "The octets are not one OCSP request.");
    OcspQuestion out;
    out.certificates = static_cast<std::size_t>(OCSP_request_onereq_count(request.get()));
    for (int i = 0; i < OCSP_request_onereq_count(request.get()); ++i)
        add_id(out, OCSP_onereq_get0_id(OCSP_request_onereq_get0(request.get(), i)));
    for (int i = 0; i < OCSP_REQUEST_get_ext_count(request.get()); ++i) {
        auto* extension = OCSP_REQUEST_get_ext(request.get(), i);
        if (OBJ_obj2nid(X509_EXTENSION_get_object(extension)) == NID_id_pkix_OCSP_Nonce) {
            if (++out.nonces == 1) out.nonce = nonce_of(extension);
        } else if (X509_EXTENSION_get_critical(extension) != 0) {
            out.unknown_critical = true;
        }
    }
    return out;
}

std::string ocsp_issuer(const Certificate& issuer, OcspHash hash) {
    const auto* digest = hash == OcspHash::sha1 ? EVP_sha1() : EVP_sha256();
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
    unsigned size = 0;
    std::string out;
    if (X509_NAME_digest(X509_get_subject_name(issuer.raw()), digest, raw.data(), &size) == 1)
        out.assign(raw.begin(), raw.begin() + size);
    // Over the content of the BIT STRING: not the subject key identifier of this profile (`pki.md` 5.4).
    const auto* key = X509_get0_pubkey_bitstr(issuer.raw());
    if (EVP_Digest(ASN1_STRING_get0_data(key), static_cast<std::size_t>(ASN1_STRING_length(key)), raw.data(), &size,
                   digest, nullptr) == 1)
        out.append(raw.begin(), raw.begin() + size);
    return out;
}

Result<std::string> ocsp_serial(const std::string& decimal) {
    BIGNUM* raw = nullptr;
    const int digits = BN_dec2bn(&raw, decimal.c_str());
    const Owned<BIGNUM, BN_free> number(raw);
    if (digits <= 0 || std::cmp_not_equal(digits, decimal.size()) || BN_is_negative(number.get()) != 0)
        return fail("ocsp.request", "A serial number is not decimal.");
    std::string out(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
    BN_bn2bin(number.get(), reinterpret_cast<unsigned char*>(out.data()));
    return out;
}

Result<Bytes> sign_ocsp_answer(const Identity& responder, const Certificate& issuer,
                               const std::vector<OcspSingle>& singles, ByteView nonce) {
    const ErrorQueueGuard guard;
    const Owned<OCSP_BASICRESP, OCSP_BASICRESP_free> basic(OCSP_BASICRESP_new());
    auto* key = responder.key->raw();
    if (!basic || key == nullptr) return failed();
    for (const auto& single : singles) {
        if (!add_single(basic.get(), issuer, single)) return failed();
    }
    if (!nonce.empty()) {
        Bytes value(nonce.begin(), nonce.end());
        if (OCSP_basic_add1_nonce(basic.get(), value.data(), static_cast<int>(value.size())) != 1) return failed();
    }
    if (OCSP_basic_sign(basic.get(), responder.certificate().raw(), key, fetched_digest(DigestAlgorithm::sha256),
                        nullptr, 0) != 1)
        return failed();
    const Owned<OCSP_RESPONSE, OCSP_RESPONSE_free> response(
        OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
    if (!response) return failed();
    auto out = der_of(response.get());
    if (out.empty()) return failed();
    return out;
}

Bytes ocsp_failure(OcspFailure failure) {
    const ErrorQueueGuard guard;
    const Owned<OCSP_RESPONSE, OCSP_RESPONSE_free> response(
        OCSP_response_create(static_cast<int>(failure), nullptr));
    return response ? der_of(response.get()) : Bytes();
}

}  // namespace budkavle::crypto
