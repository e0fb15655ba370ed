#pragma once
/// OCSP as a responder (RFC 6960, RFC 9654): reading a question, making an answer. Pure mechanics: who may be told what is
/// decided in `ca`.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crypto/key.hpp"
#include "crypto/ocsp.hpp"

namespace budkavle::crypto {

enum class OcspHash : std::uint8_t { sha1, sha256 };

/// About which certificate is asked.
struct OcspId {
    OcspHash hash = OcspHash::sha1;
    std::string issuer;  ///< hash of the issuer's name, then hash of its key: octets
    std::string serial;  ///< magnitude, most significant octet first; empty for zero and for negative numbers
};

struct OcspQuestion {
    std::vector<OcspId> ids;        ///< those with another hash algorithm or hashes of a wrong length are left out
    std::size_t certificates = 0;   ///< how many are asked about
    std::size_t nonces = 0;         ///< how many nonce extensions there are
    std::optional<Bytes> nonce;     ///< the first one's octets; absent when it is no OCTET STRING
    bool unknown_critical = false;  ///< an extension that must be understood, and is not
};
/// DER, nothing behind it. Error "ocsp.malformed".
[[nodiscard]] Result<OcspQuestion> read_ocsp_question(ByteView der);

/// As in `OcspId::issuer`.
[[nodiscard]] std::string ocsp_issuer(const Certificate& issuer, OcspHash hash);
/// As in `OcspId::serial`. Error "ocsp.request" for what is not decimal.
[[nodiscard]] Result<std::string> ocsp_serial(const std::string& decimal);

struct OcspSingle {
    OcspHash hash = OcspHash::sha1;
    std::string serial;  ///< as in `OcspId`
    OcspStatus status = OcspStatus::unknown;
    std::optional<Time> revoked_since{};
    std::string reason{};  ///< as in `RevokedEntry`
    Time this_update{};
    std::optional<Time> next_update{};
};
/// An OCSPResponse "successful" about certificates of one issuer, with the responder's certificate in it. Errors
/// "ocsp.failed" (the key did not sign), "ocsp.request".
[[nodiscard]] Result<Bytes> sign_ocsp_answer(const Identity& responder, const Certificate& issuer,
                                             const std::vector<OcspSingle>& singles, ByteView nonce = {});

/// Unsigned answers (RFC 6960 4.2.1).
enum class OcspFailure : std::uint8_t { malformed_request = 1, internal_error = 2, try_later = 3, unauthorized = 6 };
[[nodiscard]] Bytes ocsp_failure(OcspFailure failure);

}  // namespace budkavle::crypto
