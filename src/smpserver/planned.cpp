// Changes that wait for their time.
#include "base/bytes.hpp"
#include "smpserver/records.hpp"
#include "smpserver/register_state.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::string_view kColumns =
    "SELECT id, change, who, role, actor_operator, reason, at, state, error FROM planned WHERE ";

Result<PlannedChange> planned_of(const store::Row& row) {
    BUDKAVLE_TRY(auto change, change_from_json(row.text(1)));
    return PlannedChange{row.text(0),
                         std::move(change),
                         actor_of(row.text(2), row.text(3), row.text(4)),
                         row.text(5),
                         Time(milliseconds(row.integer(6))),
                         parse_planned_state(row.text(7)).value_or(PlannedState::planned),
                         row.text(8)};
}

Result<std::vector<PlannedChange>> read(store::Transaction& tx, const std::string& condition,
                                        const std::vector<store::Value>& parameters) {
    BUDKAVLE_TRY(const auto rows, tx.query(std::string(kColumns) + condition, parameters));
    std::vector<PlannedChange> out;
    for (const auto& row : rows) {
        BUDKAVLE_TRY(auto one, planned_of(row));
        out.push_back(std::move(one));
    }
    return out;
}

Result<> set_state(store::Transaction& tx, const std::string& id, PlannedState state, const std::string& error) {
    BUDKAVLE_TRY(const auto changed,
                 tx.execute("UPDATE planned SET state = ?2, error = ?3 WHERE id = ?1 AND state = 'planned'",
                            {id, std::string(to_string(state)), error}));
    if (changed == 0) return fail("registry.state", "", "planned change", "The change is not waiting any more.");
    return {};
}

}  // namespace

Result<std::string> owner_of(store::Transaction& tx, const Change& change) {
    return std::visit(
        [&](const auto& one) -> Result<std::string> {
            if constexpr (requires { one.participant; }) {
                const auto id = federation::ParticipantId::parse(one.participant);
                if (!id) return std::string();
                BUDKAVLE_TRY(const auto rows,
                             tx.query("SELECT operator FROM members WHERE folded = ?1", {id->folded()}));
                return rows.empty() ? std::string() : rows.front().text(0);
            } else if constexpr (requires { one.operator_id; }) {
                return one.operator_id;
            } else {
                return one.id;
            }
        },
        change);
}

Result<PlannedChange> Register::plan(const Actor& actor, const Change& change, Time at, const ChangeOptions& options) {
    const auto plan = [&]() -> Result<PlannedChange> {
        BUDKAVLE_TRY(auto prepared, state_->prepare(actor, change));
        BUDKAVLE_CHECK(check_text(options.reason, 500, "reason", true));
        if (asks_for_reason(change) && trim(options.reason).empty())
            return fail("registry.reason", "FED-05", "reason", "This change asks for a reason.", "Say why.");
        PlannedChange out{new_uuid(), std::move(prepared), actor, options.reason, at};
        BUDKAVLE_CHECK(state_->database->write([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(auto owner, owner_of(tx, out.change));
            // A participant that is yet to come (in a change planned before this one) is the actor's own affair.
            if (owner.empty()) owner = actor.operator_id;
            BUDKAVLE_CHECK(check_owner(actor, act_of(out.change), owner, "change"));
            BUDKAVLE_CHECK(
                tx.execute("INSERT INTO planned(id, change, who, role, actor_operator, operator, reason, at, "
                           "state, error) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'planned', '')",
                           {out.id, to_json(out.change), actor.name, std::string(to_string(actor.role)),
                            actor.operator_id, owner, options.reason, stored(at)}));
            return {};
        }));
        return out;
    };
    auto done = plan();
    if (!done) {
        state_->tell_refused(actor, change, done.error());
        return done;
    }
    state_->log.audit(actor.name, "change.planned",
                      {{"id", done->id},
                       {"change", std::string(name_of(change))},
                       {"at", format_utc(at)},
                       {"reason", options.reason}});
    state_->worker.wake();
    return done;
}

Result<> Register::cancel_planned(const Actor& actor, const std::string& id) {
    const auto done = state_->database->write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(check_role(actor, Act::read));
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT operator, change FROM planned WHERE id = ?1", {id}));
        if (rows.empty()) return unknown("planned change");
        BUDKAVLE_CHECK(check_owner(actor, Act::read, rows.front().text(0), "planned change"));
        BUDKAVLE_TRY(const auto change, change_from_json(rows.front().text(1)));
        BUDKAVLE_CHECK(check_owner(actor, act_of(change), rows.front().text(0), "planned change"));
        return set_state(tx, id, PlannedState::cancelled, {});
    });
    state_->log.audit(actor.name, "change.cancelled",
                      {{"id", id}, {"outcome", done ? std::string("done") : done.error().code}});
    return done;
}

Result<Listed<PlannedChange>> Register::planned(const Actor& actor, const Page& page) const {
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    const auto limit = limit_of(page);
    Listed<PlannedChange> out;
    BUDKAVLE_CHECK(state_->database->read([&](store::Transaction& tx) -> Result<> {
        std::vector<store::Value> parameters{page.after, static_cast<std::int64_t>(limit + 1)};
        const auto own = only_own(actor, parameters);
        BUDKAVLE_TRY(out.items, read(tx, "id > ?1" + own + " ORDER BY id LIMIT ?2", parameters));
        return {};
    }));
    if (out.items.size() > limit) {
        out.items.erase(out.items.begin() + static_cast<std::ptrdiff_t>(limit), out.items.end());
        out.next = out.items.back().id;
    }
    return out;
}

/// The change and the end of its waiting are one transaction: a crash repeats both or neither.
Result<bool> Register::State::run_planned() {
    std::vector<PlannedChange> due;
    BUDKAVLE_CHECK(database->read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(due, read(tx, "state = 'planned' AND at <= ?1 ORDER BY at, id LIMIT 32", {stored(clock.now())}));
        return {};
    }));
    for (const auto& one : due) {
        const ChangeOptions options{.reason = one.reason};
        const auto finish = [&](store::Transaction& tx) { return set_state(tx, one.id, PlannedState::done, {}); };
        auto prepared = prepare(one.actor, one.change);
        const auto done = prepared ? carry_out(one.actor, {*prepared}, options, finish)
                                   : Result<Outcome>(std::unexpected(std::move(prepared).error()));
        if (done || done.error().code == "db.busy" || done.error().code == "db.unknown") continue;
        const auto& error = done.error();
        tell_refused(one.actor, one.change, error);
        auto fields = obs::error_fields(error);
        fields.push_back({"planned", one.id});
        log.technical(obs::Level::error, "alarm.planned_change_failed", fields);
        BUDKAVLE_CHECK(database->write([&](store::Transaction& tx) {
            return set_state(tx, one.id, PlannedState::failed, error.code + ": " + error.describe());
        }));
    }
    return due.size() == 32;
}

}  // namespace budkavle::smpserver
