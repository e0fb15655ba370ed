#include "accesspoint/incoming.hpp"

#include <algorithm>

#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/schema.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::string_view kSelect = R"(
  SELECT as4_id, position, state, xhe_id, blob, bytes, received, from_party, to_party, original_sender, final_recipient,
         service, action, conversation_id, signer_sha256, trace_id,
         (SELECT COUNT(*) FROM held h WHERE h.direction = 'in' AND h.participant = incoming.participant
                                        AND h.as4_id = incoming.as4_id)
  FROM incoming )";

constexpr std::string_view kInsert = R"(
  INSERT INTO incoming (participant, as4_id, position, state, xhe_id, blob, bytes, received, from_party, to_party,
                        original_sender, final_recipient, service, action, conversation_id, signer_sha256, trace_id)
  VALUES (?1, ?2, (SELECT COALESCE(MAX(position), 0) + 1 FROM incoming WHERE participant = ?1),
          ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16))";

constexpr std::string_view kRemember = R"(
  INSERT INTO received (message_id, from_party, content_sha256, references_sha256, receipt, received, signed_at,
                        participant)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))";

IncomingMessage read(const store::Row& row, const federation::ParticipantId& participant) {
    return {
        .participant = participant,
        .as4_id = row.text(0),
        .position = row.integer(1),
        .state = row.text(2) == to_string(Incoming::available) ? Incoming::available : Incoming::acknowledged,
        .xhe_id = row.text(3),
        .blob = row.text(4),
        .bytes = static_cast<std::uint64_t>(row.integer(5)),
        .received = loaded(row.integer(6)),
        .from_party = row.text(7),
        .to_party = row.text(8),
        .original_sender = row.text(9),
        .final_recipient = row.text(10),
        .service = row.text(11),
        .action = row.text(12),
        .conversation_id = row.text(13),
        .signer_sha256 = row.text(14),
        .trace_id = row.text(15),
        .possible_duplicate = row.integer(16) > 0,
    };
}

}  // namespace

Result<> add_incoming(store::Transaction& tx, const IncomingMessage& m) {
    BUDKAVLE_CHECK(tx.execute(
        kInsert, {m.participant.folded(), m.as4_id, std::string(to_string(m.state)), m.xhe_id, m.blob,
                  static_cast<std::int64_t>(m.bytes), stored(m.received), m.from_party, m.to_party, m.original_sender,
                  m.final_recipient, m.service, m.action, m.conversation_id, m.signer_sha256, m.trace_id}));
    return add_load(tx, m.participant, Direction::in, m.bytes);
}

Result<std::vector<IncomingMessage>> waiting(store::Transaction& tx, const federation::ParticipantId& participant,
                                             std::int64_t position, unsigned limit) {
    BUDKAVLE_TRY(
        const auto rows,
        tx.query(std::string(kSelect) +
                     "WHERE participant = ?1 AND state = 'available' AND position > ?2 AND NOT EXISTS (SELECT 1 FROM held h"
                     " WHERE h.direction = 'in' AND h.participant = incoming.participant AND h.as4_id = "
                     "incoming.as4_id AND h.released IS NULL) ORDER BY position LIMIT ?3",
                 {participant.folded(), position, std::int64_t{limit}}));
    std::vector<IncomingMessage> messages;
    for (const auto& row : rows) messages.push_back(read(row, participant));
    return messages;
}

Result<std::optional<IncomingMessage>> find_incoming(store::Transaction& tx,
                                                     const federation::ParticipantId& participant,
                                                     const std::string& as4_id) {
    BUDKAVLE_TRY(const auto rows, tx.query(std::string(kSelect) + "WHERE participant = ?1 AND as4_id = ?2",
                                           {participant.folded(), as4_id}));
    if (rows.empty()) return std::optional<IncomingMessage>{};
    return std::optional(read(rows.front(), participant));
}

Result<> acknowledge(store::Transaction& tx, const IncomingMessage& message, Time now) {
    BUDKAVLE_CHECK(check_transition(message.state, Incoming::acknowledged));
    BUDKAVLE_CHECK(
        tx.execute("UPDATE incoming SET state = 'acknowledged', blob = '', acknowledged = ?3 WHERE participant = ?1 "
                   "AND as4_id = ?2",
                   {message.participant.folded(), message.as4_id, stored(now)}));
    return remove_load(tx, message.participant, Direction::in, message.bytes);
}

Result<std::int64_t> drop_acknowledged_before(store::Transaction& tx, Time limit) {
    // The newest row of a participant stays: positions must never be given twice.
    return tx.execute(
        "DELETE FROM incoming WHERE state = 'acknowledged' AND acknowledged < ?1 AND position <"
        " (SELECT MAX(newest.position) FROM incoming AS newest WHERE newest.participant = incoming.participant)",
        {stored(limit)});
}

Result<std::set<std::string>> incoming_blobs(store::Transaction& tx) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT blob FROM incoming WHERE blob <> ''"));
    std::set<std::string> blobs;
    for (const auto& row : rows) blobs.insert(row.text(0));
    return blobs;
}

Result<> remember(store::Transaction& tx, const Remembered& what) {
    BUDKAVLE_CHECK(tx.execute(kRemember, {what.message_id, what.from_party, what.content_sha256, what.references_sha256,
                                          what.receipt, stored(what.received), stored(what.signed_at), what.participant}));
    return {};
}

Result<std::optional<Remembered>> recall(store::Transaction& tx, const std::string& message_id) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT from_party, content_sha256, references_sha256, receipt, received, signed_at, "
                                           "participant FROM received WHERE message_id = ?1",
                                           {message_id}));
    if (rows.empty()) return std::optional<Remembered>{};
    const auto& row = rows.front();
    Remembered known{message_id,          row.text(0), row.text(1), row.text(2), row.blob(3), loaded(row.integer(4)),
                     loaded(row.integer(5)), row.text(6)};
    if (!known.receipt.empty() || known.participant.empty()) return std::optional(std::move(known));
    BUDKAVLE_TRY(auto exchange, find_exchange(tx, known.participant, message_id, false));
    if (exchange) known.receipt = std::move(exchange->answer);
    return std::optional(std::move(known));
}

Result<> remember_copy(store::Transaction& tx, const std::string& message_id, Time signed_at) {
    BUDKAVLE_CHECK(tx.execute("UPDATE received SET signed_at = ?2 WHERE message_id = ?1 AND signed_at < ?2",
                              {message_id, stored(signed_at)}));
    return {};
}

Result<std::int64_t> forget_older(store::Transaction& tx, std::chrono::milliseconds memory, Time now) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT MAX(signed_at) FROM received"));
    if (rows.empty() || rows.front().is_null(0)) return std::int64_t{0};
    const auto newest = std::min(now, loaded(rows.front().integer(0)));
    // One that was old when it came is remembered as long as any other.
    return tx.execute("DELETE FROM received WHERE signed_at < ?1 AND received < ?1", {stored(newest - memory)});
}

}  // namespace budkavle::accesspoint
