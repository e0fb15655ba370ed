// One change for all participants of an operator: signed beforehand, switched at once.
#include <sys/resource.h>

#include <algorithm>
#include <future>

#include "base/bytes.hpp"
#include "smpserver/records.hpp"
#include "smpserver/register_state.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

using store::Transaction;
using store::Value;
constexpr std::size_t kChunk = 256;  ///< participants signed and stored together
constexpr int kChunksPerRound = 16;  ///< then the other duties of the worker have their turn
constexpr int kNice = 5;
constexpr std::size_t kFewStale = 64;  ///< may be published in the ordinary way after the switch

struct Bulk {
    BulkChange known;
    Actor actor;
    std::string reason;
};

Result<std::vector<Bulk>> read(Transaction& tx, const std::string& condition, const std::vector<Value>& parameters) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT id, change, who, role, actor_operator, operator, reason, state, total, "
                          "signed, error, started, finished FROM bulks WHERE " +
                              condition,
                          parameters));
    std::vector<Bulk> out;
    for (const auto& row : rows) {
        BUDKAVLE_TRY(auto change, change_from_json(row.text(1)));
        BulkChange known{
            .id = row.text(0), .change = std::move(change), .who = row.text(2), .operator_id = row.text(5)};
        known.state = parse_bulk_state(row.text(7)).value_or(BulkState::signing);
        known.total = row.integer(8);
        known.signed_ = row.integer(9);
        known.error = row.text(10);
        known.started = Time(milliseconds(row.integer(11)));
        known.finished = stored_time(row, 12);
        out.push_back({std::move(known), actor_of(row.text(2), row.text(3), row.text(4)), row.text(6)});
    }
    return out;
}

/// What the change makes of templates, and which endpoints it is about.
struct Scope {
    Overlay overlay;
    std::vector<std::string> endpoints;  ///< names that the participants use now
};

Overlay::Template template_of(const EndpointRecord& one) {
    return {one.uri, one.profile, one.certificate_sha256, one.activation, one.expiration, one.description, one.contact};
}

Result<Scope> reach_of(Transaction& tx, const Change& change) {
    Scope out;
    if (const auto* put = std::get_if<PutEndpoint>(&change)) {
        out.overlay.operator_id = put->operator_id;
        out.overlay.templates[put->name] = {put->uri,        put->profile,    put->certificate_sha256,
                                            put->activation, put->expiration, put->description,
                                            put->contact};
        out.endpoints = {put->name};
    } else if (const auto* swap = std::get_if<ReplaceApCertificate>(&change)) {
        out.overlay.operator_id = swap->operator_id;
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT name FROM templates WHERE operator = ?1 AND certificate = ?2",
                                               {swap->operator_id, swap->from_sha256}));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(const auto endpoint, load_endpoint(tx, swap->operator_id, row.text(0)));
            auto& changed = out.overlay.templates[row.text(0)] = template_of(*endpoint);
            changed.certificate_sha256 = swap->to_sha256;
            out.endpoints.push_back(row.text(0));
        }
    } else if (const auto* move = std::get_if<ReplaceEndpoint>(&change)) {
        out.overlay.operator_id = move->operator_id;
        out.overlay.renamed[move->from] = move->to;
        out.endpoints = {move->from};
    } else {
        return fail("registry.change", "", "change", "This kind of change is made one by one.");
    }
    return out;
}

/// Visible participants that use one of the endpoints; parameters ?3, ?4 ….
std::string users_of(const Scope& reach, std::vector<Value>& parameters) {
    parameters.emplace_back(reach.overlay.operator_id);
    std::string names;
    for (const auto& name : reach.endpoints) {
        parameters.emplace_back(name);
        names += (names.empty() ? "?" : ", ?") + std::to_string(parameters.size() + 2);
    }
    if (names.empty()) names = "''";
    return std::string(kVisible) +
           " AND m.operator = ?3 AND EXISTS(SELECT 1 FROM member_services u WHERE u.participant "
           "= m.folded AND u.operator = m.operator AND u.endpoint IN (" +
           names + "))";
}

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

Result<> drop_staged(Transaction& tx, const std::string& bulk) {
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO dead_bodies(id) SELECT body FROM staged_answers WHERE bulk = ?1 ON CONFLICT(id) DO NOTHING",
        {bulk}));
    BUDKAVLE_CHECK(tx.execute("DELETE FROM staged_answers WHERE bulk = ?1", {bulk}));
    BUDKAVLE_CHECK(tx.execute("DELETE FROM staged_members WHERE bulk = ?1", {bulk}));
    return {};
}

Result<> finish(Transaction& tx, const std::string& bulk, BulkState state, const std::string& error, Time now) {
    BUDKAVLE_TRY(const auto changed,
                 tx.execute("UPDATE bulks SET state = ?2, error = ?3, finished = ?4 WHERE id = ?1 AND "
                            "state = 'signing'",
                            {bulk, std::string(to_string(state)), error, stored(now)}));
    if (changed == 0) return fail("registry.state", "", "bulk change", "The bulk change is not under way.");
    return {};
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

Result<BulkChange> Register::start_bulk(const Actor& actor, const Change& change, const ChangeOptions& options) {
    Bulk bulk{
        .known = {.id = new_uuid(), .change = change, .who = actor.name}, .actor = actor, .reason = options.reason};
    bulk.known.started = state_->clock.now();
    const auto check = [&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto reach, reach_of(tx, change));
        bulk.known.operator_id = reach.overlay.operator_id;
        // All rules, now: a change that will be refused is not signed first.
        Work work{tx, actor, options.reason, options.expected_version, bulk.known.started};
        BUDKAVLE_CHECK(apply(work, change));
        return fail("bulk.checked", "");
    };
    const auto count = [&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto reach, reach_of(tx, change));
        std::vector<Value> own;
        const auto users = users_of(reach, own);
        std::vector<Value> parameters{std::int64_t{0}, std::int64_t{0}};
        parameters.insert(parameters.end(), own.begin(), own.end());
        BUDKAVLE_TRY(
            const auto rows,
            tx.query("SELECT COUNT(*) FROM (SELECT DISTINCT s.participant, s.document FROM member_services s JOIN "
                     "members m ON m.folded = s.participant WHERE ?1 = 0 AND ?2 = 0 AND s.operator = ?3 AND " +
                         users + ") x",
                     parameters));
        bulk.known.total = rows.front().integer(0);
        BUDKAVLE_CHECK(tx.execute(
            "INSERT INTO bulks(id, change, who, role, actor_operator, operator, reason, state, total, signed, error, "
            "started) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 'signing', ?8, 0, '', ?9)",
            {bulk.known.id, to_json(change), actor.name, std::string(to_string(actor.role)), actor.operator_id,
             bulk.known.operator_id, options.reason, bulk.known.total, stored(bulk.known.started)}));
        return {};
    };
    auto done = state_->database->write(check);
    if (done.error().code == "bulk.checked") done = state_->database->write(count);
    if (!done) {
        state_->tell_refused(actor, change, done.error());
        return std::unexpected(done.error());
    }
    state_->log.audit(actor.name, "bulk.started",
                      {{"id", bulk.known.id},
                       {"change", std::string(name_of(change))},
                       {"answers", bulk.known.total},
                       {"reason", options.reason}});
    state_->worker.wake();
    return bulk.known;
}

Result<> Register::cancel_bulk(const Actor& actor, const std::string& id) {
    const auto done = state_->database->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(check_role(actor, Act::manage_access_points));
        BUDKAVLE_TRY(const auto found, read(tx, "id = ?1", {id}));
        if (found.empty()) return unknown("bulk change");
        BUDKAVLE_CHECK(check_owner(actor, Act::manage_access_points, found.front().known.operator_id, "bulk change"));
        BUDKAVLE_CHECK(finish(tx, id, BulkState::cancelled, {}, state_->clock.now()));
        return drop_staged(tx, id);
    });
    state_->log.audit(actor.name, "bulk.cancelled",
                      {{"id", id}, {"outcome", done ? std::string("done") : done.error().code}});
    return done;
}

Result<BulkChange> Register::bulk(const Actor& actor, const std::string& id) const {
    std::vector<Bulk> found;
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    BUDKAVLE_CHECK(state_->database->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, read(tx, "id = ?1", {id}));
        return {};
    }));
    if (found.empty()) return unknown("bulk change");
    BUDKAVLE_CHECK(check_owner(actor, Act::read, found.front().known.operator_id, "bulk change"));
    return found.front().known;
}

Result<Listed<BulkChange>> Register::bulks(const Actor& actor, const Page& page) const {
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    const auto limit = limit_of(page);
    Listed<BulkChange> out;
    BUDKAVLE_CHECK(state_->database->read([&](Transaction& tx) -> Result<> {
        out = {};
        std::vector<Value> parameters{page.after, static_cast<std::int64_t>(limit + 1)};
        const auto own = only_own(actor, parameters);
        BUDKAVLE_TRY(const auto found, read(tx, "id > ?1" + own + " ORDER BY id LIMIT ?2", parameters));
        for (const auto& one : found) out.items.push_back(one.known);
        return {};
    }));
    if (out.items.size() > limit) {
        out.items.erase(out.items.begin() + static_cast<std::ptrdiff_t>(limit), out.items.end());
        out.next = out.items.back().id;
    }
    return out;
}

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
