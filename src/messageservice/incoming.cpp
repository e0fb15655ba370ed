#include "messageservice/records.hpp"
#include "messageservice/sql.hpp"

namespace budkavle::messageservice {
namespace incoming {
namespace {

constexpr std::string_view kColumns =
    "participant, as4_message_id, envelope_id, envelope, octets, received, from_party, original_sender, trace, answer, "
    "status,"
    " conversation_id, sender, function, label, payload, receipt_id";

Incoming from_row(const store::Row& row) {
    return {.participant = row.text(0),
            .as4_message_id = row.text(1),
            .envelope_id = row.text(2),
            .envelope = row.text(3),
            .octets = row.integer(4),
            .received = loaded(row.integer(5)),
            .from_party = row.text(6),
            .original_sender = row.text(7),
            .trace = row.text(8),
            .answer = row.optional_text(9),
            .status = row.is_null(10) ? std::nullopt : parse_status(row.text(10)),
            .conversation_id = row.text(11),
            .sender = row.text(12),
            .function = row.text(13),
            .label = row.blob(14),
            .payload = row.optional_text(15),
            .receipt_id = row.optional_text(16)};
}

store::Value status_value(const std::optional<Status>& status) {
    return status ? store::Value(std::string(name(*status))) : store::Value();
}

Result<std::optional<Incoming>> first(Result<std::vector<store::Row>> rows) {
    if (!rows) return std::unexpected(std::move(rows).error());
    return rows->empty() ? std::nullopt : std::optional(from_row(rows->front()));
}

}  // namespace

Result<> insert(store::Transaction& tx, const Incoming& message) {
    return one_row(
        tx.execute("INSERT INTO incoming (participant, as4_message_id, envelope_id, envelope, octets, received,"
                   " from_party, original_sender, trace) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                   {message.participant, message.as4_message_id, message.envelope_id, message.envelope, message.octets,
                    stored(message.received), message.from_party, message.original_sender, message.trace}));
}

Result<std::optional<Incoming>> find(store::Transaction& tx, const std::string& participant,
                                     const std::string& as4_message_id) {
    return first(
        tx.query("SELECT " + std::string(kColumns) + " FROM incoming WHERE participant = ?1 AND as4_message_id = ?2",
                 {participant, as4_message_id}));
}

Result<std::optional<Incoming>> find_message(store::Transaction& tx, const std::string& participant,
                                             const std::string& message_id) {
    return first(tx.query("SELECT " + std::string(kColumns) +
                              " FROM incoming WHERE participant = ?1 AND envelope_id = ?2 AND status IS NOT NULL",
                          {participant, message_id}));
}

Result<std::vector<Incoming>> list_new(store::Transaction& tx, const std::string& participant,
                                       const std::optional<std::string>& function) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT " + std::string(kColumns) +
                                               " FROM incoming WHERE participant = ?1 AND status = 'NEW'"
                                               " AND (?2 IS NULL OR function = ?2) ORDER BY received",
                                           {participant, optional_value(function)}));
    std::vector<Incoming> all;
    for (const auto& row : rows) all.push_back(from_row(row));
    return all;
}

Result<> conclude(store::Transaction& tx, const Incoming& message) {
    return one_row(tx.execute(
        "UPDATE incoming SET answer = ?3, status = ?4, conversation_id = ?5, sender = ?6, function = ?7, label = ?8,"
        " payload = ?9, receipt_id = ?10, envelope_id = ?11"
        " WHERE participant = ?1 AND as4_message_id = ?2 AND answer IS NULL",
        {message.participant, message.as4_message_id, optional_value(message.answer), status_value(message.status),
         message.conversation_id, message.sender, message.function, message.label, optional_value(message.payload),
         optional_value(message.receipt_id), message.envelope_id}));
}

Result<> move(store::Transaction& tx, Incoming& message, Status to, Time at, const Event& why) {
    if (!message.status) return fail("mt.status", "The incoming message has no status.");
    BUDKAVLE_CHECK(check_transition(Direction::in, *message.status, to));
    BUDKAVLE_CHECK(one_row(tx.execute(
        "UPDATE incoming SET status = ?4 WHERE participant = ?1 AND as4_message_id = ?2 AND status = ?3",
        {message.participant, message.as4_message_id, std::string(name(*message.status)), std::string(name(to))})));
    message.status = to;
    Event event = why;
    event.time = at;
    event.event = "status";
    event.status = to;
    return events::add(tx, message.participant, Direction::in, message.envelope_id, event);
}

}  // namespace incoming

namespace duplicates {

Result<std::optional<Remembered>> find(store::Transaction& tx, const std::string& participant,
                                       const std::string& envelope_id) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT as4_message_id, answer FROM duplicate WHERE participant = ?1 AND envelope_id = ?2",
                          {participant, envelope_id}));
    return rows.empty() ? std::nullopt : std::optional(Remembered{rows.front().text(0), rows.front().text(1)});
}

Result<> insert(store::Transaction& tx, const Incoming& message, const std::string& sha256, Time at) {
    return one_row(
        tx.execute("INSERT INTO duplicate (participant, envelope_id, as4_message_id, sha256, answer, receipt_id, at)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                   {message.participant, message.envelope_id, message.as4_message_id, sha256,
                    message.answer.value_or(""), message.receipt_id.value_or(""), stored(at)}));
}

}  // namespace duplicates
}  // namespace budkavle::messageservice
