#pragma once
/// The report of one day (SEC-95, SEC-110, SEC-111): per participant and document type, counts, causes, volume,
/// latency. No ids of messages, no content (SEC-112).

#include <boost/json.hpp>

#include <optional>

#include "base/time.hpp"
#include "federation/identifiers.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint {

/// From `from` (included) to `to` (not included). `owner`: only that participant's (AP-30), without refused strangers.
/// {"rows": [{participant, document, sent, delivered, failed, unconfirmed, waiting, resent, octetsOut, latencyMs {p50,
/// p95, p99, max}, received, handedOver, octetsIn, causes {…}}], "refused": {cause: n}}. `latencyMs` goes from
/// submission to receipt.
[[nodiscard]] Result<boost::json::object> statistics(store::Transaction& tx, Time from, Time to,
                                                     const std::optional<federation::ParticipantId>& owner);

}  // namespace budkavle::accesspoint
