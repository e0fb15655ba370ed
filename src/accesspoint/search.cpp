#include "accesspoint/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "accesspoint/schema.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

constexpr unsigned kLargestPage = 500;
constexpr std::size_t kLongestValue = 512;

/// Where a page goes on: the time of the last entry, and how many of that time were shown.
struct Cursor {
    std::int64_t time = INT64_MAX;
    unsigned shown = 0;
};

template <class Number>
bool parse(std::string_view text, Number& into) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), into);
    return code == std::errc{} && end == text.data() + text.size();
}

Result<Cursor> read_cursor(const std::string& text) {
    Cursor cursor;
    const auto dot = text.find('.');
    if (text.empty()) return cursor;
    if (dot == std::string::npos || !parse(std::string_view(text).substr(0, dot), cursor.time) ||
        !parse(std::string_view(text).substr(dot + 1), cursor.shown) || cursor.shown > 10'000) {
        return fail("query.cursor", {}, "cursor", "The cursor is not one of ours.", "Take `next` of the page before.");
    }
    return cursor;
}

/// One of the three tables, with its columns named alike.
struct Table {
    std::string_view name;
    std::string_view columns;  ///< as kColumns below
    std::string_view time;
    std::string_view state;
    std::string_view conversation;
    std::string_view trace;
    std::string_view xhe;
    std::string_view sender;
    std::string_view recipient;
    std::string_view peer;
};

// kind, time, participant, as4_id, xhe_id, conversation, sender, recipient, peer, document, state, bytes, attempts,
// cause, text, trace, receipt time, own id
constexpr Table kTables[] = {
    {"outgoing",
     "'outgoing', created, participant, as4_id, xhe_id, conversation_id, sender, recipient, peer, document_id, state, "
     "bytes, attempts, cause_code, cause_text, substr(traceparent, 4, 32), receipt_time, ''",
     "created", "state", "conversation_id", "substr(traceparent, 4, 32)", "xhe_id", "sender", "recipient", "peer"},
    {"incoming",
     "'incoming', received, participant, as4_id, xhe_id, conversation_id, original_sender, final_recipient, "
     "from_party, "
     "action, state, bytes, 0, '', '', trace_id, NULL, ''",
     "received", "state", "conversation_id", "trace_id", "xhe_id", "original_sender", "final_recipient", "from_party"},
    {"refused",
     "'refused', time, participant, as4_id, '', conversation_id, sender, recipient, peer_ap, document, 'refused', 0, "
     "0, "
     "cause, reason, trace_id, NULL, id",
     "time", "'refused'", "conversation_id", "trace_id", "id", "sender", "recipient", "peer_ap"},
};

/// Conditions with numbered parameters.
class Conditions {
public:
    void add(std::string_view pattern, store::Value value) {
        values_.push_back(std::move(value));
        const auto parameter = fmt::format("?{}", values_.size());
        text_ += text_.empty() ? " WHERE " : " AND ";
        for (const char c : pattern) {
            if (c == '@') {
                text_ += parameter;
            } else {
                text_ += c;
            }
        }
    }
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const std::vector<store::Value>& values() const { return values_; }

private:
    std::string text_;
    std::vector<store::Value> values_;
};

Conditions conditions_for(const Table& t, const SearchQuery& q, const Cursor& cursor) {
    Conditions c;
    c.add(fmt::format("{} <= @", t.time), cursor.time);
    if (q.owner) c.add("participant = @", q.owner->folded());  // AP-30: in the query, not in a filter behind it
    if (q.from) c.add(fmt::format("{} >= @", t.time), stored(*q.from));
    if (q.to) c.add(fmt::format("{} < @", t.time), stored(*q.to));
    if (!q.id.empty())
        c.add(fmt::format("(as4_id = @ OR {} = @ OR {} = @ OR {} = @)", t.xhe, t.conversation, t.trace), q.id);
    if (!q.participant.empty())
        c.add(fmt::format("(participant = @ OR LOWER({}) = @ OR LOWER({}) = @)", t.sender, t.recipient),
              to_lower_ascii(q.participant));
    if (!q.peer.empty()) c.add(fmt::format("{} = @", t.peer), q.peer);
    if (!q.state.empty()) c.add(fmt::format("{} = @", t.state), q.state);
    return c;
}

void put(json::object& into, std::string_view key, const std::string& value) {
    if (!value.empty()) into[key] = value;
}

json::object entry(const store::Row& row) {
    json::object out{{"kind", row.text(0)}, {"time", format_utc(loaded(row.integer(1)))}, {"state", row.text(10)}};
    put(out, "refusedId", row.text(17));
    put(out, "participant", row.text(2));
    put(out, "as4MessageId", row.text(3));
    put(out, "xheId", row.text(4));
    put(out, "conversationId", row.text(5));
    put(out, "sender", row.text(6));
    put(out, "recipient", row.text(7));
    put(out, "peerAp", row.text(8));
    put(out, "document", row.text(9));
    if (row.integer(11) > 0) out["bytes"] = row.integer(11);
    if (row.integer(12) > 0) out["attempts"] = row.integer(12);
    if (!row.text(13).empty()) out["cause"] = {{"code", row.text(13)}, {"text", row.text(14)}};
    put(out, "trace", row.text(15));
    if (!row.is_null(16)) out["receiptTime"] = format_utc(loaded(row.integer(16)));
    return out;
}

Result<std::optional<Time>> time_parameter(const net::Request& request, std::string_view name) {
    const auto text = request.parameter(name);
    if (!text) return std::optional<Time>{};
    const auto time = parse_time(*text);
    if (!time) return fail("query.time", {}, name, "The time is not like 2026-11-23T00:00:00Z.");
    return std::optional(*time);
}

}  // namespace

Result<SearchQuery> read_search(const net::Request& request) {
    SearchQuery query;
    const auto text = [&](std::string_view name) { return request.parameter(name).value_or(""); };
    query.id = text("id");
    query.participant = text("participant");
    query.peer = text("peer");
    query.state = text("state");
    query.cursor = text("cursor");
    for (const auto* value : {&query.id, &query.participant, &query.peer, &query.state, &query.cursor}) {
        if (value->size() > kLongestValue) return fail("query.length", {}, "query", "A parameter is too long.");
    }
    BUDKAVLE_TRY(query.from, time_parameter(request, "from"));
    BUDKAVLE_TRY(query.to, time_parameter(request, "to"));
    if (const auto limit = request.parameter("limit");
        limit && (!parse(*limit, query.limit) || query.limit == 0 || query.limit > kLargestPage))
        return fail("query.number", {}, "limit", "The limit must be a number from 1 to 500.");
    BUDKAVLE_CHECK(read_cursor(query.cursor));
    return query;
}

Result<SearchPage> search(store::Transaction& tx, const SearchQuery& query) {
    BUDKAVLE_TRY(const auto cursor, read_cursor(query.cursor));
    const auto wanted = query.limit + cursor.shown + 1;
    std::vector<store::Row> found;
    for (const auto& table : kTables) {
        const auto conditions = conditions_for(table, query, cursor);
        const auto sql = fmt::format("SELECT {} FROM {}{} ORDER BY {} DESC, as4_id LIMIT {}", table.columns, table.name,
                                     conditions.text(), table.time, wanted);
        BUDKAVLE_TRY(auto some, tx.query(sql, conditions.values()));
        std::ranges::move(some, std::back_inserter(found));
    }
    // Newest first; what has the same time keeps the order of the tables, so that pages fit together.
    std::vector<std::size_t> order(found.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto time_of = [&](std::size_t i) { return found[i].integer(1); };
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
        return time_of(a) != time_of(b) ? time_of(a) > time_of(b) : a < b;
    });
    std::size_t begin = 0;
    while (begin < order.size() && begin < cursor.shown && time_of(order[begin]) == cursor.time) ++begin;
    const auto end = std::min(order.size(), begin + query.limit);
    SearchPage page;
    for (auto i = begin; i < end; ++i) page.messages.push_back(entry(found[order[i]]));
    if (end < order.size() && end > begin) {
        const auto last = time_of(order[end - 1]);
        const auto same = std::count_if(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(end),
                                        [&](std::size_t i) { return time_of(i) == last; });
        page.next = fmt::format("{}.{}", last, same);
    }
    return page;
}

Result<json::array> events_of(store::Transaction& tx, const std::string& participant, const std::string& as4_id) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT facts FROM event WHERE participant = ?1 AND as4_id = ?2 ORDER BY position LIMIT 1000",
                          {participant, as4_id}));
    json::array events;
    for (const auto& row : rows) {
        json::error_code error;
        auto value = json::parse(row.text(0), error);
        if (!error) events.push_back(std::move(value));
    }
    return events;
}

}  // namespace budkavle::accesspoint
