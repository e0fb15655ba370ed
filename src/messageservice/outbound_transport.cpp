#include "messageservice/outbound_parts.hpp"

namespace budkavle::messageservice {

Result<History> history_of(store::Transaction& tx, const Shipment& shipment) {
    if (shipment.kind == Shipment::Kind::message) return History{Direction::out, shipment.about};
    BUDKAVLE_TRY(const auto message, incoming::find(tx, shipment.participant, shipment.about));
    return History{Direction::in, message ? message->envelope_id : shipment.about};
}

Result<std::optional<Outgoing>> message_of(store::Transaction& tx, const Shipment& shipment) {
    if (shipment.kind != Shipment::Kind::message) return std::optional<Outgoing>();
    return outgoing::find(tx, shipment.participant, shipment.about);
}

TransferLine line_of(const Shipment& shipment, std::string_view cause) {
    TransferLine line;
    line.participant = shipment.participant;
    line.sender = shipment.participant;
    line.message_id = shipment.envelope_id;
    line.conversation_id = shipment.conversation_id.value_or(shipment.envelope_id);
    line.as4_message_id = shipment.as4_message_id.value_or("");
    line.document =
        shipment.kind == Shipment::Kind::message ? federation::kMessageDocument : federation::kReceiptDocument;
    line.octets = shipment.octets;
    line.trace = shipment.trace;
    line.cause = cause;
    return line;
}

Result<> advance_to_waiting(store::Transaction& tx, Outgoing& message, Time at) {
    using enum Status;
    constexpr std::pair<Status, Status> kWay[] = {{scheduled, submitted},
                                                  {scheduled_for_resend, submitted},
                                                  {submitted, acknowledge},
                                                  {acknowledge, waiting_for_receipt}};
    for (const auto& [from, to] : kWay)
        if (message.status == from) BUDKAVLE_CHECK(outgoing::move(tx, message, to, at));
    return {};
}

Result<> end_in_error(store::Transaction& tx, Outgoing& message, Time at, const Error& cause) {
    BUDKAVLE_CHECK(outgoing::move(tx, message, Status::error, at, event_of(at, "", cause)));
    return outgoing::move(tx, message, Status::message_exchange_error, at, event_of(at, "", cause));
}

Result<> Outbound::follow(const store::Job& job) {
    const auto [participant, envelope_id] = Subject::parse(job.subject);
    BUDKAVLE_TRY(const auto* tenant, context_.tenant(participant));
    std::optional<Shipment> found;
    BUDKAVLE_CHECK(context_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, shipments::find(tx, participant, envelope_id));
        return {};
    }));
    if (!found || found->state != Shipment::State::handed || !found->as4_message_id) return complete(job);
    auto& shipment = *found;

    auto answer = context_.access_point.status(tenant->id().text(), *shipment.as4_message_id);
    const auto at = context_.now();
    const auto& schedule = context_.config.schedule;
    TransportStatus status;
    if (answer) {
        status = std::move(*answer);
    } else if (answer.error().code == "ap.unknown") {
        status.state = TransportStatus::State::failed;
        status.cause = answer.error().code;
        status.cause_text = "The access point does not know the message any more.";
    } else {
        context_.log.technical(obs::Level::warning, "mt.status_unknown", obs::error_fields(answer.error()));
    }
    if (status.state == TransportStatus::State::queued || status.state == TransportStatus::State::sending)
        return context_.database.write([&](store::Transaction& tx) {
            return store::reschedule(tx, job, at + pause(job.attempt, schedule.follow_first, schedule.follow_last));
        });
    const bool arrived = status.state == TransportStatus::State::delivered;
    BUDKAVLE_CHECK(context_.database.write([&](store::Transaction& tx) -> Result<> {
        if (arrived) {
            BUDKAVLE_CHECK(delivered(tx, shipment, status));
        } else {
            const auto cause =
                fail(status.cause.empty() ? "transport.failed" : status.cause, status.cause_text).error();
            BUDKAVLE_CHECK(failed(tx, shipment, cause, status.permanent));
        }
        return store::complete(tx, job);
    }));
    log_transfer(context_.log, arrived ? "mt.transport_receipt" : "mt.transport_failed",
                 line_of(shipment, arrived ? std::string_view() : std::string_view(status.cause)));
    context_.wake();
    return {};
}

Result<> Outbound::delivered(store::Transaction& tx, Shipment& shipment, const TransportStatus& status) {
    shipment.state = Shipment::State::delivered;
    BUDKAVLE_CHECK(shipments::update(tx, shipment));
    const auto evidence = event_of(context_.now(), "transport_receipt", "The receiver's access point has it.",
                                   {{"xheId", shipment.envelope_id},
                                    {"as4MessageId", shipment.as4_message_id.value_or("")},
                                    {"receiptTime", status.receipt_time},
                                    {"receiptSha256", status.receipt_sha256}});
    return shipment.kind == Shipment::Kind::message ? deliver_message(tx, shipment, evidence)
                                                    : deliver_receipt(tx, shipment, evidence);
}

Result<> Outbound::deliver_message(store::Transaction& tx, const Shipment& shipment, const Event& evidence) {
    const auto at = evidence.time;
    BUDKAVLE_CHECK(events::add(tx, shipment.participant, Direction::out, shipment.about, evidence));
    BUDKAVLE_TRY(auto message, outgoing::find(tx, shipment.participant, shipment.about));
    if (!message || message->status != Status::submitted) return {};  // the message receipt was faster
    BUDKAVLE_CHECK(advance_to_waiting(tx, *message, at));
    return store::enqueue(tx, kReceiptTimeout, subject(shipment.participant, shipment.about), at,
                          at + context_.config.schedule.receipt_timeout);
}

Result<> Outbound::deliver_receipt(store::Transaction& tx, const Shipment& shipment, const Event& evidence) {
    BUDKAVLE_TRY(auto message, incoming::find(tx, shipment.participant, shipment.about));
    if (!message) return {};
    BUDKAVLE_CHECK(events::add(tx, shipment.participant, Direction::in, message->envelope_id, evidence));
    if (message->status != Status::retrieved) return {};
    BUDKAVLE_CHECK(incoming::move(tx, *message, Status::receipt_sent, evidence.time));
    return incoming::move(tx, *message, Status::new_message, evidence.time);
}

Result<> Outbound::failed(store::Transaction& tx, Shipment& shipment, const Error& cause, bool permanent) {
    const auto at = context_.now();
    const auto& resend = context_.config.schedule.resend;
    BUDKAVLE_TRY(const auto history, history_of(tx, shipment));
    BUDKAVLE_CHECK(events::add(tx, shipment.participant, history.direction, history.message_id,
                               event_of(at, "transport_failed", cause)));
    BUDKAVLE_TRY(auto message, message_of(tx, shipment));
    const bool moot = message && !may_follow(Direction::out, message->status, Status::scheduled_for_resend);
    if (permanent || moot || static_cast<std::size_t>(shipment.resubmission) >= resend.size()) {
        shipment.state = Shipment::State::failed;
        BUDKAVLE_CHECK(shipments::update(tx, shipment));
        return lose(tx, shipment, cause);
    }
    const auto wait = resend[static_cast<std::size_t>(shipment.resubmission)];
    ++shipment.resubmission;  // a new key, and a new AS4 message
    shipment.state = Shipment::State::ready;
    shipment.as4_message_id.reset();
    BUDKAVLE_CHECK(shipments::update(tx, shipment));
    if (message)
        BUDKAVLE_CHECK(outgoing::move(tx, *message, Status::scheduled_for_resend, at, event_of(at, "", cause)));
    return store::enqueue(tx, kHandOver, subject(shipment.participant, shipment.envelope_id), at, at + wait);
}

Result<> Outbound::lose(store::Transaction& tx, const Shipment& shipment, const Error& cause) {
    const auto at = context_.now();
    if (shipment.kind == Shipment::Kind::message) {
        BUDKAVLE_TRY(auto message, outgoing::find(tx, shipment.participant, shipment.about));
        if (!message) return {};
        if (message->status == Status::submitted || message->status == Status::scheduled_for_resend)
            return outgoing::move(tx, *message, Status::message_exchange_error, at, event_of(at, "", cause));
        return message->status == Status::scheduled ? end_in_error(tx, *message, at, cause) : Result<>{};
    }
    // The content stays and stays readable (receipt.md 6).
    BUDKAVLE_TRY(auto message, incoming::find(tx, shipment.participant, shipment.about));
    if (!message || message->status != Status::retrieved) return {};
    return incoming::move(tx, *message, Status::message_exchange_error, at, event_of(at, "", cause));
}

}  // namespace budkavle::messageservice
