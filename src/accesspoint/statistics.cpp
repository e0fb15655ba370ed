#include "accesspoint/statistics.hpp"

#include <algorithm>
#include <map>

#include "accesspoint/schema.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

/// Figures of one participant and document type.
struct Figures {
    std::map<std::string, std::int64_t> states;  ///< outgoing, by state
    std::map<std::string, std::int64_t> causes;  ///< of failed and unconfirmed ones
    std::vector<std::int64_t> latencies;         ///< milliseconds from submission to receipt
    std::int64_t sent = 0;
    std::int64_t octets_out = 0;
    std::int64_t resent = 0;
    std::int64_t received = 0;
    std::int64_t handed_over = 0;
    std::int64_t octets_in = 0;
};
using Key = std::pair<std::string, std::string>;

/// More than this of one day is a sample: the newest ones.
constexpr std::int64_t kMostLatencies = 200'000;

json::object percentiles(std::vector<std::int64_t>& values) {
    if (values.empty()) return {};
    std::ranges::sort(values);
    const auto at = [&](std::size_t percent) { return values[(values.size() - 1) * percent / 100]; };
    return {{"p50", at(50)}, {"p95", at(95)}, {"p99", at(99)}, {"max", values.back()}};
}

class Day {
public:
    Day(store::Transaction& tx, Time from, Time to, const std::optional<federation::ParticipantId>& owner) : tx_(tx) {
        values_ = {stored(from), stored(to)};
        if (owner) {
            values_.emplace_back(owner->folded());
            mine_ = " AND participant = ?3";
        }
    }

    Result<> read_outgoing() {
        BUDKAVLE_TRY(
            const auto rows,
            query("SELECT participant, document_id, state, COALESCE(cause_code, ''), COUNT(*), SUM(bytes) FROM "
                  "outgoing WHERE created >= ?1 AND created < ?2" +
                  mine_ + " GROUP BY participant, document_id, state, COALESCE(cause_code, '')"));
        for (const auto& row : rows) {
            auto& one = figures_[{row.text(0), row.text(1)}];
            const auto n = row.integer(4);
            const auto state = row.text(2);
            one.sent += n;
            one.states[state] += n;
            if (state == "failed" || state == "unconfirmed") one.causes[row.text(3)] += n;
            if (state == "delivered") one.octets_out += row.integer(5);
        }
        BUDKAVLE_TRY(const auto times,
                     query("SELECT participant, document_id, receipt_time - created FROM outgoing WHERE "
                           "created >= ?1 AND created < ?2 AND receipt_time IS NOT NULL" +
                           mine_ + " ORDER BY created DESC LIMIT " + std::to_string(kMostLatencies)));
        for (const auto& row : times) figures_[{row.text(0), row.text(1)}].latencies.push_back(row.integer(2));
        return {};
    }

    Result<> read_resent() {
        const std::string mine = mine_.empty() ? "" : " AND r.participant = ?3";
        BUDKAVLE_TRY(const auto rows,
                     query("SELECT r.participant, o.document_id, COUNT(*) FROM resent r JOIN outgoing o ON "
                           "o.participant = r.participant AND o.as4_id = r.as4_id WHERE r.time >= ?1 AND "
                           "r.time < ?2" +
                           mine + " GROUP BY r.participant, o.document_id"));
        for (const auto& row : rows) figures_[{row.text(0), row.text(1)}].resent += row.integer(2);
        return {};
    }

    Result<> read_incoming() {
        BUDKAVLE_TRY(const auto rows,
                     query("SELECT participant, action, state, COUNT(*), SUM(bytes) FROM incoming WHERE "
                           "received >= ?1 AND received < ?2" +
                           mine_ + " GROUP BY participant, action, state"));
        for (const auto& row : rows) {
            // The Action of a message names its document type behind the scheme.
            const auto action = row.text(1);
            const auto scheme = action.find("::");
            auto& one = figures_[{row.text(0), scheme == std::string::npos ? action : action.substr(scheme + 2)}];
            one.received += row.integer(3);
            one.octets_in += row.integer(4);
            if (row.text(2) == "acknowledged") one.handed_over += row.integer(3);
        }
        return {};
    }

    Result<> read_refused() {
        BUDKAVLE_TRY(const auto rows, query("SELECT cause, SUM(repeats) FROM refused WHERE time >= ?1 AND time < ?2" +
                                            mine_ + " GROUP BY cause"));
        for (const auto& row : rows) refused_[row.text(0)] = row.integer(1);
        return {};
    }

    [[nodiscard]] json::object take() {
        json::array rows;
        for (auto& [key, one] : figures_) {
            json::object causes;
            for (const auto& [cause, n] : one.causes) causes[cause.empty() ? "unknown" : cause] = n;
            rows.push_back({{"participant", key.first},
                            {"document", key.second},
                            {"sent", one.sent},
                            {"delivered", one.states["delivered"]},
                            {"failed", one.states["failed"]},
                            {"unconfirmed", one.states["unconfirmed"]},
                            {"waiting", one.states["queued"] + one.states["sending"]},
                            {"resent", one.resent},
                            {"octetsOut", one.octets_out},
                            {"latencyMs", percentiles(one.latencies)},
                            {"received", one.received},
                            {"handedOver", one.handed_over},
                            {"octetsIn", one.octets_in},
                            {"causes", causes}});
        }
        return {{"rows", rows}, {"refused", refused_}};
    }

private:
    Result<std::vector<store::Row>> query(const std::string& sql) { return tx_.query(sql, values_); }

    store::Transaction& tx_;
    std::vector<store::Value> values_;
    std::string mine_;
    std::map<Key, Figures> figures_;
    json::object refused_;
};

}  // namespace

Result<json::object> statistics(store::Transaction& tx, Time from, Time to,
                                const std::optional<federation::ParticipantId>& owner) {
    Day day(tx, from, to, owner);
    BUDKAVLE_CHECK(day.read_outgoing());
    BUDKAVLE_CHECK(day.read_resent());
    BUDKAVLE_CHECK(day.read_incoming());
    BUDKAVLE_CHECK(day.read_refused());
    return day.take();
}

}  // namespace budkavle::accesspoint
