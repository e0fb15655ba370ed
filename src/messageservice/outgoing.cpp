#include "messageservice/records.hpp"
#include "messageservice/sql.hpp"

namespace budkavle::messageservice::outgoing {
namespace {

constexpr std::string_view kColumns =
    "participant, message_id, conversation_id, receiver, function, label, status, created, payload, payload_sha256, "
    "octets,"
    " envelope, trace, result, receipt";

Outgoing from_row(const store::Row& row) {
    return {.participant = row.text(0),
            .message_id = row.text(1),
            .conversation_id = row.text(2),
            .receiver = row.text(3),
            .function = row.text(4),
            .label = row.blob(5),
            .status = parse_status(row.text(6)).value_or(Status::error),
            .created = loaded(row.integer(7)),
            .payload = row.text(8),
            .payload_sha256 = row.text(9),
            .octets = row.integer(10),
            .envelope = row.optional_text(11),
            .trace = row.text(12),
            .result = row.text(13),
            .receipt = row.optional_text(14)};
}

}  // namespace

Result<> insert(store::Transaction& tx, const Outgoing& message) {
    return one_row(
        tx.execute("INSERT INTO outgoing (" + std::string(kColumns) +
                       ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                   {message.participant, message.message_id, message.conversation_id, message.receiver,
                    message.function, message.label, std::string(name(message.status)), stored(message.created),
                    message.payload, message.payload_sha256, message.octets, optional_value(message.envelope),
                    message.trace, message.result, optional_value(message.receipt)}));
}

Result<std::optional<Outgoing>> find(store::Transaction& tx, const std::string& participant,
                                     const std::string& message_id) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT " + std::string(kColumns) +
                                               " FROM outgoing WHERE participant = ?1 AND message_id = ?2",
                                           {participant, message_id}));
    return rows.empty() ? std::nullopt : std::optional(from_row(rows.front()));
}

Result<std::vector<Outgoing>> list(store::Transaction& tx, const std::string& participant,
                                   const std::optional<std::string>& function) {
    BUDKAVLE_TRY(
        const auto rows,
        tx.query("SELECT " + std::string(kColumns) +
                     " FROM outgoing WHERE participant = ?1 AND (?2 IS NULL OR function = ?2) ORDER BY created",
                 {participant, optional_value(function)}));
    std::vector<Outgoing> all;
    for (const auto& row : rows) all.push_back(from_row(row));
    return all;
}

Result<> set_envelope(store::Transaction& tx, const Outgoing& message, const std::string& blob) {
    return one_row(tx.execute("UPDATE outgoing SET envelope = ?3 WHERE participant = ?1 AND message_id = ?2",
                              {message.participant, message.message_id, blob}));
}

Result<> set_receipt(store::Transaction& tx, const Outgoing& message, const std::string& blob,
                     const std::string& result) {
    return one_row(
        tx.execute("UPDATE outgoing SET receipt = ?3, result = ?4 WHERE participant = ?1 AND message_id = ?2",
                   {message.participant, message.message_id, blob, result}));
}

Result<> move(store::Transaction& tx, Outgoing& message, Status to, Time at, const Event& why) {
    BUDKAVLE_CHECK(check_transition(Direction::out, message.status, to));
    BUDKAVLE_CHECK(one_row(tx.execute(
        "UPDATE outgoing SET status = ?4 WHERE participant = ?1 AND message_id = ?2 AND status = ?3",
        {message.participant, message.message_id, std::string(name(message.status)), std::string(name(to))})));
    message.status = to;
    Event event = why;
    event.time = at;
    event.event = "status";
    event.status = to;
    return events::add(tx, message.participant, Direction::out, message.message_id, event);
}

}  // namespace budkavle::messageservice::outgoing
