#include "accesspoint/sender.hpp"

#include <algorithm>

#include "accesspoint/wire_head.hpp"
#include "net/abort.hpp"
#include "obs/log.hpp"
#include "store/small_blob.hpp"

namespace budkavle::accesspoint {
namespace {

/// A second process on the same storage, a clock that was set: looked for this often.
constexpr auto kLookAround = std::chrono::seconds(30);
constexpr milliseconds kMaintenancePoll{1000};
constexpr std::string_view kNoEvidence = "as4.no_evidence";

/// Can the look-up succeed later? Besides outages: a certificate may only be waiting for its first day, by its clock or
/// ours.
bool may_heal(const Error& error) {
    return error.retry == Retry::later || error.code == "trust.not_yet_valid";
}

void set_cause(TransferEvent& event, const Error& error) {
    event.error_code = error.code;
    event.error_text = error.text;
    event.rule = error.rule;
}

/// Ends the claim whatever happens to the job.
class Held {
public:
    Held(Workshop& workshop, const SendQueue::Claim& claim) : workshop_(workshop), claim_(claim) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() {
        // This thread looks for the next message itself, but perhaps takes one of another lane.
        if (workshop_.send_queue.release(claim_)) workshop_.departures.ring_for_one_here();
    }

private:
    Workshop& workshop_;
    const SendQueue::Claim& claim_;
};

}  // namespace

Sender::Sender(Workshop& workshop, net::Client& client)
    : workshop_(workshop), client_(client), keeper_(workshop.database, workshop.clock, workshop.config.takeover_after) {}

Sender::~Sender() {
    stop(milliseconds{0});
}

void Sender::start() {
    for (unsigned i = 0; i < workshop_.config.senders; ++i) threads_.emplace_back([this] { work(); });
}

void Sender::stop(std::optional<milliseconds> grace) {
    if (grace) {
        const auto until = std::chrono::steady_clock::now() + *grace;
        while (working_ > 0 && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        cut();
    }
    threads_.clear();
    if (const auto done = workshop_.send_queue.give_back(); !done)
        workshop_.journal.log().technical(obs::Level::error, "sender.give_back", obs::error_fields(done.error()));
}

void Sender::look_around() {
    const auto now = std::chrono::steady_clock::now();
    const bool others = workshop_.send_queue.take_others();
    bool due = false;
    {
        const std::lock_guard lock(look_lock_);
        due = !looked_ || now - *looked_ >= kLookAround;
        if (due) looked_ = now;
    }
    if (!due && !others) return;
    if (const auto done = due ? workshop_.send_queue.refresh() : workshop_.send_queue.look_for_lanes(); !done)
        workshop_.journal.log().technical(obs::Level::error, "sender.refresh", obs::error_fields(done.error()));
    workshop_.departures.ring_here();  // the other threads wait by what was known before
}

void Sender::work() {
    const net::AbortScope cut(abort_);
    while (!workshop_.departures.retired()) {
        const auto seen = workshop_.departures.rings();
        if (workshop_.admission.maintenance()) {  // SEC-91
            (void)workshop_.departures.wait(seen, kMaintenancePoll);
            continue;
        }
        look_around();
        if (work_once()) continue;
        const SendQueue::Rest rest(workshop_.send_queue);
        (void)workshop_.departures.wait(seen, workshop_.send_queue.quiet_for(kLookAround));
    }
}

bool Sender::work_once() {
    auto claimed = workshop_.send_queue.claim();
    if (!claimed) {
        workshop_.journal.log().technical(obs::Level::error, "sender.claim", obs::error_fields(claimed.error()));
        // The storage may be out of order for a while: do not spin.
        (void)workshop_.departures.wait(workshop_.departures.rings(), std::chrono::seconds(1));
        return false;
    }
    if (!*claimed) return false;
    auto& claim = **claimed;
    ++working_;
    {
        const Held place(workshop_, claim);
        // However long the attempt takes, nobody else begins one.
        const auto held = keeper_.hold(claim.job);
        if (const auto done = process(claim); !done) {
            workshop_.journal.log().technical(obs::Level::error, "sender.failed", obs::error_fields(done.error()));
            (void)workshop_.database.write([&](store::Transaction& tx) {
                return store::reschedule(tx, claim.job, workshop_.clock.now() + std::chrono::seconds(5));
            });
        }
    }
    --working_;
    return true;
}

Result<> Sender::process(Claim& claim) {
    const auto& job = claim.job;
    const auto space = job.subject.find(' ');
    BUDKAVLE_TRY(const auto participant,
                 federation::ParticipantId::parse(std::string_view(job.subject).substr(0, space)));
    std::optional<OutgoingMessage> message;
    BUDKAVLE_CHECK(workshop_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(message, find_outgoing(tx, participant, job.subject.substr(space + 1)));
        return {};
    }));
    if (!message || is_final(message->state)) {
        return workshop_.database.write([&](store::Transaction& tx) { return store::complete(tx, job); });
    }
    return try_to_send(claim, std::move(*message));
}

RetrySchedule Sender::lookup_schedule(const federation::ParticipantId& participant) const {
    const auto* known = find_participant(workshop_.config, participant);
    return known != nullptr && known->lookup_retries ? *known->lookup_retries : workshop_.config.lookup_retries;
}

Result<> Sender::not_sendable(const store::Job& job, OutgoingMessage message, const Error& error) {
    const auto was = message.state;
    message.lookups += 1;
    auto event = attempt_event(message, "as4.not_sendable");
    set_cause(event, error);
    const auto schedule = lookup_schedule(message.participant);
    if (may_heal(error) && message.lookups < schedule.attempts)
        return postpone(job, message, was, schedule.wait_after(message.lookups), event);
    message.state = Outgoing::failed;
    message.cause_code = error.code;
    message.cause_text = error.text;
    event.name = "as4.failed";
    return finish(job, std::move(message), was, std::move(event));
}

Result<> Sender::attempt_failed(const store::Job& job, OutgoingMessage message, const Failure& failure,
                                const TransferEvent& about) {
    auto event = about;
    event.name = "as4.attempt_failed";
    event.ebms_code = failure.ebms_code.empty() ? local_ebms_code(failure.error) : failure.ebms_code;
    set_cause(event, failure.error);
    message.cause_code = failure.ebms_code.empty() ? failure.error.code : failure.ebms_code;
    message.cause_text = failure.error.text;
    if (failure.unconfirmed) {
        message.state = Outgoing::unconfirmed;
        message.cause_code = kNoEvidence;
        event.name = "as4.unconfirmed";
        return finish(job, std::move(message), Outgoing::sending, std::move(event));
    }
    const auto& schedule = workshop_.config.send_retries;
    // Judgements of answers say themselves whether another attempt can help; errors of the connection are judged here.
    const bool permanent =
        failure.error.code.starts_with("as4.") ? failure.error.retry == Retry::never : is_permanent(failure.error);
    if (!permanent && message.attempts < schedule.attempts) {
        const auto wait = bounded_wait(schedule.wait_after(message.attempts), failure.asked,
                                       workshop_.config.retry_after_limit);
        return postpone(job, message, Outgoing::sending, wait, event);
    }
    message.state = Outgoing::failed;
    event.name = "as4.failed";
    return finish(job, std::move(message), Outgoing::sending, std::move(event));
}

Result<> Sender::put_back(const store::Job& job) {
    return workshop_.database.write([&](store::Transaction& tx) { return store::reschedule(tx, job, job.due); });
}

Result<> Sender::take_back(const store::Job& job, OutgoingMessage message) {
    message.attempts -= 1;
    return workshop_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(update_outgoing(tx, message, Outgoing::sending));
        return store::reschedule(tx, job, workshop_.clock.now());
    });
}

Result<> Sender::postpone(const store::Job& job, const OutgoingMessage& message, Outgoing was, milliseconds by,
                          const TransferEvent& event) {
    const auto now = workshop_.clock.now();
    BUDKAVLE_CHECK(workshop_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(update_outgoing(tx, message, was));
        BUDKAVLE_CHECK(workshop_.journal.record(tx, event, now));
        return store::reschedule(tx, job, now + by);
    }));
    workshop_.journal.publish(event);
    workshop_.arrivals.ring();
    return {};
}

Result<ExchangeRecord> Sender::evidence_of(const OutgoingMessage& message, const Receipted& receipted, Time now) const {
    BUDKAVLE_TRY(const auto body, request_of(message, receipted.sealed));
    MemorySink head(WireHead::kKept);
    (void)copy(*body, head, WireHead::kKept);  // ends with an error where the beginning ends
    return workshop_.evidence->prepare({.participant = message.participant.folded(),
                                        .as4_id = message.as4_id,
                                        .outgoing = true,
                                        .at = now,
                                        .request = soap_part(head.bytes(), message.request_type).value_or(""),
                                        .answer = message.receipt,
                                        .answer_type = message.receipt_type,
                                        .peer = receipted.peer});
}

Result<> Sender::finish(const store::Job& job, OutgoingMessage message, Outgoing was, TransferEvent event,
                        const std::optional<Receipted>& receipted) {
    const auto now = workshop_.clock.now();
    // What failed may be sent again (resend.hpp); maintenance ends that.
    const bool keep_envelope = message.state != Outgoing::delivered && workshop_.config.failed_envelopes.count() > 0;
    const auto octets = keep_envelope ? std::string() : std::exchange(message.blob, {});
    std::optional<ExchangeRecord> exchange;
    if (receipted && workshop_.evidence != nullptr) {
        BUDKAVLE_TRY(exchange, evidence_of(message, *receipted, now));
        message.receipt.clear();  // the evidence has it
    }
    const bool keep = workshop_.config.keep_wire_octets && message.state == Outgoing::delivered;
    const auto request = keep ? std::string() : std::exchange(message.request_blob, {});
    message.finished = now;
    std::optional<store::Job> following;
    BUDKAVLE_CHECK(workshop_.database.write([&](store::Transaction& tx) -> Result<> {
        following.reset();
        BUDKAVLE_CHECK(update_outgoing(tx, message, was));
        BUDKAVLE_CHECK(workshop_.journal.record(tx, event, now));
        if (exchange) {
            BUDKAVLE_CHECK(add_exchange(tx, *exchange));
        }
        for (const auto& blob : {octets, request}) BUDKAVLE_CHECK(workshop_.blobs.remove_within(tx, blob));
        BUDKAVLE_CHECK(store::complete(tx, job));
        if (workshop_.departures.retired()) return {};
        BUDKAVLE_TRY(following, workshop_.send_queue.claim_following(tx, job));
        return {};
    }));
    workshop_.send_queue.ended(job);
    if (following) workshop_.send_queue.hand_following(std::move(*following));
    workshop_.journal.publish(event);
    workshop_.arrivals.ring();  // the message service is told at once
    for (const auto& blob : {octets, request}) {
        if (!blob.empty() && !store::lies_in_database(blob)) (void)workshop_.blobs.remove(blob);
    }
    return {};
}

}  // namespace budkavle::accesspoint
