#include <boost/json.hpp>

#include "messageservice/records.hpp"
#include "messageservice/sql.hpp"

namespace budkavle::messageservice {
namespace events {
namespace {

std::string ids_text(const Event& event) {
    boost::json::object ids;
    for (const auto& [key, value] : event.ids) ids[key] = value;
    return boost::json::serialize(ids);
}

std::vector<std::pair<std::string, std::string>> parse_ids(const std::string& text) {
    boost::system::error_code ignored;
    const auto parsed = boost::json::parse(text, ignored);
    std::vector<std::pair<std::string, std::string>> ids;
    if (const auto* object = parsed.if_object())
        for (const auto& [key, value] : *object)
            if (const auto* id = value.if_string()) ids.emplace_back(key, *id);
    return ids;
}

}  // namespace

Result<> add(store::Transaction& tx, const std::string& participant, Direction direction, const std::string& message_id,
             const Event& event) {
    BUDKAVLE_TRY(const auto last,
                 tx.query("SELECT MAX(number) FROM event WHERE participant = ?1 AND direction = ?2 AND message_id = ?3",
                          {participant, std::string(name(direction)), message_id}));
    const std::int64_t number = last.empty() ? 1 : last.front().integer(0) + 1;
    return one_row(
        tx.execute("INSERT INTO event (participant, direction, message_id, number, time, event, status, detail, place, "
                   "text, ids, certificate)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                   {participant, std::string(name(direction)), message_id, number, stored(event.time), event.event,
                    event.status ? store::Value(std::string(name(*event.status))) : store::Value(), event.detail,
                    event.place, event.text, ids_text(event), optional_value(event.certificate)}));
}

Result<std::vector<Event>> list(store::Transaction& tx, const std::string& participant, Direction direction,
                                const std::string& message_id) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT time, event, status, detail, place, text, ids, certificate FROM event"
                          " WHERE participant = ?1 AND direction = ?2 AND message_id = ?3 ORDER BY number",
                          {participant, std::string(name(direction)), message_id}));
    std::vector<Event> all;
    for (const auto& row : rows)
        all.push_back({.time = loaded(row.integer(0)),
                       .event = row.text(1),
                       .status = row.is_null(2) ? std::nullopt : parse_status(row.text(2)),
                       .detail = row.text(3),
                       .place = row.text(4),
                       .text = row.text(5),
                       .ids = parse_ids(row.text(6)),
                       .certificate = row.optional_text(7)});
    return all;
}

}  // namespace events

Result<std::vector<std::string>> blobs_in_use(store::Transaction& tx, const std::string& participant) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT payload FROM outgoing WHERE participant = ?1"
                                           " UNION SELECT envelope FROM outgoing WHERE participant = ?1"
                                           " UNION SELECT receipt FROM outgoing WHERE participant = ?1"
                                           " UNION SELECT envelope FROM incoming WHERE participant = ?1"
                                           " UNION SELECT payload FROM incoming WHERE participant = ?1"
                                           " UNION SELECT envelope FROM shipment WHERE participant = ?1",
                                           {participant}));
    std::vector<std::string> all;
    for (const auto& row : rows)
        if (!row.is_null(0)) all.push_back(row.text(0));
    return all;
}

}  // namespace budkavle::messageservice
