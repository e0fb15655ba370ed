#pragma once
/// Making an envelope: encrypt, build, sign (`xhe.md` 4, 5, 6), as a stream whose octets are final.

#include <optional>
#include <string>

#include "base/stream.hpp"
#include "crypto/key.hpp"
#include "xhe/envelope.hpp"

namespace budkavle::xhe {

/// What goes into an envelope. Version, customisation and identifier schemes are the profile's own.
struct SealInput {
    std::string id;  ///< UUID; for an SDK message its messageId (EQ-1)
    Time created;    ///< written in UTC with three fraction digits (K38)
    federation::ParticipantId from;
    federation::ParticipantId to;
    std::string document_id;         ///< federation::kMessageDocument, kReceiptDocument, …
    std::string document_type_code;  ///< Q{namespace}local
    std::string federation_id;
    std::string content_type = "application/xml";
    std::optional<std::string> handling_service_id;
    Source* payload = nullptr;                     ///< the XML payload in clear, validated by the caller; not null
    std::optional<crypto::Certificate> recipient;  ///< encryption certificate of the receiver; absent: payload in clear
    crypto::Identity signer;
};

/// Largest payload that is sealed in clear (receipts); an encrypted payload has no limit here.
inline constexpr std::size_t kMaxClearPayload = std::size_t{4} << 20;

/// Writes the sealed envelope into `into` (and finishes it). The octets are canonical by construction, so that the
/// digest is taken while they pass: one pass, memory independent of the payload's size. Errors: those of `payload` and
/// `into`, of the keys, "xhe.seal" when the input would not make a conformant envelope.
[[nodiscard]] Result<> seal(const SealInput& input, Sink& into);

/// Sender's last look (`message.md` 7.2): the octets that were written are conformant, their signature verifies, and
/// the certificate in it is `signer`. Returns the values read back.
[[nodiscard]] Result<Envelope> verify_sealed(Source& sealed, const crypto::Certificate& signer);

}  // namespace budkavle::xhe
