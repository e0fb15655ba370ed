#include "accesspoint/restoration.hpp"

#include "accesspoint/incoming.hpp"
#include "accesspoint/outgoing.hpp"
#include "accesspoint/schema.hpp"
#include "accesspoint/send_queue.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr auto kClockDifference = std::chrono::minutes(10);
constexpr std::size_t kLongestReason = 500;

constexpr std::string_view kHoldIncoming = R"(
  INSERT INTO held (direction, participant, as4_id, reason, since, who, note)
  SELECT 'in', participant, as4_id, 'under_way', CAST(?1 AS INTEGER), '', '' FROM incoming WHERE state = 'available'
  ON CONFLICT (direction, participant, as4_id) DO UPDATE SET since = excluded.since, released = NULL)";
constexpr std::string_view kHoldOutgoing = R"(
  INSERT INTO held (direction, participant, as4_id, reason, since, who, note)
  SELECT 'out', participant, as4_id, 'under_way', CAST(?1 AS INTEGER), '', '' FROM outgoing WHERE state IN ('queued', 'sending')
  ON CONFLICT (direction, participant, as4_id) DO UPDATE SET since = excluded.since, released = NULL)";

Result<OutgoingMessage> outgoing_of(store::Transaction& tx, const Held& held) {
    BUDKAVLE_TRY(const auto participant, federation::ParticipantId::parse(held.participant));
    BUDKAVLE_TRY(auto message, find_outgoing(tx, participant, held.as4_id));
    if (!message) return fail("held.unknown", "The message that is held is not stored any more.");
    return std::move(*message);
}

Result<> close_incoming(store::Transaction& tx, const Held& held, Time now) {
    BUDKAVLE_TRY(const auto participant, federation::ParticipantId::parse(held.participant));
    BUDKAVLE_TRY(const auto message, find_incoming(tx, participant, held.as4_id));
    // Its message service may have acknowledged it by its id in the meantime.
    if (!message || message->state != Incoming::available) return {};
    return acknowledge(tx, *message, now);
}

Result<> close_outgoing(store::Transaction& tx, const Held& held, Time now) {
    BUDKAVLE_TRY(auto message, outgoing_of(tx, held));
    if (is_final(message.state)) return {};
    const auto was = message.state;
    // For the message service both are "failed" with a cause that says: perhaps delivered.
    message.state = was == Outgoing::sending ? Outgoing::unconfirmed : Outgoing::failed;
    message.cause_code = "as4.no_evidence";
    message.cause_text = "Closed by the operator after a restore; perhaps delivered.";
    message.finished = now;
    return update_outgoing(tx, message, was);
}

Result<> close(store::Transaction& tx, const Held& held, Time now) {
    return held.direction == HeldDirection::incoming ? close_incoming(tx, held, now) : close_outgoing(tx, held, now);
}

Result<> go_on(store::Transaction& tx, const Held& held, Time now) {
    if (held.direction == HeldDirection::incoming) return {};
    BUDKAVLE_TRY(const auto message, outgoing_of(tx, held));
    BUDKAVLE_CHECK(
        tx.execute("UPDATE outgoing SET cause_code = '', cause_text = '' WHERE participant = ?1 AND as4_id = ?2",
                   {held.participant, held.as4_id}));
    return enqueue_to_send(tx, message, now);
}

}  // namespace

std::string_view to_string(HeldDirection direction) {
    return direction == HeldDirection::incoming ? "in" : "out";
}

Result<std::int64_t> begin_restoration(store::Transaction& tx, const Restoration& r) {
    BUDKAVLE_CHECK(tx.execute("INSERT INTO restoration (backup_id, taken, lost, restored) VALUES (?1, ?2, ?3, ?4)",
                              {r.backup_id, stored(r.taken), stored(r.lost), stored(r.restored)}));
    BUDKAVLE_TRY(const auto incoming, tx.execute(kHoldIncoming, {stored(r.restored)}));
    BUDKAVLE_TRY(const auto outgoing, tx.execute(kHoldOutgoing, {stored(r.restored)}));
    BUDKAVLE_CHECK(tx.execute("UPDATE outgoing SET cause_code = 'as4.held', cause_text = 'Held after a restore until the"
                              " operator of the access point decides.' WHERE state IN ('queued', 'sending')"));
    BUDKAVLE_CHECK(tx.execute("DELETE FROM job WHERE kind LIKE 'as4.send%'"));  // every lane
    return incoming + outgoing;
}

Result<std::optional<Time>> gap_end(store::Transaction& tx) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT MAX(lost) FROM restoration"));
    if (rows.empty() || rows.front().is_null(0)) return std::optional<Time>{};
    return std::optional(loaded(rows.front().integer(0)));
}

bool in_gap(Time created, const std::optional<Time>& gap_end) {
    return gap_end && created < *gap_end + kClockDifference;
}

Result<> hold_incoming(store::Transaction& tx, const std::string& participant, const std::string& as4_id, Time now) {
    BUDKAVLE_CHECK(tx.execute("INSERT INTO held (direction, participant, as4_id, reason, since, who, note)"
                              " VALUES ('in', ?1, ?2, 'gap', ?3, '', '')",
                              {participant, as4_id, stored(now)}));
    return {};
}

Result<std::vector<Held>> list_held(store::Transaction& tx, unsigned limit) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT direction, participant, as4_id, reason, since FROM held"
                                           " WHERE released IS NULL ORDER BY since, direction, participant, as4_id LIMIT ?1",
                                           {std::int64_t{limit}}));
    std::vector<Held> out;
    for (const auto& row : rows) {
        out.push_back({.direction = row.text(0) == "in" ? HeldDirection::incoming : HeldDirection::outgoing,
                       .participant = row.text(1),
                       .as4_id = row.text(2),
                       .reason = row.text(3),
                       .since = loaded(row.integer(4))});
    }
    return out;
}

Result<> release(store::Transaction& tx, const Held& held, const ReleaseOrder& order, Time now) {
    if (order.reason.size() < 3 || order.reason.size() > kLongestReason || order.who.empty()) {
        return fail("held.reason", "SEC-10", "reason", "Say who decides, and why (3 to 500 characters).",
                    "The reason stays on record; no personal data.");
    }
    BUDKAVLE_TRY(const auto released,
                 tx.execute("UPDATE held SET released = ?4, action = ?5, who = ?6, note = ?7 WHERE direction = ?1"
                            " AND participant = ?2 AND as4_id = ?3 AND released IS NULL",
                            {std::string(to_string(held.direction)), held.participant, held.as4_id, stored(now),
                             order.action == Release::go_on ? "go_on" : "close", order.who, order.reason}));
    if (released != 1) return fail("held.unknown", "This message is not held.");
    return order.action == Release::close ? close(tx, held, now) : go_on(tx, held, now);
}

}  // namespace budkavle::accesspoint
