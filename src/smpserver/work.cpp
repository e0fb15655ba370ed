#include "smpserver/work.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "smpserver/records.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::size_t kMostReason = 500;

std::string scope_of(const ObjectRef& object) {
    const bool scoped = object.kind == ObjectKind::ap_certificate || object.kind == ObjectKind::endpoint;
    return scoped ? object.operator_id : std::string();
}

Result<std::int64_t> next_event(store::Transaction& tx) {
    BUDKAVLE_CHECK(tx.execute("UPDATE smp_state SET events = events + 1 WHERE id = 1"));
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT events FROM smp_state WHERE id = 1"));
    return rows.front().integer(0);
}

}  // namespace

std::unexpected<Error> unknown(std::string_view place) {
    return fail("registry.unknown", "", place, "The register has no such entry.");
}
std::unexpected<Error> malformed(std::string_view place, std::string_view text) {
    return fail("registry.malformed", "", place, text);
}

Result<> check_text(std::string_view text, std::size_t most, std::string_view place, bool may_be_empty) {
    if (text.empty() && !may_be_empty) return malformed(place, "The value is missing.");
    if (text.size() > most) return malformed(place, "The value is too long.");
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            return malformed(place, "The value holds a control character.");
    }
    return is_valid_utf8(text) ? Result<>{} : malformed(place, "The value is not UTF-8.");
}

Result<> check_version(const Work& work, std::int64_t present) {
    if (!work.expected_version || *work.expected_version == present) return {};
    return fail("registry.conflict", "", "version", "Somebody else has changed this in the meantime.",
                "Look at it as it is now, and decide again.");
}

Result<OperatorRecord> own_operator(Work& work, Act act, const std::string& id) {
    BUDKAVLE_CHECK(check_owner(work.actor, act, id, "operator"));
    BUDKAVLE_TRY(auto found, load_operator(work.tx, id));
    if (!found) return unknown("operator");
    return *std::move(found);
}

Result<ParticipantRecord> own_participant(Work& work, Act act, const std::string& id) {
    BUDKAVLE_CHECK(check_role(work.actor, act));
    const auto parsed = federation::ParticipantId::parse(id);
    if (!parsed) return unknown("participant");
    BUDKAVLE_TRY(auto found, load_participant(work.tx, parsed->folded()));
    if (!found) return unknown("participant");
    BUDKAVLE_CHECK(check_owner(work.actor, act, found->operator_id, "participant"));
    return *std::move(found);
}

Result<> record(Work& work, const ObjectRef& object, const std::string& operator_id, std::string_view change,
                std::string before, std::string after) {
    const auto scope = scope_of(object);
    const auto key = object.kind == ObjectKind::participant ? to_lower_ascii(object.key) : object.key;
    BUDKAVLE_TRY(const auto rows,
                 work.tx.query("SELECT COALESCE(MAX(version), 0) FROM history WHERE kind = ?1 AND scope = ?2 AND "
                               "object = ?3",
                               {std::string(to_string(object.kind)), scope, key}));
    auto version = rows.front().integer(0);
    work.outcome.object = object;
    if (before == after) {
        work.outcome.version = std::max<std::int64_t>(version, 1);
        return {};
    }
    ++version;
    // What came over from the first form of the register has version 1 and no entry.
    if (version == 1 && !before.empty()) version = 2;
    BUDKAVLE_TRY(const auto event, next_event(work.tx));
    BUDKAVLE_CHECK(work.tx.execute(
        "INSERT INTO history(kind, scope, object, version, event, operator, change, who, role, at, reason, before, "
        "after) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        {std::string(to_string(object.kind)), scope, key, version, event, operator_id, std::string(change),
         work.actor.name, std::string(to_string(work.actor.role)), stored(work.now), work.reason, before, after}));
    work.outcome.version = version;
    work.recorded.push_back({object, version, std::string(change), std::move(before), std::move(after)});
    return {};
}

Result<> keep_certificate(store::Transaction& tx, const crypto::Certificate& certificate) {
    BUDKAVLE_CHECK(
        tx.execute("INSERT INTO certificate_bodies(sha256, der) VALUES(?1, ?2) ON CONFLICT(sha256) DO NOTHING",
                   {certificate.sha256_hex(), certificate.der()}));
    return {};
}

Result<std::int64_t> next_version(store::Transaction& tx) {
    BUDKAVLE_CHECK(tx.execute("UPDATE smp_state SET version = version + 1 WHERE id = 1"));
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT version FROM smp_state WHERE id = 1"));
    return rows.front().integer(0);
}

Result<> want_located(store::Transaction& tx, const std::string& condition, std::vector<store::Value> parameters,
                      bool wanted, Time now) {
    parameters.insert(parameters.begin(), stored(now));
    if (wanted) {
        BUDKAVLE_CHECK(tx.execute(
            "INSERT INTO locator_queue(participant, id, operator, wanted, state, version, error, attempts, due) SELECT "
            "m.folded, m.id, m.operator, 1, 'queued', 1, '', 0, ?1 FROM members m WHERE " +
                condition +
                " ON CONFLICT(participant) DO UPDATE SET id = excluded.id, operator = excluded.operator, wanted = 1, "
                "state = 'queued', version = locator_queue.version + 1, error = '', attempts = 0, due = excluded.due "
                "WHERE locator_queue.wanted = 0",
            parameters));
        return {};
    }
    BUDKAVLE_CHECK(
        tx.execute("UPDATE locator_queue SET wanted = 0, state = 'queued', version = version + 1, error = '', attempts "
                   "= 0, due = ?1 WHERE wanted = 1 AND participant IN (SELECT m.folded FROM members m WHERE " +
                       condition + ")",
                   parameters));
    return {};
}

Result<> queue_where(Work& work, const std::string& condition, std::vector<store::Value> parameters) {
    parameters.insert(parameters.begin(), stored(work.now));
    BUDKAVLE_TRY(const auto changed,
                 work.tx.execute("UPDATE members AS m SET revision = revision + 1, publish_state = 'queued', "
                                 "publish_error = '', publish_attempts = 0, publish_due = ?1 WHERE " +
                                     std::string(kVisible) + " AND (" + condition + ")",
                                 parameters));
    work.outcome.queued += changed;
    return {};
}

Result<> unpublish_where(store::Transaction& tx, const std::string& condition, std::vector<store::Value> parameters,
                         Time now) {
    BUDKAVLE_CHECK(want_located(tx, condition, parameters, false, now));
    parameters.insert(parameters.begin(), std::int64_t{0});
    const auto whose =
        "body IS NOT NULL AND participant IN (SELECT m.folded FROM members m WHERE ?1 = 0 AND " + condition + ")";
    BUDKAVLE_TRY(const auto dead,
                 tx.execute("INSERT INTO dead_bodies(id) SELECT body FROM answers WHERE " + whose, parameters));
    if (dead > 0) {
        BUDKAVLE_TRY(const auto seq, next_version(tx));
        BUDKAVLE_CHECK(
            tx.execute("UPDATE answers SET body = NULL, source = '', seq = " + std::to_string(seq) + " WHERE " + whose,
                       parameters));
    }
    BUDKAVLE_CHECK(
        tx.execute("UPDATE members AS m SET revision = revision + 1, publish_state = 'none', publish_error "
                   "= '', published_at = NULL WHERE ?1 = 0 AND " +
                       condition,
                   parameters));
    return {};
}

Result<> finish_participant(Work& work, const ParticipantRecord& before, std::string_view change) {
    const auto& folded = before.id.folded();
    BUDKAVLE_TRY(const auto after, load_participant(work.tx, folded));
    if (!after) return unknown("participant");
    const auto recorded = work.recorded.size();
    BUDKAVLE_CHECK(record(work, {ObjectKind::participant, after->operator_id, after->id.text()}, after->operator_id,
                          change, to_json(before), to_json(*after)));
    if (work.recorded.size() == recorded) return {};
    BUDKAVLE_CHECK(
        work.tx.execute("UPDATE members SET version = ?2 WHERE folded = ?1", {folded, work.outcome.version}));
    const auto queued = work.outcome.queued;
    BUDKAVLE_CHECK(queue_where(work, "m.folded = ?2", {folded}));
    if (work.outcome.queued == queued) return unpublish_where(work.tx, "m.folded = ?2", {folded}, work.now);
    work.queued.push_back(folded);
    return {};
}

Result<> apply(Work& work, const Change& change) {
    BUDKAVLE_CHECK(check_role(work.actor, act_of(change)));
    BUDKAVLE_CHECK(check_text(work.reason, kMostReason, "reason", true));
    if (asks_for_reason(change) && trim(work.reason).empty())
        return fail("registry.reason", "FED-05", "reason", "This change asks for a reason.", "Say why.");
    return std::visit([&](const auto& one) { return apply_one(work, one); }, change);
}

}  // namespace budkavle::smpserver
