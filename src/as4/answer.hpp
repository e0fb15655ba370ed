#pragma once
/// What a sender makes of the answer to its message (`as4-wire.md` 1.7, `access-point.md` 3 step 8, 6; AP-17).

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "as4/seal.hpp"
#include "as4/verify.hpp"
#include "base/bytes.hpp"

namespace budkavle::as4 {

enum class Verdict : std::uint8_t {
    accepted,  ///< a receipt that is evidence for what was sent
    refused,   ///< the peer says by an ebMS error that it does not take the message
    error,     ///< no receipt, an invalid one, or something that is no answer of AS4
};

struct Judgement {
    Verdict verdict = Verdict::error;
    std::string code;            ///< "EBMS:…"; 0301 and 0302 are our own findings; empty when accepted
    std::string detail;          ///< ErrorDetail of the peer (at most 1000 octets, printable) or our own text
    Retry retry = Retry::never;  ///< may the same octets be sent again?
    bool authentic = false;      ///< the answer carried a good signature of the expected peer
    bool duplicate =
        false;  ///< the peer says it has the message already: on a retry, probably delivered but without evidence
    std::string signal_id;  ///< MessageId of the signal
    std::string signed_at;  ///< its eb:Timestamp
    std::optional<crypto::Certificate> signer{};
};

/// Who must have answered.
struct ExpectedPeer {
    SignerTrust trust;
    /// Certificate from the peer's SMP metadata: the receipt's must be equal (AP-17). Without it the common name must
    /// be the To PartyId and the chain be trusted.
    std::optional<crypto::Certificate> certificate{};
    seconds skew{300};
};

/// Understands receipts (plain or wrapped in multipart), signed and unsigned errors, SOAP fault with and without error,
/// plain text, and nothing at all; whatever the status.
[[nodiscard]] Judgement judge_answer(const Evidence& evidence, int http_status, std::string_view content_type,
                                     ByteView octets, const ExpectedPeer& peer,
                                     const std::filesystem::path& spool_folder);

/// The evidence in a request body: its MessageId, To PartyId and references, nothing verified. For answers judged
/// offline.
[[nodiscard]] Outcome<Evidence> evidence_of_request(Source& body, std::string_view content_type,
                                                    const std::filesystem::path& spool_folder);

}  // namespace budkavle::as4
