#include "smpserver/register_backup.hpp"

#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::string_view kWhy = "restore.missed: It fell due, or was under way, when the register was lost; make it anew.";

store::BackupSubject subject_of(const RegisterConfig& config) {
    return {.kind = "smp", .name = config.base_url, .location = config.database, .migrations = migrations(), .born_with = {"smp_state"}};
}

Result<std::int64_t> count(store::Transaction& tx, std::string_view table_and_condition) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT COUNT(*) FROM " + std::string(table_and_condition)));
    return rows.front().integer(0);
}

/// What was carried out between backup and loss is not known here: it is neither done twice nor half.
Result<std::int64_t> abandon(store::Transaction& tx, Time now) {
    BUDKAVLE_TRY(const auto planned, tx.execute("UPDATE planned SET state = 'failed', error = ?2 WHERE state = 'planned' AND at <= ?1",
                                                {stored(now), std::string(kWhy)}));
    BUDKAVLE_TRY(const auto bulks, tx.execute("UPDATE bulks SET state = 'failed', error = ?2, finished = ?1 WHERE state = 'signing'",
                                              {stored(now), std::string(kWhy)}));
    BUDKAVLE_CHECK(tx.execute("INSERT INTO dead_bodies(id) SELECT body FROM staged_answers WHERE 1 = 1 ON CONFLICT(id) DO NOTHING"));
    BUDKAVLE_CHECK(tx.execute("DELETE FROM staged_answers"));
    BUDKAVLE_CHECK(tx.execute("DELETE FROM staged_members"));
    return static_cast<std::int64_t>(planned + bulks);
}

/// Nodes follow a number that only grows, and read everything anew; clients that ask by date are not told "unchanged" of
/// something older than what they hold.
Result<> move_on(store::Transaction& tx, Time now) {
    BUDKAVLE_CHECK(tx.execute("UPDATE smp_state SET version = CASE WHEN version < ?1 THEN ?1 ELSE version + 1 END WHERE id = 1",
                              {stored(now)}));
    BUDKAVLE_CHECK(tx.execute("UPDATE smp_state SET complete_from = version WHERE id = 1"));
    BUDKAVLE_CHECK(tx.execute("UPDATE answers SET modified = ?1",
                              {static_cast<std::int64_t>(std::chrono::floor<seconds>(now).time_since_epoch().count())}));
    return {};
}

/// Locator entries are brought in again, and withdrawn again, whatever happened since: both may come twice.
Result<> queue_locator(store::Transaction& tx, Time now) {
    BUDKAVLE_CHECK(tx.execute("UPDATE locator_queue SET state = 'queued', error = '', attempts = 0, due = ?1, version = version + 1",
                              {stored(now)}));
    return {};
}

}  // namespace

Result<store::DatabaseBackup> back_up_register(const RegisterConfig& config, const std::filesystem::path& to,
                                               const SecretBytes& key, Time now) {
    return store::take_database_backup(subject_of(config), to, key, now);
}

Result<RegisterRestoration> restore_register(const RegisterConfig& config, const std::filesystem::path& from,
                                             const std::string& id, const SecretBytes& key, Time now) {
    RegisterRestoration out;
    BUDKAVLE_TRY(const auto restored,
                 store::restore_database(subject_of(config), from, id, key, [&](store::Transaction& tx) -> Result<> {
                     BUDKAVLE_TRY(out.abandoned, abandon(tx, now));
                     BUDKAVLE_CHECK(move_on(tx, now));
                     BUDKAVLE_CHECK(queue_locator(tx, now));
                     BUDKAVLE_CHECK(tx.execute("DELETE FROM worker_leases"));
                     BUDKAVLE_TRY(out.answers, count(tx, "answers WHERE body IS NOT NULL"));
                     BUDKAVLE_TRY(out.located, count(tx, "locator_queue"));
                     return {};
                 }));
    out.id = restored.id;
    out.taken = restored.taken;
    return out;
}

}  // namespace budkavle::smpserver
