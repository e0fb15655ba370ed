// One change for all participants of an operator: asked for, looked at, cancelled. Carried out in bulk_rounds.cpp.
#include "smpserver/bulk.hpp"

#include <algorithm>

#include "smpserver/records.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::smpserver {

using store::Transaction;
using store::Value;

namespace bulks {
namespace {

Overlay::Template template_of(const EndpointRecord& one) {
    return {one.uri, one.profile, one.certificate_sha256, one.activation, one.expiration, one.description, one.contact};
}

}  // namespace

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

}  // namespace bulks

using bulks::Bulk;

Result<BulkChange> Register::start_bulk(const Actor& actor, const Change& change, const ChangeOptions& options) {
    Bulk bulk{
        .known = {.id = new_uuid(), .change = change, .who = actor.name}, .actor = actor, .reason = options.reason};
    bulk.known.started = state_->clock.now();
    const auto check = [&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto reach, bulks::reach_of(tx, change));
        bulk.known.operator_id = reach.overlay.operator_id;
        // All rules, now: a change that will be refused is not signed first.
        Work work{tx, actor, options.reason, options.expected_version, bulk.known.started};
        BUDKAVLE_CHECK(apply(work, change));
        return fail("bulk.checked", "");
    };
    const auto count = [&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto reach, bulks::reach_of(tx, change));
        std::vector<Value> own;
        const auto users = bulks::users_of(reach, own);
        std::vector<Value> parameters{std::int64_t{0}, std::int64_t{0}};
        parameters.insert(parameters.end(), own.begin(), own.end());
        // Nothing of `s` but its participant: with its operator, SQLite reads all services of the operator for each participant.
        BUDKAVLE_TRY(
            const auto rows,
            tx.query("SELECT COUNT(*) FROM (SELECT DISTINCT s.participant, s.document FROM member_services s JOIN "
                     "members m ON m.folded = s.participant WHERE ?1 = 0 AND ?2 = 0 AND " +
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
        BUDKAVLE_TRY(const auto found, bulks::read(tx, "id = ?1", {id}));
        if (found.empty()) return unknown("bulk change");
        BUDKAVLE_CHECK(check_owner(actor, Act::manage_access_points, found.front().known.operator_id, "bulk change"));
        BUDKAVLE_CHECK(bulks::finish(tx, id, BulkState::cancelled, {}, state_->clock.now()));
        return bulks::drop_staged(tx, id);
    });
    state_->log.audit(actor.name, "bulk.cancelled",
                      {{"id", id}, {"outcome", done ? std::string("done") : done.error().code}});
    return done;
}

Result<BulkChange> Register::bulk(const Actor& actor, const std::string& id) const {
    std::vector<Bulk> found;
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    BUDKAVLE_CHECK(state_->database->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, bulks::read(tx, "id = ?1", {id}));
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
        BUDKAVLE_TRY(const auto found, bulks::read(tx, "id > ?1" + own + " ORDER BY id LIMIT ?2", parameters));
        for (const auto& one : found) out.items.push_back(one.known);
        return {};
    }));
    if (out.items.size() > limit) {
        out.items.erase(out.items.begin() + static_cast<std::ptrdiff_t>(limit), out.items.end());
        out.next = out.items.back().id;
    }
    return out;
}

}  // namespace budkavle::smpserver
