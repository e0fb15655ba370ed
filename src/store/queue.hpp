#pragma once
/// Durable jobs: rows with a due time and a lease. A job is written in the same transaction as the state change that
/// wants it; a worker claims it by lease and deletes or reschedules it in the transaction of its result. Any step may
/// run twice.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/database.hpp"

namespace budkavle::store {

struct Job {
    std::string id;
    std::string kind;          ///< "as4.send", "mt.process", …
    std::string subject;       ///< the aggregate it is about
    std::int64_t attempt = 0;  ///< how often it was claimed, this time included
    Time created;
    Time due;
};

/// SQL of the table; every service lists it first in its migrations.
[[nodiscard]] std::string_view queue_schema();
/// Adds a job; a second one with the same kind and subject replaces its due time. During a claim the job then runs once
/// more.
Result<> enqueue(Transaction& tx, std::string_view kind, std::string_view subject, Time created, Time due);
/// Adds a job that the caller holds already, as if it had been claimed the moment it was written: `job` names an id and attempt 1, its
/// kind and subject are new. Void, like every claim, when the process ends.
Result<> enqueue_claimed(Transaction& tx, const Job& job, Time lease_until);
/// Claims up to `limit` due jobs of `kind` until `lease_until`. Expired leases are claimed again.
Result<std::vector<Job>> claim(Transaction& tx, std::string_view kind, Time now, Time lease_until, unsigned limit);
/// Prolongs the claim; nothing happens when it is another's by now, or over.
Result<> renew(Transaction& tx, const Job& job, Time lease_until);
/// Both end the claim. Error "queue.lease_lost" (later) when another worker has claimed the job since: return it, so
/// that the transaction of the late worker is undone.
Result<> complete(Transaction& tx, const Job& job);
Result<> reschedule(Transaction& tx, const Job& job, Time due);
/// Start-up of the only process that works on this database: claims of the process before are void.
Result<> release_leases(Transaction& tx);
/// When the next job of `kind` is due (leased ones count by their lease end).
Result<std::optional<Time>> next_due(Transaction& tx, std::string_view kind);

}  // namespace budkavle::store
