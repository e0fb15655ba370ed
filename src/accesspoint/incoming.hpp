#pragma once
/// Repository: messages that wait for their message services, and the memory of duplicates. Every call names the
/// participant (SEC-31).

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accesspoint/load.hpp"
#include "accesspoint/state.hpp"
#include "base/time.hpp"
#include "federation/identifiers.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint {

/// Facts of a received message; nothing of its content.
struct IncomingMessage {
    federation::ParticipantId participant;  ///< final recipient as served here
    std::string as4_id{};
    std::int64_t position = 0;  ///< order of arrival per participant, set by `add_incoming`
    Incoming state = Incoming::available;
    std::string xhe_id{};
    std::string blob{};  ///< XHE octets; empty after acknowledgement
    std::uint64_t bytes = 0;
    Time received{};
    std::string from_party{};
    std::string to_party{};
    std::string original_sender{};
    std::string final_recipient{};
    std::string service{};
    std::string action{};
    std::string conversation_id{};
    std::string signer_sha256{};
    std::string trace_id{};
    bool possible_duplicate = false;  ///< may have been handed over before, by a store that was lost (restoration.hpp)
};

Result<> add_incoming(store::Transaction& tx, const IncomingMessage& message);
/// Available ones after `position`, oldest first; without those that are held after a restore.
Result<std::vector<IncomingMessage>> waiting(store::Transaction& tx, const federation::ParticipantId& participant,
                                             std::int64_t position, unsigned limit);
Result<std::optional<IncomingMessage>> find_incoming(store::Transaction& tx,
                                                     const federation::ParticipantId& participant,
                                                     const std::string& as4_id);
/// The state changes, the name of the blob goes; its octets are the caller's to remove after the commit. Error
/// "state.transition".
Result<> acknowledge(store::Transaction& tx, const IncomingMessage& message, Time now);
/// Facts of messages acknowledged before `limit`.
Result<std::int64_t> drop_acknowledged_before(store::Transaction& tx, Time limit);
Result<std::set<std::string>> incoming_blobs(store::Transaction& tx);

/// What is known of a MessageId that was receipted (`access-point.md` 6).
struct Remembered {
    std::string message_id{};
    std::string from_party{};
    std::string content_sha256{};     ///< payloads after decompression
    std::string references_sha256{};  ///< digests that the receipt vouches for
    /// Signed octets, sent again unchanged. `remember` takes none when the evidence of the exchange holds them; `recall` finds them there.
    Bytes receipt{};
    Time received{};
    Time signed_at{};           ///< eb:Timestamp of the latest copy
    std::string participant{};  ///< folded; whose evidence it is
};
/// Error "db.constraint" when the MessageId is known: the key makes the check atomic.
Result<> remember(store::Transaction& tx, const Remembered& what);
Result<std::optional<Remembered>> recall(store::Transaction& tx, const std::string& message_id);
/// A copy that was made anew: it must be remembered as long as if it had come first.
Result<> remember_copy(store::Transaction& tx, const std::string& message_id, Time signed_at);
/// Drops what was signed more than `memory` before the newest message known, or before `now` if that is earlier: a
/// clock that jumps ahead forgets nothing.
Result<std::int64_t> forget_older(store::Transaction& tx, std::chrono::milliseconds memory, Time now);

}  // namespace budkavle::accesspoint
