// One change for all participants of an operator: signed beforehand, switched at once.
#include <sys/resource.h>

#include <algorithm>
#include <future>

#include "base/bytes.hpp"
#include "smpserver/bulk.hpp"
#include "smpserver/records.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

using namespace bulks;
using store::Transaction;
using store::Value;

constexpr std::size_t kChunk = 256;  ///< participants signed and stored together
constexpr int kChunksPerRound = 16;  ///< then the other duties of the worker have their turn
constexpr int kNice = 5;
constexpr std::size_t kFewStale = 64;  ///< may be published in the ordinary way after the switch

/// The next participants that have not been staged at their present revision.
Result<std::vector<std::string>> unstaged(Transaction& tx, const std::string& bulk, const Scope& reach,
                                          const std::string& after, std::size_t limit) {
    std::vector<Value> own;
    const auto users = users_of(reach, own);
    std::vector<Value> parameters{after, bulk};
    parameters.insert(parameters.end(), own.begin(), own.end());
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT m.folded FROM members m WHERE m.folded > ?1 AND " + users +
                              " AND NOT EXISTS(SELECT 1 FROM staged_members t WHERE t.bulk = ?2 AND t.participant = "
                              "m.folded AND t.revision = m.revision) ORDER BY m.folded LIMIT " +
                              std::to_string(limit),
                          parameters));
    std::vector<std::string> out;
    for (const auto& row : rows) out.push_back(row.text(0));
    return out;
}

Result<> stage(Transaction& tx, const std::string& bulk, const std::vector<Draft>& drafts) {
    std::int64_t count = 0;
    for (const auto& draft : drafts) {
        if (draft.error) return std::unexpected(*draft.error);
        const std::vector<Value> key{bulk, draft.folded};
        // Of an earlier round, before the participant changed.
        BUDKAVLE_TRY(const auto old,
                     tx.execute("INSERT INTO dead_bodies(id) SELECT body FROM staged_answers WHERE bulk = "
                                "?1 AND participant = ?2",
                                key));
        if (old > 0) {
            BUDKAVLE_CHECK(tx.execute("DELETE FROM staged_answers WHERE bulk = ?1 AND participant = ?2", key));
        }
        for (const auto& answer : draft.answers) {
            BUDKAVLE_TRY(const auto body, keep_body(tx, answer.octets));
            BUDKAVLE_CHECK(tx.execute(
                "INSERT INTO staged_answers(bulk, participant, document, id, source, body, etag) VALUES(?1, ?2, ?3, "
                "?4, ?5, ?6, ?7)",
                {bulk, draft.folded, answer.document, draft.id, answer.source, body, answer.etag}));
            ++count;
        }
        BUDKAVLE_CHECK(
            tx.execute("INSERT INTO staged_members(bulk, participant, revision) VALUES(?1, ?2, ?3) ON "
                       "CONFLICT(bulk, participant) DO UPDATE SET revision = excluded.revision",
                       {bulk, draft.folded, draft.revision}));
    }
    BUDKAVLE_TRY(
        const auto under_way,
        tx.execute("UPDATE bulks SET signed = signed + ?2 WHERE id = ?1 AND state = 'signing'", {bulk, count}));
    if (under_way == 0) return fail("bulk.cancelled", "");
    return {};
}

/// Staged answers of participants that are still as they were become what is served; small rows only.
Result<> switch_answers(Transaction& tx, const std::string& bulk, Time now) {
    BUDKAVLE_TRY(const auto seq, next_version(tx));
    const auto modified = std::chrono::floor<seconds>(now).time_since_epoch().count();
    BUDKAVLE_CHECK(
        tx.execute("INSERT INTO dead_bodies(id) SELECT a.body FROM answers a JOIN staged_answers s ON s.bulk = "
                   "?1 AND s.participant = a.participant AND s.document = a.document WHERE a.body IS NOT NULL",
                   {bulk}));
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO answers(participant, document, id, source, body, etag, modified, seq) SELECT s.participant, "
        "s.document, s.id, s.source, s.body, s.etag, " +
            std::to_string(modified) + ", " + std::to_string(seq) +
            " FROM staged_answers s WHERE s.bulk = ?1 ON CONFLICT(participant, document) DO UPDATE SET id = "
            "excluded.id, source = excluded.source, body = excluded.body, etag = excluded.etag, modified = "
            "excluded.modified, seq = excluded.seq",
        {bulk}));
    BUDKAVLE_CHECK(
        tx.execute("UPDATE members SET publish_state = 'published', publish_error = '', publish_attempts = 0, "
                   "published_at = ?2 WHERE folded IN (SELECT participant FROM staged_members WHERE bulk = ?1)",
                   {bulk, stored(now)}));
    BUDKAVLE_CHECK(tx.execute("DELETE FROM staged_answers WHERE bulk = ?1", {bulk}));
    BUDKAVLE_CHECK(tx.execute("DELETE FROM staged_members WHERE bulk = ?1", {bulk}));
    return {};
}

/// Staged answers whose participant has changed, or is not to be seen any more.
Result<> drop_stale(Transaction& tx, const std::string& bulk, const Scope& reach) {
    std::vector<Value> own;
    const auto users = users_of(reach, own);
    std::vector<Value> parameters{bulk, std::int64_t{0}};
    parameters.insert(parameters.end(), own.begin(), own.end());
    const auto stale =
        "bulk = ?1 AND ?2 = 0 AND NOT EXISTS(SELECT 1 FROM members m JOIN staged_members t ON t.bulk = ?1 "
        "AND t.participant = m.folded AND t.revision = m.revision WHERE m.folded = " +
        std::string("#.participant AND ") + users + ")";
    const auto on = [&](std::string_view table) {
        std::string out;
        for (const char c : stale) out += c == '#' ? std::string(table) : std::string(1, c);
        return out;
    };
    BUDKAVLE_CHECK(tx.execute("INSERT INTO dead_bodies(id) SELECT body FROM staged_answers WHERE " +
                                  on("staged_answers") + " ON CONFLICT(id) DO NOTHING",
                              parameters));
    BUDKAVLE_CHECK(tx.execute("DELETE FROM staged_answers WHERE " + on("staged_answers"), parameters));
    // The table that is asked is the table that shrinks: a second name keeps the two apart.
    BUDKAVLE_CHECK(
        tx.execute("DELETE FROM staged_members WHERE bulk = ?1 AND ?2 = 0 AND NOT EXISTS(SELECT 1 FROM "
                   "members m WHERE m.folded = staged_members.participant AND m.revision = "
                   "staged_members.revision AND " +
                       users + ")",
                   parameters));
    return {};
}

}  // namespace

/// Some chunks of the oldest bulk change, then, when all is signed, the switch. What is staged is durable: a crash goes
/// on behind the last chunk.
Result<bool> Register::State::run_bulk() {
    std::vector<Bulk> active;
    BUDKAVLE_CHECK(database->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(active, read(tx, "state = 'signing' ORDER BY started, id LIMIT 1", {}));
        return {};
    }));
    if (active.empty()) return false;
    const auto& bulk = active.front();
    const auto& id = bulk.known.id;
    const auto fail_with = [&](const Error& error) -> Result<bool> {
        auto fields = obs::error_fields(error);
        fields.push_back({"bulk", id});
        log.technical(obs::Level::error, "alarm.bulk_failed", fields);
        BUDKAVLE_CHECK(database->write([&](Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(finish(tx, id, BulkState::failed, error.code + ": " + error.describe(), clock.now()));
            return drop_staged(tx, id);
        }));
        return true;
    };

    // While one chunk is signed, the one before it is stored and the next is read.
    std::string after;
    std::vector<Draft> signing;
    std::future<void> signer;
    for (int chunk = 0;; ++chunk) {
        std::vector<Draft> next;
        BUDKAVLE_CHECK(database->read([&](Transaction& tx) -> Result<> {
            next.clear();
            if (chunk >= kChunksPerRound) return {};
            BUDKAVLE_TRY(const auto reach, reach_of(tx, bulk.known.change));
            BUDKAVLE_TRY(const auto names, unstaged(tx, id, reach, after, kChunk));
            if (names.empty()) return {};
            std::vector<Value> own;
            const auto users = users_of(reach, own);
            BUDKAVLE_TRY(next, publisher.draft(tx, names.front(), names.back(), users, own, &reach.overlay));
            std::erase_if(next, [&](const auto& draft) { return !std::ranges::binary_search(names, draft.folded); });
            after = names.back();
            return {};
        }));
        if (signer.valid()) signer.get();
        auto done = std::move(signing);
        signing = std::move(next);
        if (!signing.empty())
            signer = std::async(std::launch::async, [&] {
                // Look-ups come first: this thread, and those it makes, take what is left.
                (void)::setpriority(PRIO_PROCESS, 0, kNice);
                publisher.sign(signing, clock.now(), signers);
            });
        if (!done.empty()) {
            const auto staged = database->write([&](Transaction& tx) { return stage(tx, id, done); });
            if (!staged) {
                if (signer.valid()) signer.get();
                if (staged.error().code == "bulk.cancelled") return true;
                if (staged.error().retry == Retry::later) return std::unexpected(staged.error());
                return fail_with(staged.error());
            }
        }
        if (signing.empty()) {
            if (chunk >= kChunksPerRound) return true;
            break;
        }
    }

    std::size_t stale = 0;
    std::vector<Recorded> recorded;
    const auto switched = database->write([&](Transaction& tx) -> Result<> {
        recorded.clear();
        BUDKAVLE_TRY(const auto reach, reach_of(tx, bulk.known.change));
        BUDKAVLE_TRY(const auto rest, unstaged(tx, id, reach, {}, kFewStale + 1));
        stale = rest.size();
        if (stale > kFewStale) return fail("bulk.stale", "");
        BUDKAVLE_CHECK(drop_stale(tx, id, reach));
        Work work{tx, bulk.actor, bulk.reason, {}, clock.now()};
        BUDKAVLE_CHECK(apply(work, bulk.known.change));
        recorded = std::move(work.recorded);
        BUDKAVLE_CHECK(switch_answers(tx, id, clock.now()));
        return finish(tx, id, BulkState::done, {}, clock.now());
    });
    if (!switched) {
        if (switched.error().code == "bulk.stale") return true;
        if (switched.error().retry == Retry::later) return std::unexpected(switched.error());
        return fail_with(switched.error());
    }
    tell_audit(bulk.actor, bulk.reason, recorded);
    log.technical(obs::Level::info, "smp.bulk_done", {{"bulk", id}, {"answers", bulk.known.total}});
    database->announce(kTopic);
    return true;
}

/// Octets that nobody serves any more, a few at a time; told-of removals after a week.
Result<bool> Register::State::sweep() {
    bool more = false;
    BUDKAVLE_CHECK(database->write([&](Transaction& tx) -> Result<> {
        const std::string some = "(SELECT id FROM dead_bodies ORDER BY id LIMIT 500)";
        BUDKAVLE_CHECK(tx.execute("DELETE FROM answer_bodies WHERE id IN " + some));
        BUDKAVLE_TRY(const auto removed, tx.execute("DELETE FROM dead_bodies WHERE id IN " + some));
        more = removed == 500;
        return {};
    }));
    return more;
}

}  // namespace budkavle::smpserver
