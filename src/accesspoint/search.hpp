#pragma once
/// Finding messages by whatever is known of them (SEC-06, `access-point.md` 10 "log"): outgoing, incoming and refused
/// ones in one list, newest first. Metadata only (AP-35).

#include <boost/json.hpp>

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "federation/identifiers.hpp"
#include "net/http.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint {

struct SearchQuery {
    /// Whose messages; none: everybody's, for operators only (AP-30).
    std::optional<federation::ParticipantId> owner{};
    std::string id{};           ///< AS4 MessageId, XHE/ID, conversation id or trace id
    std::string participant{};  ///< sender or recipient, in any case
    std::string peer{};         ///< PartyId of the other access point
    std::string state{};        ///< queued, sending, delivered, failed, unconfirmed, available, acknowledged, refused
    std::optional<Time> from{};
    std::optional<Time> to{};  ///< not included
    std::string cursor{};      ///< `next` of the page before
    unsigned limit = 50;
};

struct SearchPage {
    boost::json::array messages;
    std::string next;  ///< empty on the last page
};

/// Parameters id, participant, peer, state, from, to, cursor, limit (1–500). Error "query.…".
[[nodiscard]] Result<SearchQuery> read_search(const net::Request& request);
[[nodiscard]] Result<SearchPage> search(store::Transaction& tx, const SearchQuery& query);
/// Every event of one message, oldest first, as `find_events` gives them.
[[nodiscard]] Result<boost::json::array> events_of(store::Transaction& tx, const std::string& participant,
                                                   const std::string& as4_id);

}  // namespace budkavle::accesspoint
