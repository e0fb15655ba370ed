#include "accesspoint/resend.hpp"

#include <algorithm>

#include "accesspoint/send_queue.hpp"
#include "accesspoint/outgoing.hpp"
#include "accesspoint/schema.hpp"
#include "base/random.hpp"
#include "store/queue.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::size_t kShortestReason = 3;
constexpr std::size_t kLongestReason = 500;

Result<> check_reason(const std::string& reason) {
    const bool printable = std::ranges::none_of(reason, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (!is_valid_utf8(reason) || !printable || utf8_length(trim(reason)) < kShortestReason ||
        utf8_length(reason) > kLongestReason) {
        return fail("resend.reason", "SEC-11", "reason", "A reason of 3 to 500 characters is needed.",
                    "Say why the message is sent again, without personal data.");
    }
    return {};
}

Result<> check_state(const OutgoingMessage& message, bool deliver_again) {
    if (message.state == Outgoing::failed || message.state == Outgoing::unconfirmed) return {};
    if (message.state == Outgoing::delivered && deliver_again) return {};
    return fail(
        "state.transition", "AP-6", "state",
        message.state == Outgoing::delivered ? "The message was delivered; the receiver's receipt proves it."
                                             : "The message is still on its way.",
        message.state == Outgoing::delivered ? "Only \"deliverAgain\" sends it once more." : "Wait for its end.");
}

/// Two orders at the same moment, or the message service's own resubmission: one envelope is on its way once.
Result<> check_alone(store::Transaction& tx, const OutgoingMessage& message, bool deliver_again) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT as4_id, state FROM outgoing WHERE participant = ?1 AND xhe_id = ?2 AND"
                                           " as4_id <> ?3 AND state IN ('queued', 'sending', 'delivered')",
                                           {message.participant.folded(), message.xhe_id, message.as4_id}));
    for (const auto& row : rows) {
        const bool delivered = row.text(1) == to_string(Outgoing::delivered);
        if (delivered && deliver_again) continue;
        return fail("state.transition", "AP-6", "state",
                    "The envelope " + std::string(delivered ? "was delivered" : "is on its way") + " as message " +
                        row.text(0) + ".",
                    delivered ? "Only \"deliverAgain\" sends it once more." : "Wait for its end.");
    }
    return {};
}

Result<std::string> copy_of(store::BlobStore& blobs, const std::string& blob) {
    BUDKAVLE_TRY(const auto from, blobs.read(blob));
    BUDKAVLE_TRY(const auto to, blobs.create());
    BUDKAVLE_CHECK(copy(*from, *to));
    return to->commit();
}

}  // namespace

Result<std::string> resend(Workshop& workshop, const ResendOrder& order) {
    BUDKAVLE_CHECK(check_reason(order.reason));
    const auto* served = find_participant(workshop.config, order.participant);
    if (served == nullptr || !served->approved) {
        return fail("outbox.forbidden_not_approved", "AP-3.2", "participant",
                    "The participant is not approved in the federation.");
    }
    std::optional<OutgoingMessage> found;
    BUDKAVLE_CHECK(workshop.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, find_outgoing(tx, order.participant, order.as4_id));
        return {};
    }));
    if (!found) return fail("message.unknown", "There is no such message.");
    BUDKAVLE_CHECK(check_state(*found, order.deliver_again));
    if (found->blob.empty())
        return fail("resend.no_envelope", "AP-35", "envelope", "The envelope is not kept any more.",
                    "Have the message service submit it again under the next number.");

    const auto now = workshop.clock.now();
    OutgoingMessage again{
        .participant = found->participant,
        .as4_id = new_uuid() + "@" + to_lower_ascii(workshop.config.id),
        .idempotency_key = found->xhe_id + ":resend-" + new_uuid(),  // no number that a message service may use
        .xhe_id = found->xhe_id,
        .xhe_sha256 = found->xhe_sha256,
        .bytes = found->bytes,
        .recipient = found->recipient,
        .document_id = found->document_id,
        .process_id = found->process_id,
        .process_scheme = found->process_scheme,
        .conversation_id = found->conversation_id,
        .traceparent = obs::Trace::from_header(found->traceparent).child().header(),
        .created = now,
    };
    BUDKAVLE_TRY(again.blob, copy_of(workshop.blobs, found->blob));
    auto resent = event_of(*found, "as4.resent");
    resent.related = again.as4_id;
    auto queued = event_of(again, "as4.queued");
    queued.related = found->as4_id;
    const auto done = workshop.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(check_alone(tx, *found, order.deliver_again));
        BUDKAVLE_CHECK(add_outgoing(tx, again));
        BUDKAVLE_CHECK(tx.execute(
            "INSERT INTO resent (participant, as4_id, original_as4_id, who, reason, time) VALUES (?1, ?2, ?3, ?4, ?5, "
            "?6)",
            {again.participant.folded(), again.as4_id, found->as4_id, order.who, order.reason, stored(now)}));
        BUDKAVLE_CHECK(workshop.journal.record(tx, resent, now));
        BUDKAVLE_CHECK(workshop.journal.record(tx, queued, now));
        return enqueue_to_send(tx, again, now);
    });
    if (!done) {
        if (done.error().code != "db.unknown") (void)workshop.blobs.remove(again.blob);
        return std::unexpected(done.error());
    }
    workshop.journal.publish(resent);
    workshop.journal.publish(queued);
    workshop.journal.log().audit(order.who, "as4.resent",
                                 {{"participant", again.participant.folded()},
                                  {"original", found->as4_id},
                                  {"as4MessageId", again.as4_id},
                                  {"state", std::string(to_string(found->state))},
                                  {"deliverAgain", order.deliver_again},
                                  {"reason", order.reason}});
    workshop.send_queue.added(again.recipient);
    workshop.departures.ring_for_one();
    return again.as4_id;
}

Result<> drop_failed_envelopes(Workshop& workshop, Time limit) {
    std::vector<std::string> blobs;
    BUDKAVLE_CHECK(workshop.database.write([&](store::Transaction& tx) -> Result<> {
        blobs.clear();
        constexpr std::string_view kWhich = "state IN ('failed', 'unconfirmed') AND blob <> '' AND finished < ?1";
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT blob FROM outgoing WHERE " + std::string(kWhich), {stored(limit)}));
        for (const auto& row : rows) blobs.push_back(row.text(0));
        BUDKAVLE_CHECK(tx.execute("UPDATE outgoing SET blob = '' WHERE " + std::string(kWhich), {stored(limit)}));
        return {};
    }));
    for (const auto& blob : blobs) BUDKAVLE_CHECK(workshop.blobs.remove(blob));
    return {};
}

}  // namespace budkavle::accesspoint
