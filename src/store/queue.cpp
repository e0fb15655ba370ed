#include "store/queue.hpp"

#include "base/random.hpp"
#include "store/planted.hpp"

namespace budkavle::store {
namespace {

std::int64_t stored(Time at) {
    return at.time_since_epoch().count();
}
Time loaded(std::int64_t at) {
    return Time(milliseconds(at));
}

/// The claim of `job` is over. An `enqueue` during the claim gave the row a new id: then the row stays, free to be
/// claimed again. A claim that somebody else has taken over must not have effects, hence the error.
Result<> release_requeued(Transaction& tx, const Job& job) {
    BUDKAVLE_TRY(
        const auto freed,
        tx.execute("UPDATE job SET lease_until = 0 WHERE kind = ?1 AND subject = ?2 AND id <> ?3 AND attempt = ?4",
                   {job.kind, job.subject, job.id, job.attempt}));
    if (freed == 0)
        return fail("queue.lease_lost", "The lease of the job ended and another worker has it.", Retry::later);
    return {};
}

}  // namespace

std::string_view queue_schema() {
    return "CREATE TABLE job ("
           " id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, attempt INTEGER NOT NULL,"
           " created INTEGER NOT NULL, due INTEGER NOT NULL, lease_until INTEGER NOT NULL, UNIQUE (kind, subject));"
           "CREATE INDEX job_due ON job (kind, due);";
}

Result<> enqueue(Transaction& tx, std::string_view kind, std::string_view subject, Time created, Time due) {
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO job (id, kind, subject, attempt, created, due, lease_until) VALUES (?1, ?2, ?3, 0, ?4, ?5, 0)"
        " ON CONFLICT (kind, subject) DO UPDATE SET due = excluded.due, id = excluded.id",
        {new_uuid(), std::string(kind), std::string(subject), stored(created), stored(due)}));
    return {};
}

Result<> enqueue_claimed(Transaction& tx, const Job& job, Time lease_until) {
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO job (id, kind, subject, attempt, created, due, lease_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        {job.id, job.kind, job.subject, job.attempt, stored(job.created), stored(job.due), stored(lease_until)}));
    return {};
}

Result<std::vector<Job>> claim(Transaction& tx, std::string_view kind, Time now, Time lease_until, unsigned limit) {
    auto leases_ended = now;
#ifdef BUDKAVLE_PLANTED_BUGS
    if (planted("lease_ignored")) leases_ended += std::chrono::hours(24 * 365);
#endif
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT id, subject, attempt, created, due FROM job"
                          " WHERE kind = ?1 AND due <= ?2 AND lease_until <= ?4 ORDER BY due LIMIT ?3",
                          {std::string(kind), stored(now), std::int64_t{limit}, stored(leases_ended)}));
    std::vector<Job> jobs;
    for (const auto& row : rows) {
        Job job{row.text(0),        std::string(kind),      row.text(1),
                row.integer(2) + 1, loaded(row.integer(3)), loaded(row.integer(4))};
        BUDKAVLE_CHECK(tx.execute("UPDATE job SET attempt = ?2, lease_until = ?3 WHERE id = ?1",
                                  {job.id, job.attempt, stored(lease_until)}));
        jobs.push_back(std::move(job));
    }
    return jobs;
}

Result<> renew(Transaction& tx, const Job& job, Time lease_until) {
    BUDKAVLE_CHECK(tx.execute(
        "UPDATE job SET lease_until = ?4 WHERE kind = ?1 AND subject = ?2 AND attempt = ?3 AND lease_until > 0",
        {job.kind, job.subject, job.attempt, stored(lease_until)}));
    return {};
}

Result<> complete(Transaction& tx, const Job& job) {
    BUDKAVLE_TRY(const auto removed,
                 tx.execute("DELETE FROM job WHERE id = ?1 AND attempt = ?2", {job.id, job.attempt}));
    return removed == 1 ? Result<>{} : release_requeued(tx, job);
}

Result<> reschedule(Transaction& tx, const Job& job, Time due) {
    BUDKAVLE_TRY(const auto moved, tx.execute("UPDATE job SET due = ?3, lease_until = 0 WHERE id = ?1 AND attempt = ?2",
                                              {job.id, job.attempt, stored(due)}));
    return moved == 1 ? Result<>{} : release_requeued(tx, job);
}

Result<> release_leases(Transaction& tx) {
    BUDKAVLE_CHECK(tx.execute("UPDATE job SET lease_until = 0"));
    return {};
}

Result<std::optional<Time>> next_due(Transaction& tx, std::string_view kind) {
    BUDKAVLE_TRY(
        const auto rows,
        tx.query("SELECT MIN(CASE WHEN lease_until > due THEN lease_until ELSE due END) FROM job WHERE kind = ?1",
                 {std::string(kind)}));
    if (rows.empty() || rows.front().is_null(0)) return std::optional<Time>{};
    return std::optional<Time>(loaded(rows.front().integer(0)));
}

}  // namespace budkavle::store
