#include <fmt/format.h>

#include <algorithm>

#include "ca/request_json.hpp"
#include "ca/requests.hpp"

namespace budkavle::ca {
namespace {

constexpr std::size_t kMaxPage = 500;

Result<std::vector<PkiRequest>> read_all(store::Transaction& transaction, const std::string& where,
                                         const std::vector<store::Value>& values) {
    std::vector<PkiRequest> out;
    BUDKAVLE_TRY(const auto rows, transaction.query("SELECT body FROM request " + where, values));
    for (const auto& row : rows) {
        BUDKAVLE_TRY(auto one, request_from_json(row.text(0)));
        out.push_back(std::move(one));
    }
    return out;
}

}  // namespace

Result<PkiRequest> Requests::get(std::string_view id) const {
    std::vector<PkiRequest> found;
    BUDKAVLE_CHECK(authority_.book().database().read([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(found, read_all(transaction, "WHERE id = ?1", {std::string(id)}));
        return {};
    }));
    if (found.empty()) return fail("ca.unknown_request", "There is no request with this id.");
    return std::move(found.front());
}

Result<RequestPage> Requests::list(const RequestFilter& filter, const Page& page) const {
    std::string where;
    std::vector<store::Value> values;
    const auto add = [&](std::string_view column, std::string value) {
        values.emplace_back(std::move(value));
        where += fmt::format("{} {} = ?{}", where.empty() ? "WHERE" : " AND", column, values.size());
    };
    if (!filter.ca.empty()) add("ca", filter.ca);
    if (!filter.organisation.empty()) add("organisation", filter.organisation);
    if (filter.kind) add("kind", std::string(name(*filter.kind)));
    if (filter.state) add("state", std::string(name(*filter.state)));
    RequestPage out;
    BUDKAVLE_CHECK(authority_.book().database().read([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(const auto count, transaction.query("SELECT COUNT(*) FROM request " + where, values));
        out.total = static_cast<std::size_t>(count.front().integer(0));
        BUDKAVLE_TRY(out.rows, read_all(transaction,
                                        fmt::format("{} ORDER BY created, id LIMIT {} OFFSET {}", where,
                                                    std::min(page.limit, kMaxPage), page.offset),
                                        values));
        return {};
    }));
    return out;
}

Result<std::optional<PkiRequest>> Requests::approved_for(std::string_view key_sha256) const {
    std::vector<PkiRequest> found;
    BUDKAVLE_CHECK(authority_.book().database().read([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(found, read_all(transaction, "WHERE key_sha256 = ?1 AND state IN ('approved', 'issued')",
                                     {std::string(key_sha256)}));
        return {};
    }));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

Result<std::optional<PkiRequest>> Requests::newest_for(std::string_view key_sha256) const {
    std::vector<PkiRequest> found;
    BUDKAVLE_CHECK(authority_.book().database().read([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(found, read_all(transaction,
                                     "WHERE key_sha256 = ?1 AND state IN ('received', 'verified', 'approved', 'issued') "
                                     "ORDER BY created DESC",
                                     {std::string(key_sha256)}));
        return {};
    }));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

Result<std::size_t> Requests::expire_due(std::string_view who) {
    const auto now = authority_.clock().now();
    std::vector<PkiRequest> due;
    BUDKAVLE_CHECK(authority_.book().database().read([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(due, read_all(transaction,
                                   "WHERE expires <= ?1 AND state IN ('received', 'verified', 'approved') ORDER BY "
                                   "expires LIMIT 500",
                                   {std::int64_t{now.time_since_epoch().count()}}));
        return {};
    }));
    std::size_t count = 0;
    for (auto& request : due) {
        const auto from = request.state;
        request.state = RequestState::expired;
        request.closed = Act{std::string(who), now, "expired"};
        if (!move(request, from)) continue;  // somebody was quicker
        told(who, request, from);
        ++count;
    }
    return count;
}

}  // namespace budkavle::ca
