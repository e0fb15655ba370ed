#include "messageservice/outbound_parts.hpp"
#include "xhe/sealing.hpp"

namespace budkavle::messageservice {
namespace {

const std::string kMessageDocument(federation::kMessageDocument);
const std::string kReceiptDocument(federation::kReceiptDocument);

/// The same event is not repeated while a fault lasts.
Result<> note_once(store::Transaction& tx, const std::string& participant, const History& history, const Event& event) {
    BUDKAVLE_TRY(const auto all, events::list(tx, participant, history.direction, history.message_id));
    if (!all.empty() && all.back().event == event.event && all.back().detail == event.detail) return {};
    return events::add(tx, participant, history.direction, history.message_id, event);
}

bool held_too_long(const Context& context, Time since) {
    return context.now() - since > context.config.schedule.hold_limit;
}

}  // namespace

Result<> Outbound::complete(const store::Job& job) {
    return context_.database.write([&](store::Transaction& tx) { return store::complete(tx, job); });
}

Result<std::string> Outbound::seal(const Tenant& tenant, const Outgoing& message, const smp::Metadata& receiver) {
    BUDKAVLE_TRY(const auto certificate,
                 smp::choose_encryption_certificate(receiver, context_.o2o, context_.crls, context_.trust_policy()));
    BUDKAVLE_TRY(const auto payload, tenant.blobs().read(message.payload));
    BUDKAVLE_TRY(auto to, federation::ParticipantId::parse(message.receiver));
    const auto* type = federation::find_document_type(kMessageDocument);
    const xhe::SealInput input{.id = message.message_id,
                               .created = context_.now(),
                               .from = tenant.id(),
                               .to = std::move(to),
                               .document_id = type->id,
                               .document_type_code = type->type_code(),
                               .federation_id = context_.config.environment.federation_ids.front(),
                               .content_type = "application/xml",
                               .handling_service_id = message.function,
                               .payload = payload.get(),
                               .recipient = certificate,
                               .signer = tenant.signer()};
    BUDKAVLE_TRY(auto writer, tenant.blobs().create());
    BUDKAVLE_CHECK(xhe::seal(input, *writer));
    BUDKAVLE_TRY(auto blob, writer->commit());
    BUDKAVLE_TRY(const auto sealed, tenant.blobs().read(blob));
    const auto verified = xhe::verify_sealed(*sealed, tenant.signer().certificate());
    if (!verified) {
        (void)tenant.blobs().remove(blob);
        return std::unexpected(verified.error());
    }
    return blob;
}

Result<> Outbound::package(const store::Job& job) {
    const auto [participant, message_id] = Subject::parse(job.subject);
    BUDKAVLE_TRY(const auto* tenant, context_.tenant(participant));
    std::optional<Outgoing> message;
    BUDKAVLE_CHECK(context_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(message, outgoing::find(tx, participant, message_id));
        return {};
    }));
    if (!message || message->status != Status::scheduled || message->envelope) return complete(job);

    const auto sealed = [&]() -> Result<std::string> {
        BUDKAVLE_TRY(const auto to, federation::ParticipantId::parse(message->receiver));
        BUDKAVLE_TRY(const auto receiver, context_.lookup(to, kMessageDocument));
        // Step 6: without our own registration nobody can answer, and nobody believes a certificate that is not
        // published.
        BUDKAVLE_TRY(const auto own, context_.lookup(tenant->id(), kReceiptDocument));
        if (!smp::is_published_signer(own, tenant->signer().certificate()))
            return fail("mt.signer_not_published", "XHE-06", "CertPub",
                        "The signing certificate in use is not published for the sending participant.",
                        "Publish it under the receipt document type.");
        const auto turn = context_.turn(message->octets);
        auto blob = seal(*tenant, *message, receiver);
        Context::release_memory(message->octets);
        return blob;
    }();
    const auto at = context_.now();
    if (!sealed) {
        const auto& error = sealed.error();
        context_.log.technical(obs::Level::warning, "mt.not_packaged", obs::error_fields(error));
        const bool later = error.retry == Retry::later && !held_too_long(context_, message->created);
        return context_.database.write([&](store::Transaction& tx) -> Result<> {
            if (later) {
                BUDKAVLE_CHECK(note_once(tx, participant, {Direction::out, message_id}, event_of(at, "held", error)));
                return store::reschedule(
                    tx, job,
                    at + pause(job.attempt, context_.config.schedule.retry_first, context_.config.schedule.retry_last));
            }
            auto ended = *message;
            BUDKAVLE_CHECK(end_in_error(tx, ended, at, error));
            return store::complete(tx, job);
        });
    }
    BUDKAVLE_TRY(const auto octets, tenant->blobs().size(*sealed));
    const Shipment shipment{.participant = participant,
                            .envelope_id = message_id,
                            .kind = Shipment::Kind::message,
                            .about = message_id,
                            .conversation_id = message->conversation_id,  // K1, EQ-8
                            .envelope = *sealed,
                            .octets = static_cast<std::int64_t>(octets),
                            .trace = message->trace,
                            .state = Shipment::State::ready,
                            .resubmission = 0,
                            .as4_message_id = {},
                            .created = at};
    BUDKAVLE_CHECK(context_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(outgoing::set_envelope(tx, *message, *sealed));
        BUDKAVLE_CHECK(shipments::insert(tx, shipment));
        auto event = event_of(at, "sealed", "Encrypted, enveloped and signed; the own result verifies.",
                              {{"xheId", message_id}});
        event.certificate = tenant->signer().certificate().sha256_hex();
        BUDKAVLE_CHECK(events::add(tx, participant, Direction::out, message_id, event));
        BUDKAVLE_CHECK(store::enqueue(tx, kHandOver, job.subject, at, at));
        return store::complete(tx, job);
    }));
    context_.wake();
    return {};
}

Result<> Outbound::hand_over(const store::Job& job) {
    const auto [participant, envelope_id] = Subject::parse(job.subject);
    BUDKAVLE_TRY(const auto* tenant, context_.tenant(participant));
    std::optional<Shipment> found;
    bool wanted = true;
    BUDKAVLE_CHECK(context_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, shipments::find(tx, participant, envelope_id));
        if (!found) return {};
        BUDKAVLE_TRY(const auto message, message_of(tx, *found));
        // Answered or timed out while it waited for its resend: then it stays here.
        wanted = !message || may_follow(Direction::out, message->status, Status::submitted);
        return {};
    }));
    if (!found || found->state != Shipment::State::ready || !wanted) return complete(job);
    auto& shipment = *found;

    BUDKAVLE_TRY(const auto octets, tenant->blobs().read(shipment.envelope));
    const auto as4_id = context_.access_point.submit({.participant = tenant->id().text(),
                                                      .envelope_id = envelope_id,
                                                      .resubmission = shipment.resubmission,
                                                      .conversation_id = shipment.conversation_id,
                                                      .trace = child_of(shipment.trace),
                                                      .octets = octets.get(),
                                                      .size = static_cast<std::uint64_t>(shipment.octets)});
    const auto at = context_.now();
    const auto& schedule = context_.config.schedule;
    if (!as4_id) {
        const auto& error = as4_id.error();
        context_.log.technical(obs::Level::warning, "mt.not_handed_over", obs::error_fields(error));
        const bool later = error.retry == Retry::later && !held_too_long(context_, shipment.created);
        BUDKAVLE_CHECK(context_.database.write([&](store::Transaction& tx) -> Result<> {
            if (later) {
                BUDKAVLE_TRY(const auto history, history_of(tx, shipment));
                BUDKAVLE_CHECK(note_once(tx, participant, history, event_of(at, "held", error)));
                return store::reschedule(tx, job, at + pause(job.attempt, schedule.retry_first, schedule.retry_last));
            }
            BUDKAVLE_CHECK(failed(tx, shipment, error, true));
            return store::complete(tx, job);
        }));
        if (!later) log_transfer(context_.log, "mt.refused", line_of(shipment, error.code));
        return {};
    }
    shipment.as4_message_id = *as4_id;
    shipment.state = Shipment::State::handed;
    BUDKAVLE_CHECK(context_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(shipments::update(tx, shipment));
        BUDKAVLE_TRY(const auto history, history_of(tx, shipment));
        BUDKAVLE_CHECK(events::add(tx, participant, history.direction, history.message_id,
                                   event_of(at, "handed_over", "Given to the access point.",
                                            {{"xheId", envelope_id}, {"as4MessageId", *as4_id}})));
        if (shipment.kind == Shipment::Kind::message) {
            BUDKAVLE_TRY(auto message, outgoing::find(tx, participant, shipment.about));
            if (message && may_follow(Direction::out, message->status, Status::submitted))
                BUDKAVLE_CHECK(outgoing::move(tx, *message, Status::submitted, at));
            // Counted from the hand-over until the transport receipt is there.
            BUDKAVLE_CHECK(store::enqueue(tx, kReceiptTimeout, subject(participant, shipment.about), at,
                                          at + schedule.receipt_timeout));
            BUDKAVLE_CHECK(store::enqueue(tx, kReceiptWarning, subject(participant, shipment.about), at,
                                          at + schedule.receipt_warning));
        }
        BUDKAVLE_CHECK(store::enqueue(tx, kFollow, job.subject, at, at + schedule.follow_first));
        return store::complete(tx, job);
    }));
    log_transfer(context_.log, "mt.handed_over", line_of(shipment));
    context_.wake();
    return {};
}

Result<> Outbound::warn(const store::Job& job) {
    const auto [participant, message_id] = Subject::parse(job.subject);
    bool waiting = false;
    BUDKAVLE_CHECK(context_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto message, outgoing::find(tx, participant, message_id));
        waiting = message && !is_final(message->status);
        if (waiting)
            BUDKAVLE_CHECK(events::add(tx, participant, Direction::out, message_id,
                                       event_of(context_.now(), "remark", "No message receipt yet.")));
        return store::complete(tx, job);
    }));
    if (waiting)
        context_.log.technical(obs::Level::warning, "mt.no_receipt_yet",
                               {{"participant", participant}, {"messageId", message_id}});
    return {};
}

Result<> Outbound::time_out(const store::Job& job) {
    const auto [participant, message_id] = Subject::parse(job.subject);
    bool ended = false;
    BUDKAVLE_CHECK(context_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(auto message, outgoing::find(tx, participant, message_id));
        ended = message && may_follow(Direction::out, message->status, Status::message_exchange_error);
        if (ended) {
            const auto none =
                fail("receipt.timeout", "message.md 7.3", "", "No message receipt was received in time.").error();
            BUDKAVLE_CHECK(outgoing::move(tx, *message, Status::message_exchange_error, context_.now(),
                                          event_of(context_.now(), "", none)));
        }
        return store::complete(tx, job);
    }));
    if (ended)
        context_.log.technical(obs::Level::warning, "mt.receipt_timeout",
                               {{"participant", participant}, {"messageId", message_id}});
    return {};
}

Result<> Outbound::give_up(const store::Job& job, const Error& error) {
    const auto [participant, id] = Subject::parse(job.subject);
    return context_.database.write([&](store::Transaction& tx) -> Result<> {
        if (job.kind == kPackage) {
            BUDKAVLE_TRY(auto message, outgoing::find(tx, participant, id));
            if (message && may_follow(Direction::out, message->status, Status::error))
                BUDKAVLE_CHECK(end_in_error(tx, *message, context_.now(), error));
        } else if (job.kind == kHandOver || job.kind == kFollow) {
            BUDKAVLE_TRY(auto shipment, shipments::find(tx, participant, id));
            if (shipment) BUDKAVLE_CHECK(failed(tx, *shipment, error, true));
        }
        return store::complete(tx, job);
    });
}

}  // namespace budkavle::messageservice
