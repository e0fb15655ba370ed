#pragma once
/// The aggregates of a message service and their repositories. Every function takes the participant and touches nothing
/// of any other one (SEC-31). All run inside the caller's transaction.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "messageservice/status.hpp"
#include "store/database.hpp"

namespace budkavle::messageservice {

/// A message that one of our participants sends.
struct Outgoing {
    std::string participant;
    std::string message_id;
    std::string conversation_id;
    std::string receiver;
    std::string function;  ///< of the receiver
    Bytes label;           ///< subject, encrypted
    Status status = Status::scheduled;
    Time created;
    std::string payload;  ///< blob: messagePayload
    std::string payload_sha256;
    std::int64_t octets = 0;
    std::optional<std::string> envelope;  ///< blob
    std::string trace;
    std::string result;  ///< "", "ACCEPTED", "REJECTED", "duplicate", "ACCEPTED late" (`message.md` 7.3)
    std::optional<std::string> receipt;  ///< blob: the receipt's envelope (RCP-10)
};

/// Something taken from the access point: a message or a receipt.
struct Incoming {
    std::string participant;
    std::string as4_message_id;
    std::string envelope_id;  ///< XHE Header/ID
    std::string envelope;     ///< blob
    std::int64_t octets = 0;
    Time received;  ///< stamped once (SEC-20)
    std::string from_party;
    std::string original_sender;
    std::string trace;
    std::optional<std::string> answer;  ///< "ACCEPTED", "REJECTED", "none"; absent: not processed yet
    std::optional<Status> status;       ///< of an accepted message, else absent
    std::string conversation_id;
    std::string sender;
    std::string function;
    Bytes label;
    std::optional<std::string> payload;     ///< blob: messagePayload in clear
    std::optional<std::string> receipt_id;  ///< XHE id of the receipt sent for it
};

/// A sealed envelope on its way through the access point; message or receipt.
struct Shipment {
    enum class Kind : std::uint8_t { message, receipt };
    enum class State : std::uint8_t { ready, handed, delivered, failed };
    std::string participant;
    std::string envelope_id;
    Kind kind = Kind::message;
    std::string about;  ///< message: its messageId; receipt: AS4 message id of the incoming message
    std::optional<std::string> conversation_id;
    std::string envelope;  ///< blob
    std::int64_t octets = 0;
    std::string trace;
    State state = State::ready;
    std::int64_t resubmission = 0;
    std::optional<std::string> as4_message_id;
    Time created;
};

/// What a message went through; shown to the client and in traces. No content.
struct Event {
    Time time;
    std::string event;             ///< "status", "remark", "cause", "sealed", "handed_over", "received", …
    std::optional<Status> status;  ///< for "status"
    std::string detail;            ///< code: "SV", "receipt.timeout", an Error's code; may be empty
    std::string place;             ///< XPath or empty
    std::string text;
    std::vector<std::pair<std::string, std::string>> ids;
    std::optional<std::string> certificate;  ///< SHA-256
};

/// Message that an accepted or refused envelope left behind (`message.md` 7.3, K27).
struct Remembered {
    std::string as4_message_id;
    std::string answer;
};

namespace outgoing {
Result<> insert(store::Transaction& tx, const Outgoing& message);  ///< error "db.constraint": the id is taken
Result<std::optional<Outgoing>> find(store::Transaction& tx, const std::string& participant,
                                     const std::string& message_id);
Result<std::vector<Outgoing>> list(store::Transaction& tx, const std::string& participant,
                                   const std::optional<std::string>& function);
Result<> set_envelope(store::Transaction& tx, const Outgoing& message, const std::string& blob);
Result<> set_receipt(store::Transaction& tx, const Outgoing& message, const std::string& blob,
                     const std::string& result);
/// Moves the status and writes the event. Error "mt.status" when the table forbids it.
Result<> move(store::Transaction& tx, Outgoing& message, Status to, Time at, const Event& why = {});
}  // namespace outgoing

namespace incoming {
Result<> insert(store::Transaction& tx, const Incoming& message);
Result<std::optional<Incoming>> find(store::Transaction& tx, const std::string& participant,
                                     const std::string& as4_message_id);
/// The accepted message of that id.
Result<std::optional<Incoming>> find_message(store::Transaction& tx, const std::string& participant,
                                             const std::string& message_id);
Result<std::vector<Incoming>> list_new(store::Transaction& tx, const std::string& participant,
                                       const std::optional<std::string>& function);
/// Ends processing: answer, and for accepted messages the facts and status RETRIEVED.
Result<> conclude(store::Transaction& tx, const Incoming& message);
Result<> move(store::Transaction& tx, Incoming& message, Status to, Time at, const Event& why = {});
}  // namespace incoming

namespace duplicates {
Result<std::optional<Remembered>> find(store::Transaction& tx, const std::string& participant,
                                       const std::string& envelope_id);
/// Error "db.constraint" when another copy was first.
Result<> insert(store::Transaction& tx, const Incoming& message, const std::string& sha256, Time at);
}  // namespace duplicates

namespace shipments {
Result<> insert(store::Transaction& tx, const Shipment& shipment);
Result<std::optional<Shipment>> find(store::Transaction& tx, const std::string& participant,
                                     const std::string& envelope_id);
Result<> update(store::Transaction& tx, const Shipment& shipment);  ///< state, resubmission, AS4 message id
}  // namespace shipments

namespace events {
Result<> add(store::Transaction& tx, const std::string& participant, Direction direction, const std::string& message_id,
             const Event& event);
/// Oldest first.
Result<std::vector<Event>> list(store::Transaction& tx, const std::string& participant, Direction direction,
                                const std::string& message_id);
}  // namespace events

/// Ids of all blobs that some row of the participant names (for the sweep at start-up).
Result<std::vector<std::string>> blobs_in_use(store::Transaction& tx, const std::string& participant);

}  // namespace budkavle::messageservice
