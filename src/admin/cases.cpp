#include "admin/cases.hpp"

#include <boost/json.hpp>

#include <array>

#include "admin/sql.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 7> kStates{"pending",  "executing", "done",   "failed",
                                                  "rejected", "withdrawn", "expired"};
constexpr std::int64_t kMostListed = 1000;
constexpr std::chrono::minutes kCutOff{15};  ///< longer than any request may take: its process is gone
constexpr std::string_view kColumns =
    "id, operation, request, reason, proposer, proposer_name, proposer_person, request_id, created, expires, state, "
    "decided_by, decided, decision_reason, status, result";

Case case_of(const store::Row& row, Time now) {
    Case one;
    one.id = row.text(0);
    one.operation = row.text(1);
    json::error_code ec;
    auto request = json::parse(row.text(2), ec);
    if (!ec && request.is_object()) one.request = std::move(request.get_object());
    one.reason = row.text(3);
    one.proposer = row.text(4);
    one.proposer_name = row.text(5);
    one.proposer_person = row.text(6);
    one.request_id = row.text(7);
    one.created = Time(std::chrono::milliseconds(row.integer(8)));
    one.expires = Time(std::chrono::milliseconds(row.integer(9)));
    const auto state = std::ranges::find(kStates, row.text(10));
    one.state = state == kStates.end() ? CaseState::failed : static_cast<CaseState>(state - kStates.begin());
    if (one.state == CaseState::pending && one.expires <= now) one.state = CaseState::expired;
    one.decided_by = row.text(11);
    if (!row.is_null(12)) one.decided = Time(std::chrono::milliseconds(row.integer(12)));
    one.decision_reason = row.text(13);
    one.status = static_cast<int>(row.integer(14));
    one.result = row.text(15);
    return one;
}

Result<Case> find(store::Transaction& tx, const std::string& id, Time now) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT " + std::string(kColumns) + " FROM admin_case WHERE id = ?1", {id}));
    if (rows.empty()) return fail("case.unknown", {}, "case", "There is no such case.", {});
    return case_of(rows.front(), now);
}

std::unexpected<Error> closed() {
    return fail("case.state", "SEC-55", "case", "The case is no longer open.", "Propose the change again.");
}

Result<> decide(store::Transaction& tx, Case& one, CaseState to, const Actor& by, const std::string& reason, Time now) {
    one.state = to;
    one.decided_by = by.account;
    one.decided = now;
    one.decision_reason = reason;
    return done(tx.execute(
        "UPDATE admin_case SET state = ?1, decided_by = ?2, decided = ?3, decision_reason = ?4 WHERE id = ?5",
        {std::string(name_of(to)), by.account, number(now), reason, one.id}));
}

}  // namespace

std::string_view name_of(CaseState state) {
    return kStates.at(static_cast<std::size_t>(state));
}

Result<> Cases::add(const Case& one) {
    return database_.write([&](store::Transaction& tx) -> Result<> {
        return done(tx.execute(
            "INSERT INTO admin_case (" + std::string(kColumns) +
                ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'pending', '', NULL, '', 0, '')",
            {one.id, one.operation, json::serialize(one.request), one.reason, one.proposer, one.proposer_name,
             one.proposer_person, one.request_id, number(one.created), number(one.expires)}));
    });
}

Result<Case> Cases::show(const std::string& id, Time now) const {
    Case one;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(one, find(tx, id, now));
        return {};
    }));
    return one;
}

Result<std::vector<Case>> Cases::list(std::string_view state, Time now) const {
    std::vector<Case> all;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        all.clear();
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT " + std::string(kColumns) + " FROM admin_case ORDER BY created DESC, id LIMIT ?1",
                              {kMostListed}));
        for (const auto& row : rows) {
            auto one = case_of(row, now);
            if (state.empty() || name_of(one.state) == state) all.push_back(std::move(one));
        }
        return {};
    }));
    return all;
}

Result<Case> Cases::take(const std::string& id, const Actor& approver, const std::string& reason, Time now) {
    Case one;
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(one, find(tx, id, now));
        const bool cut_off = one.state == CaseState::executing && one.decided && *one.decided + kCutOff < now;
        if (one.state != CaseState::pending && !cut_off) return closed();
        if (one.proposer == approver.account || one.proposer_person == approver.person)
            return fail("case.same_person", "SEC-55", "case", "The person who proposed a change cannot approve it.",
                        "Another person has to.");
        return decide(tx, one, CaseState::executing, approver, reason, now);
    }));
    return one;
}

Result<> Cases::finish(const std::string& id, int status, const std::string& result) {
    return database_.write([&](store::Transaction& tx) -> Result<> {
        return done(tx.execute("UPDATE admin_case SET state = ?1, status = ?2, result = ?3 WHERE id = ?4",
                               {std::string(name_of(status < 400 ? CaseState::done : CaseState::failed)),
                                std::int64_t{status}, result, id}));
    });
}

Result<Case> Cases::close(const std::string& id, CaseState to, const Actor& by, const std::string& reason, Time now) {
    Case one;
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(one, find(tx, id, now));
        if (one.state != CaseState::pending) return closed();
        return decide(tx, one, to, by, reason, now);
    }));
    return one;
}

}  // namespace budkavle::admin
