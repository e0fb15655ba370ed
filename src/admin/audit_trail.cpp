#include "admin/audit_trail.hpp"

#include <boost/json.hpp>

#include "admin/sql.hpp"
#include "base/bytes.hpp"
#include "crypto/digest.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestValue = 8192;
constexpr std::int64_t kVerifyAtOnce = 1000;
constexpr std::string_view kStart = "0000000000000000000000000000000000000000000000000000000000000000";

/// Everything that the hash covers, in a fixed order.
std::string line_of(const AuditEvent& e) {
    return json::serialize(json::object{{"account", e.account},
                                        {"who", e.who},
                                        {"role", e.role},
                                        {"operation", e.operation},
                                        {"outcome", e.outcome},
                                        {"objectType", e.object_type},
                                        {"objectId", e.object_id},
                                        {"old", e.old_value},
                                        {"new", e.new_value},
                                        {"reason", e.reason},
                                        {"requestId", e.request_id},
                                        {"caseId", e.case_id},
                                        {"peer", e.peer},
                                        {"detail", e.detail}});
}

AuditEvent event_of(const std::string& line) {
    json::error_code ec;
    const auto value = json::parse(line, ec);
    AuditEvent e;
    if (ec || !value.is_object()) return e;
    const auto take = [&](std::string& into, std::string_view name) {
        const auto* found = value.get_object().if_contains(name);
        if (found != nullptr && found->is_string()) into = std::string(found->get_string());
    };
    take(e.account, "account");
    take(e.who, "who");
    take(e.role, "role");
    take(e.operation, "operation");
    take(e.outcome, "outcome");
    take(e.object_type, "objectType");
    take(e.object_id, "objectId");
    take(e.old_value, "old");
    take(e.new_value, "new");
    take(e.reason, "reason");
    take(e.request_id, "requestId");
    take(e.case_id, "caseId");
    take(e.peer, "peer");
    take(e.detail, "detail");
    return e;
}

std::string hash_of(std::string_view previous, std::int64_t position, std::int64_t time, std::string_view line) {
    std::string text(previous);
    text += "\n" + std::to_string(position) + "\n" + std::to_string(time) + "\n";
    text += line;
    return hex_encode(crypto::sha256(as_bytes(text)));
}

}  // namespace

std::string audit_value(const json::value& value) {
    if (value.is_null()) return {};
    auto text = json::serialize(value);
    if (text.size() <= kLongestValue) return text;
    return json::serialize(
        json::object{{"octets", text.size()}, {"sha256", hex_encode(crypto::sha256(as_bytes(text)))}});
}

Result<> AuditTrail::write(const AuditEvent& event) {
    const auto line = line_of(event);
    const auto now = number(clock_.now());
    std::int64_t position = 0;
    std::string hash;
    BUDKAVLE_CHECK(database_.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto last,
                     tx.query("SELECT position, hash FROM admin_audit ORDER BY position DESC LIMIT 1"));
        position = last.empty() ? 1 : last.front().integer(0) + 1;
        hash = hash_of(last.empty() ? kStart : last.front().text(1), position, now, line);
        return done(tx.execute(
            "INSERT INTO admin_audit (position, time, account, operation, object_type, object_id, request_id, line, "
            "hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            {position, now, event.account, event.operation, event.object_type, event.object_id, event.request_id, line,
             hash}));
    }));
    log_.audit(event.account.empty() ? std::string("anonymous") : event.who + " (" + event.account + ")",
               "admin." + event.operation,
               {{"outcome", event.outcome},
                {"objectType", event.object_type},
                {"objectId", event.object_id},
                {"old", event.old_value},
                {"new", event.new_value},
                {"reason", event.reason},
                {"requestId", event.request_id},
                {"case", event.case_id},
                {"peer", event.peer},
                {"detail", event.detail},
                {"position", position},
                {"hash", hash}});
    return {};
}

Result<std::vector<AuditLine>> AuditTrail::find(const AuditFilter& filter, std::int64_t offset, std::int64_t limit,
                                                std::int64_t& total) const {
    constexpr std::string_view kWhere =
        " FROM admin_audit WHERE time >= ?1 AND time <= ?2 AND (?3 = '' OR account = ?3) AND (?4 = '' OR operation = "
        "?4) "
        "AND (?5 = '' OR object_id = ?5) AND (?6 = '' OR request_id = ?6)";
    const std::vector<store::Value> facts{filter.from ? number(*filter.from) : std::int64_t{0},
                                          filter.to ? number(*filter.to) : std::int64_t{1} << 53,
                                          filter.account,
                                          filter.operation,
                                          filter.object,
                                          filter.request_id};
    std::vector<AuditLine> all;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        all.clear();
        BUDKAVLE_TRY(const auto counted, tx.query("SELECT COUNT(*)" + std::string(kWhere), facts));
        total = counted.front().integer(0);
        auto more = facts;
        more.emplace_back(limit);
        more.emplace_back(offset);
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT position, time, line, hash" + std::string(kWhere) +
                                                   " ORDER BY position DESC LIMIT ?7 OFFSET ?8",
                                               more));
        for (const auto& row : rows)
            all.push_back(
                {row.integer(0), Time(std::chrono::milliseconds(row.integer(1))), event_of(row.text(2)), row.text(3)});
        return {};
    }));
    return all;
}

Result<AuditTrail::Verdict> AuditTrail::verify() const {
    Verdict verdict{0, std::string(kStart)};
    for (bool more = true; more;) {
        BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto rows,
                         tx.query("SELECT position, time, line, hash FROM admin_audit WHERE position > ?1 "
                                  "ORDER BY position LIMIT ?2",
                                  {verdict.lines, kVerifyAtOnce}));
            more = !rows.empty();
            for (const auto& row : rows) {
                const auto expected = verdict.lines + 1;
                if (row.integer(0) != expected ||
                    row.text(3) != hash_of(verdict.last_hash, expected, row.integer(1), row.text(2)))
                    return fail("audit.broken", "SEC-12", "audit:" + std::to_string(expected),
                                "The line is not the successor of the one before it: the trail was changed.", {});
                verdict = {expected, row.text(3)};
            }
            return {};
        }));
    }
    return verdict;
}

}  // namespace budkavle::admin
