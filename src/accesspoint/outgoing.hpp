#pragma once
/// Repository: messages on their way out. Every call names the participant (SEC-31).

#include <optional>
#include <set>
#include <string>

#include "accesspoint/journal.hpp"
#include "accesspoint/load.hpp"
#include "accesspoint/state.hpp"
#include "base/time.hpp"
#include "federation/identifiers.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint {

struct OutgoingMessage {
    federation::ParticipantId participant;  ///< the sending one, FromParty
    std::string as4_id{};                   ///< AS4 MessageId, the same on every attempt
    std::string idempotency_key{};
    Outgoing state = Outgoing::queued;
    std::string xhe_id{};
    std::string xhe_sha256{};
    std::string blob{};  ///< XHE octets; empty when delivered, and some time after a failure
    std::uint64_t bytes = 0;
    federation::ParticipantId recipient;  ///< ToParty
    std::string document_id{};
    std::string process_id{};
    std::string process_scheme{};
    std::string conversation_id{};
    std::string traceparent{};
    Time created{};
    unsigned attempts = 0;  ///< transmissions begun
    unsigned lookups = 0;   ///< failed look-ups since the last good one
    // The request as it is sent, the same octets on every attempt.
    std::string request_blob{};
    std::string request_type{};  ///< Content-Type
    std::string evidence{};      ///< what the receipt must vouch for
    std::string peer{};          ///< PartyId of the receiving access point
    std::string peer_sha256{};   ///< its certificate in the SMP
    std::string profile{};
    std::optional<Time> sealed{};  ///< when the request was made
    // How it ended.
    std::string cause_code{};
    std::string cause_text{};
    Bytes receipt{};
    std::string receipt_type{};  ///< its Content-Type
    std::optional<Time> receipt_time{};
    std::optional<Time> finished{};
};

/// What every event of an outgoing message tells.
[[nodiscard]] TransferEvent event_of(const OutgoingMessage& message, std::string name);

/// Error "db.constraint" when the idempotency key is known.
Result<> add_outgoing(store::Transaction& tx, const OutgoingMessage& message);
Result<std::optional<OutgoingMessage>> find_outgoing(store::Transaction& tx,
                                                     const federation::ParticipantId& participant,
                                                     const std::string& as4_id);
/// The latest message that carries this envelope.
Result<std::optional<OutgoingMessage>> find_outgoing_of_envelope(store::Transaction& tx,
                                                                 const federation::ParticipantId& participant,
                                                                 const std::string& xhe_id);
Result<std::optional<OutgoingMessage>> find_by_key(store::Transaction& tx, const federation::ParticipantId& participant,
                                                   const std::string& idempotency_key);
/// Writes everything that can change; `was` is the state before. Error "state.transition".
Result<> update_outgoing(store::Transaction& tx, const OutgoingMessage& message, Outgoing was);
Result<std::set<std::string>> outgoing_blobs(store::Transaction& tx);

}  // namespace budkavle::accesspoint
