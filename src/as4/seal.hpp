#pragma once
/// Sealing an AS4 message: gzip, sign, encrypt, package (`as4-wire.md` 1.2–1.6, `access-point.md` 1, 3 steps 6–7).

#include <filesystem>
#include <string>
#include <vector>

#include "as4/user_message.hpp"
#include "as4/verify.hpp"
#include "base/stream.hpp"
#include "crypto/key.hpp"
#include "federation/identifiers.hpp"

namespace budkavle::as4 {

/// One payload, read once.
struct SendPart {
    std::string cid = "message";  ///< only `A-Za-z0-9.-_@`: peers decode everything else differently
    std::string mime_type = "text/xml";
    std::string character_set = "UTF-8";
    Source* payload = nullptr;
};

/// The facts that the sender decides; the rest of the header follows from profile and certificates.
struct SendFacts {
    std::string message_id;       ///< same for every retry (`access-point.md` 6)
    std::string conversation_id;  ///< K1
    Time timestamp;
    std::string service{federation::kProcess};
    std::string service_type{federation::kProcessScheme};
    std::string action;  ///< `action_of(document id)`
    std::string original_sender;
    std::string final_recipient;
    std::vector<Property> more_properties{};  ///< beyond those two: the reference configuration refuses any
};

/// Roles and property types of the profile (AP-01), From = CN of the sender's certificate, To = CN of the recipient's.
[[nodiscard]] UserMessage make_user_message(const SendFacts& facts, const federation::TransportProfile& profile,
                                            const crypto::Certificate& sender, const crypto::Certificate& recipient);
/// The ebMS test service to a partner, without payload.
[[nodiscard]] UserMessage make_ping(std::string message_id, Time timestamp, const federation::TransportProfile& profile,
                                    const crypto::Certificate& sender, const crypto::Certificate& recipient);

/// What was signed and sent, for judging the receipt. Plain values: can be stored.
struct Evidence {
    std::string message_id;
    std::string to_party;
    std::vector<ReferenceEvidence> references;
    bool operator==(const Evidence&) const = default;
};

struct Sealed {
    std::string content_type;  ///< value of the HTTP header
    std::uint64_t bytes = 0;   ///< length of the body
    Evidence evidence;
};

/// Writes the HTTP body for `message` with `parts` (its PartInfo is filled from them) into `body`; does not finish
/// `body`. Keep what was written: retries send the same octets. Compressed payloads wait in nameless files in
/// `spool_folder`; memory does not grow with their size. With `wss_timestamp` a signed wsu:Timestamp (K41) of that lifetime is added: retries send
/// it unchanged. Errors: those of sources and sinks, "as4.cid", "key.…",
/// "spool.io".
[[nodiscard]] Result<Sealed> seal(UserMessage message, const std::vector<SendPart>& parts,
                                  const crypto::Identity& sender, const crypto::Certificate& recipient,
                                  const std::filesystem::path& spool_folder, Sink& body, bool wss_timestamp = false,
                                  seconds timestamp_lifetime = std::chrono::minutes(5));

}  // namespace budkavle::as4
