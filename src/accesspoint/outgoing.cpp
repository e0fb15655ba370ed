#include "accesspoint/outgoing.hpp"

#include "accesspoint/schema.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::string_view kSelect = R"(
  SELECT as4_id, idempotency_key, state, xhe_id, xhe_sha256, blob, bytes, recipient, document_id, process_id,
         process_scheme, conversation_id, traceparent, created, attempts, lookups, request_blob, request_type, evidence,
         peer, peer_sha256, profile, cause_code, cause_text, receipt, receipt_type, receipt_time, finished, sealed
  FROM outgoing )";

constexpr std::string_view kInsert = R"(
  INSERT INTO outgoing (participant, as4_id, idempotency_key, state, xhe_id, xhe_sha256, blob, bytes, sender, recipient,
                        document_id, process_id, process_scheme, conversation_id, traceparent, created, attempts, lookups)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 0, 0))";

constexpr std::string_view kUpdate = R"(
  UPDATE outgoing
  SET state = ?4, blob = ?5, attempts = ?6, lookups = ?7, request_blob = ?8, request_type = ?9, evidence = ?10,
      peer = ?11, peer_sha256 = ?12, profile = ?13, cause_code = ?14, cause_text = ?15, receipt = ?16,
      receipt_type = ?17, receipt_time = ?18, finished = ?19, sealed = ?20
  WHERE participant = ?1 AND as4_id = ?2 AND state = ?3)";

std::optional<Time> optional_time(const store::Row& row, std::size_t column) {
    return row.is_null(column) ? std::nullopt : std::optional(loaded(row.integer(column)));
}
store::Value optional_value(const std::optional<Time>& at) {
    return at ? store::Value(stored(*at)) : store::Value(std::monostate{});
}

Result<OutgoingMessage> read(const store::Row& row, const federation::ParticipantId& participant) {
    BUDKAVLE_TRY(const auto recipient, federation::ParticipantId::parse(row.text(7)));
    const auto state = outgoing_from(row.text(2));
    if (!state) return fail("db.failed", "A stored message has an unknown state.");
    return OutgoingMessage{
        .participant = participant,
        .as4_id = row.text(0),
        .idempotency_key = row.text(1),
        .state = *state,
        .xhe_id = row.text(3),
        .xhe_sha256 = row.text(4),
        .blob = row.text(5),
        .bytes = static_cast<std::uint64_t>(row.integer(6)),
        .recipient = recipient,
        .document_id = row.text(8),
        .process_id = row.text(9),
        .process_scheme = row.text(10),
        .conversation_id = row.text(11),
        .traceparent = row.text(12),
        .created = loaded(row.integer(13)),
        .attempts = static_cast<unsigned>(row.integer(14)),
        .lookups = static_cast<unsigned>(row.integer(15)),
        .request_blob = row.text(16),
        .request_type = row.text(17),
        .evidence = row.text(18),
        .peer = row.text(19),
        .peer_sha256 = row.text(20),
        .profile = row.text(21),
        .sealed = optional_time(row, 28),
        .cause_code = row.text(22),
        .cause_text = row.text(23),
        .receipt = row.blob(24),
        .receipt_type = row.text(25),
        .receipt_time = optional_time(row, 26),
        .finished = optional_time(row, 27),
    };
}

Result<std::optional<OutgoingMessage>> find(store::Transaction& tx, const federation::ParticipantId& participant,
                                            std::string_view condition, const std::string& value) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query(std::string(kSelect) + "WHERE participant = ?1 AND " + std::string(condition),
                          {participant.folded(), value}));
    if (rows.empty()) return std::optional<OutgoingMessage>{};
    BUDKAVLE_TRY(auto message, read(rows.front(), participant));
    return std::optional(std::move(message));
}

}  // namespace

TransferEvent event_of(const OutgoingMessage& m, std::string name) {
    return {.name = std::move(name),
            .participant = m.participant.folded(),
            .outgoing = true,
            .peer_ap = m.peer,
            .sender = m.participant.text(),
            .recipient = m.recipient.text(),
            .as4_id = m.as4_id,
            .conversation_id = m.conversation_id,
            .xhe_id = m.xhe_id,
            .document = m.document_id,
            .bytes = m.bytes,
            .trace_id = obs::Trace::from_header(m.traceparent).trace_id};
}

Result<> add_outgoing(store::Transaction& tx, const OutgoingMessage& m) {
    BUDKAVLE_CHECK(tx.execute(
        kInsert, {m.participant.folded(), m.as4_id, m.idempotency_key, std::string(to_string(m.state)), m.xhe_id,
                  m.xhe_sha256, m.blob, static_cast<std::int64_t>(m.bytes), m.participant.text(), m.recipient.text(),
                  m.document_id, m.process_id, m.process_scheme, m.conversation_id, m.traceparent, stored(m.created)}));
    return add_load(tx, m.participant, Direction::out, m.bytes);
}

Result<std::optional<OutgoingMessage>> find_outgoing(store::Transaction& tx,
                                                     const federation::ParticipantId& participant,
                                                     const std::string& as4_id) {
    return find(tx, participant, "as4_id = ?2", as4_id);
}

Result<std::optional<OutgoingMessage>> find_outgoing_of_envelope(store::Transaction& tx,
                                                                 const federation::ParticipantId& participant,
                                                                 const std::string& xhe_id) {
    return find(tx, participant, "xhe_id = ?2 ORDER BY created DESC LIMIT 1", xhe_id);
}

Result<std::optional<OutgoingMessage>> find_by_key(store::Transaction& tx, const federation::ParticipantId& participant,
                                                   const std::string& idempotency_key) {
    return find(tx, participant, "idempotency_key = ?2", idempotency_key);
}

Result<> update_outgoing(store::Transaction& tx, const OutgoingMessage& m, Outgoing was) {
    if (m.state != was || m.state == Outgoing::sending) BUDKAVLE_CHECK(check_transition(was, m.state));
    BUDKAVLE_TRY(const auto changed,
                 tx.execute(kUpdate, {m.participant.folded(), m.as4_id, std::string(to_string(was)),
                                      std::string(to_string(m.state)), m.blob, std::int64_t{m.attempts},
                                      std::int64_t{m.lookups}, m.request_blob, m.request_type, m.evidence, m.peer,
                                      m.peer_sha256, m.profile, m.cause_code, m.cause_text, m.receipt, m.receipt_type,
                                      optional_value(m.receipt_time), optional_value(m.finished), optional_value(m.sealed)}));
    if (changed != 1) return fail("state.transition", "The message has left the state it was expected in.");
    if (is_final(m.state) && !is_final(was)) return remove_load(tx, m.participant, Direction::out, m.bytes);
    return {};
}

Result<std::set<std::string>> outgoing_blobs(store::Transaction& tx) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT blob, request_blob FROM outgoing WHERE blob <> '' OR request_blob <> ''"));
    std::set<std::string> blobs;
    for (const auto& row : rows) {
        blobs.insert(row.text(0));
        blobs.insert(row.text(1));
    }
    return blobs;
}

}  // namespace budkavle::accesspoint
