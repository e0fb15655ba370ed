#pragma once
/// OCSP as a client (RFC 6960, RFC 5019, RFC 9654): the question, and the judgement of an answer (AP-18, `pki.md` 5.4).
/// Pure: nothing is fetched here.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "crypto/certificate.hpp"

namespace budkavle::crypto {

inline constexpr std::size_t kMaxOcspAnswer = std::size_t{64} * 1024;

/// `unknown`: the responder does not know the certificate as one that was issued.
enum class OcspStatus : std::uint8_t { good, revoked, unknown };

/// What an authorised responder said about one certificate.
struct OcspAnswer {
    std::string certificate_sha256;
    std::string issuer_sha256;
    OcspStatus status = OcspStatus::unknown;
    std::optional<Time> revoked_since{};
    Time this_update{};
    Time next_update{};  ///< end of use; a short time after thisUpdate when the answer names none
    Bytes octets{};      ///< the OCSPResponse, as evidence
};

/// URLs of the responders that a certificate names (AIA id-ad-ocsp), http(s) only, at most 4.
[[nodiscard]] std::vector<std::string> ocsp_urls(const Certificate& certificate);

/// DER of a question about one certificate, CertID with SHA-1 as responders expect it (`pki.md` 5.4). `nonce` of 0 or
/// 16 to 32 octets. Error "ocsp.request".
[[nodiscard]] Result<Bytes> make_ocsp_request(const Certificate& certificate, const Certificate& issuer,
                                              ByteView nonce = {});
/// RFC 5019: GET with base64, percent-encoded, when the whole URL stays within 255 octets; otherwise empty: use POST.
[[nodiscard]] std::string ocsp_get_url(std::string_view responder, ByteView request);

/// Judges an OCSPResponse. The signer must be the issuer itself, or a certificate issued directly by it with
/// id-kp-OCSPSigning and id-pkix-ocsp-nocheck, valid at `at`; SHA-2 signatures only; the answer must be about exactly
/// this certificate and be current at `at`. A nonce that comes back must be ours; that none comes back is allowed
/// (`pki.md` 5.4).
/// Errors: "ocsp.malformed", "ocsp.too_long", "ocsp.unsuccessful" (tryLater, unauthorized …; later), "ocsp.signer",
/// "ocsp.signature", "ocsp.weak", "ocsp.other_certificate", "ocsp.nonce", "ocsp.not_yet_valid", "ocsp.expired" (later).
[[nodiscard]] Result<OcspAnswer> read_ocsp_answer(ByteView der, const Certificate& certificate,
                                                  const Certificate& issuer, Time at, ByteView nonce = {});

}  // namespace budkavle::crypto
