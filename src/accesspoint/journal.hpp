#pragma once
/// The transfer log of `access-point.md` 8: kept in the database beside the messages (readable by its participant over
/// interface C, for at least 12 months) and written as lines of the transfer stream.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "federation/identifiers.hpp"
#include "obs/log.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint {

/// One event of one transfer. Ids, codes, sizes; never content (SEC-03).
struct TransferEvent {
    std::string name{};         ///< "as4.received", "as4.delivered", "as4.attempt_failed", …
    std::string participant{};  ///< folded; whose log it is. Empty: only the operator's
    bool outgoing = false;
    std::string peer_ap{};             ///< outgoing: receiving AP; incoming: sending AP
    std::string certificate_sha256{};  ///< of the peer access point
    std::string signature{};           ///< SignatureValue; outgoing: of the receipt; incoming: of the message
    std::string sender{};              ///< participant
    std::string recipient{};           ///< participant
    std::string as4_id{};
    std::string conversation_id{};
    std::string xhe_id{};
    std::string document{};  ///< Action or document id
    std::uint64_t bytes = 0;
    unsigned attempt = 0;
    std::string ebms_code{};
    std::string error_code{};
    std::string error_text{};
    std::string rule{};
    std::string profile{};
    std::string endpoint{};
    std::string trace_id{};
    std::string related{};  ///< AS4 MessageId of the message that this one replaces, or that replaced it
};

/// Writes events. Holds what is the same in all of them.
class Journal {
public:
    Journal(std::string ap, std::string environment, std::string federation, obs::Log& log)
        : ap_(std::move(ap)), environment_(std::move(environment)), federation_(std::move(federation)), log_(log) {}
    /// In the transaction of the state change that it tells of.
    Result<> record(store::Transaction& tx, const TransferEvent& event, Time at) const;
    /// The line of the transfer stream, after the commit.
    void publish(const TransferEvent& event) const;
    [[nodiscard]] obs::Log& log() const { return log_; }
    /// From now on published events are counted there too. Before anything is published.
    void count_with(std::function<void(const TransferEvent&)> count) { count_ = std::move(count); }

private:
    std::string ap_{};
    std::string environment_{};
    std::string federation_{};
    obs::Log& log_;
    std::function<void(const TransferEvent&)> count_;
};

/// Which events to show; exactly one id is set.
struct EventQuery {
    std::string as4_id{};
    std::string xhe_id{};
};
/// JSON objects {time, component, event, ids{…}, certificateSha256, error, …}, oldest first.
Result<std::vector<std::string>> find_events(store::Transaction& tx, const federation::ParticipantId& participant,
                                             const EventQuery& query);
Result<std::int64_t> drop_events_before(store::Transaction& tx, Time limit);

}  // namespace budkavle::accesspoint
