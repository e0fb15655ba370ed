#pragma once
/// The form of an OCSP request, judged before anything is looked up (`pki.md` 5.4, RFC 6960, RFC 9654). Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/ocsp_sign.hpp"

namespace budkavle::ca {

inline constexpr std::size_t kMaxOcspRequest = 4096;
inline constexpr std::size_t kMaxOcspCertificates = 10;
inline constexpr std::size_t kMaxOcspNonce = 128;

enum class OcspForm : std::uint8_t { successful, malformed_request };

struct OcspFormVerdict {
    OcspForm status = OcspForm::malformed_request;
    std::size_t certificates = 0;  ///< how many are asked about
    std::size_t nonce = 0;         ///< its octets; 0 when there is none
    std::string reason;            ///< why malformed; else empty
    crypto::OcspQuestion question{};  ///< when successful
};
[[nodiscard]] OcspFormVerdict judge_ocsp_request(ByteView octets);
/// As in the answer: "successful", "malformedRequest".
[[nodiscard]] std::string_view name(OcspForm status);
/// One JSON object on one line: responseStatus, certIds, nonce, reason.
[[nodiscard]] std::string to_json(const OcspFormVerdict& verdict);

}  // namespace budkavle::ca
