#include "accesspoint/receiver.hpp"

#include "accesspoint/duplicate.hpp"
#include "accesspoint/envelope_checks.hpp"
#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/refusal_record.hpp"
#include "as4/names.hpp"
#include "obs/log.hpp"
#include "store/planted.hpp"

namespace budkavle::accesspoint {
namespace {

// Transfer encodings and headers around the largest payload.
std::uint64_t body_limit(std::uint64_t message) {
    return message / 3 * 4 + (std::uint64_t{2} << 20);
}

Error reason_of(const as4::Refusal& refusal) {
    return {std::string(as4::facts(refusal.cause).name), refusal.rule, {}, refusal.detail, {}, refusal.retry};
}

/// Nothing was acknowledged; the sender tries again.
as4::Refusal not_now() {
    as4::Refusal refusal(as4::Cause::storage);
    refusal.form = as4::AnswerForm::status_only;
    refusal.http_status = 503;
    return refusal;
}

std::string cause_list(const std::vector<xml::Finding>& findings) {
    std::string text;
    for (const auto& finding : findings) {
        if (text.size() > 1000) break;
        text += (text.empty() ? "" : "; ") + finding.rule + " at " + finding.at + ": " + finding.text;
    }
    return text;
}

}  // namespace

struct Receiver::Arrival {
    as4::Opened opened;
    obs::Trace trace;
    Time now;
    std::string participant;  ///< folded final recipient when served here, else empty
    std::string soap{};       ///< octets of the SOAP part, for evidence

    [[nodiscard]] TransferEvent event(std::string name) const {
        const auto& m = opened.message;
        return {.name = std::move(name),
                .participant = participant,
                .peer_ap = m.from.id,
                .certificate_sha256 = opened.signer.sha256_hex(),
                .signature = opened.signature_value,
                .sender = m.original_sender(),
                .recipient = m.final_recipient(),
                .as4_id = m.message_id,
                .conversation_id = m.conversation_id,
                .document = m.action,
                .bytes = opened.payloads.empty() ? 0 : opened.payloads.front().bytes,
                .trace_id = trace.trace_id};
    }
};

Receiver::Receiver(Workshop& workshop) : workshop_(workshop), identities_(decrypting_identities(workshop.config)) {}
Receiver::~Receiver() = default;

as4::ReceiveContext Receiver::context(Time now) const {
    const auto& config = workshop_.config;
    as4::ReceiveContext context{
        .identities = identities_,
        .party_id = config.id,
        .trust = {.store = config.environment.ap_trust.get(),
                  .crls = &workshop_.crls,
                  .policy = {.at = now, .revocation = crypto::RevocationPolicy::required, .anchor_must_issue = true},
                  .known = config.partners},
        .limits = {},
        .key_transport = config.key_transport,
        .accept = {},
        // Check 6 comes after the duplicate check here: a copy gets its receipt even when the participant has left
        // since.
        .serves = {},
        .spool_folder = config.folder / "spool",
    };
    context.limits.payload = config.max_message;
    context.limits.body = body_limit(config.max_message);
    return context;
}

net::Response Receiver::receive(net::Request& request) {
    const auto now = workshop_.clock.now();
    BlobPayloads payloads(workshop_.blobs);
    WireHead head(*request.body);
    auto opened = as4::open(head, request.headers.get("Content-Type").value_or(""), context(now), payloads);
    if (!opened) {
        if (opened.error().cause == as4::Cause::storage)
            return answer_refusal({not_now(), reason_of(opened.error()), {}}, nullptr, request, head, now);
        const auto reason = reason_of(opened.error());
        // The participant learns of what an authentic sender meant for it (TA31); of anything else it does not.
        std::string participant;
        if (const auto id = federation::ParticipantId::parse(opened.error().final_recipient);
            opened.error().authenticated && id && find_participant(workshop_.config, *id) != nullptr) {
            participant = id->folded();
        }
        return answer_refusal({std::move(opened.error()), reason, std::move(participant)}, nullptr, request, head, now);
    }
    Arrival arrival{
        std::move(*opened), obs::Trace::from_header(request.headers.get("traceparent").value_or("")), now, {}, {}};
    if (const auto id = federation::ParticipantId::parse(arrival.opened.message.final_recipient());
        id && find_participant(workshop_.config, *id) != nullptr) {
        arrival.participant = id->folded();
    }
    arrival.soap = soap_part(head.octets(), request.headers.get("Content-Type").value_or("")).value_or("");
    auto answer = arrival.opened.deliver() ? accept(arrival, payloads) : ping(arrival);
    if (!answer) return answer_refusal(std::move(answer.error()), &arrival, request, head, now);
    net::Response response;
    response.status = answer->http_status;
    response.headers.set("Content-Type", answer->content_type);
    response.body = std::move(answer->octets);
    return response;
}

Receiver::Checked<as4::Answer> Receiver::make_receipt(const Arrival& arrival) const {
    auto receipt =
        as4::receipt(arrival.opened, receipt_signer(workshop_.config, arrival.opened.recipient_sha256, arrival.now),
                     arrival.now, as4::new_message_id(workshop_.config.id));
    if (!receipt) return std::unexpected(Refused{not_now(), receipt.error(), arrival.participant});
    return std::move(*receipt);
}

Receiver::Checked<as4::Answer> Receiver::ping(const Arrival& arrival) {
    auto answer = make_receipt(arrival);
    if (answer) note(arrival.event("as4.ping"));
    return answer;
}

Result<std::optional<Remembered>> Receiver::find_remembered(const std::string& message_id) const {
    std::optional<Remembered> found;
    BUDKAVLE_CHECK(workshop_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, recall(tx, message_id));
        return {};
    }));
    return found;
}

Receiver::Checked<xhe::Envelope> Receiver::check_envelope(const Arrival& arrival,
                                                           const BlobPayloads& payloads) const {
    const auto& config = workshop_.config;
    const auto refuse = [&](as4::Cause cause, std::string_view detail, const Error& reason) {
        return std::unexpected(Refused{as4::Refusal(cause, detail), reason, arrival.participant});
    };
    const auto& message = arrival.opened.message;
    const auto served = find_served(config, message);
    if (!served) return refuse(as4::Cause::not_serviced, "NOT_SERVICED", served.error());

    auto octets = payloads.read(arrival.opened.payloads.front().handle);
    if (!octets) return std::unexpected(Refused{not_now(), octets.error(), arrival.participant});
    auto limits = xhe::envelope_limits();
    limits.bytes = static_cast<std::size_t>(config.max_message);
    auto judged = xhe::judge_stream(**octets, limits);
    if (!judged && judged.error().code.starts_with("blob."))
        return std::unexpected(Refused{not_now(), judged.error(), arrival.participant});
    if (!judged) return refuse(as4::Cause::xhe_not_conformant, "XHE_NOT_CONFORMANT", judged.error());
    if (!judged->conformant()) {
        return refuse(as4::Cause::xhe_not_conformant, "XHE_NOT_CONFORMANT",
                      {"as4.xhe_not_conformant",
                       judged->findings.empty() ? "XHE-02" : judged->findings.front().rule,
                       {},
                       cause_list(judged->findings),
                       {},
                       Retry::never});
    }
    // K23: a mismatch takes the same path as a recipient that is not served.
    if (const auto equal = check_equal(message, *judged->envelope); !equal)
        return refuse(as4::Cause::not_serviced, "NOT_SERVICED", equal.error());
    if (const auto ours = check_federation(config, **served, *judged->envelope); !ours)
        return refuse(as4::Cause::not_serviced, "NOT_SERVICED", ours.error());
    return std::move(*judged->envelope);
}

Receiver::Checked<as4::Answer> Receiver::accept(const Arrival& arrival, BlobPayloads& payloads) {
    const auto& message = arrival.opened.message;
    const auto failed = [&](const Error& reason) {
        return std::unexpected(Refused{not_now(), reason, arrival.participant});
    };

    const auto before = find_remembered(message.message_id);
    if (!before) return failed(before.error());
    if (*before) return repeat(arrival, **before);
    auto envelope = check_envelope(arrival, payloads);
    if (!envelope) return std::unexpected(std::move(envelope.error()));
    auto receipt = make_receipt(arrival);
    if (!receipt) return receipt;

    const auto& payload = arrival.opened.payloads.front();
    const IncomingMessage incoming{
        .participant = envelope->to,
        .as4_id = message.message_id,
        .xhe_id = envelope->id,
        .blob = payload.handle,
        .bytes = payload.bytes,
        .received = arrival.now,
        .from_party = message.from.id,
        .to_party = message.to.id,
        .original_sender = message.original_sender(),
        .final_recipient = message.final_recipient(),
        .service = message.service,
        .action = message.action,
        .conversation_id = message.conversation_id,
        .signer_sha256 = arrival.opened.signer.sha256_hex(),
        .trace_id = arrival.trace.trace_id,
    };
    const Remembered memory{
        message.message_id,        message.from.id, arrival.opened.content_sha256(), arrival.opened.references_sha256,
        to_bytes(receipt->octets), arrival.now};
    auto event = arrival.event("as4.received");
    event.xhe_id = envelope->id;
    std::optional<ExchangeRecord> exchange;
    if (workshop_.evidence != nullptr) {
        auto prepared = workshop_.evidence->prepare({.participant = arrival.participant,
                                                     .as4_id = message.message_id,
                                                     .at = arrival.now,
                                                     .request = arrival.soap,
                                                     .answer = memory.receipt,
                                                     .answer_type = receipt->content_type,
                                                     .peer = arrival.opened.signer});
        if (!prepared) return failed(prepared.error());
        exchange = std::move(*prepared);
    }
    const auto commit = [this, incoming, memory, event, exchange](const BlobPayloads* octets) {
        return workshop_.database.write([&](store::Transaction& tx) -> Result<> {
            if (octets != nullptr) BUDKAVLE_CHECK(octets->store(tx));
            BUDKAVLE_CHECK(remember(tx, memory));
            BUDKAVLE_CHECK(add_incoming(tx, incoming));
            if (exchange) {
                BUDKAVLE_CHECK(add_exchange(tx, *exchange));
            }
            return workshop_.journal.record(tx, event, incoming.received);
        });
    };
#ifdef BUDKAVLE_PLANTED_BUGS
    if (store::planted("duplicate_check_not_atomic")) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (store::planted("receipt_before_commit")) {
        (void)workshop_.database.write([&](store::Transaction& tx) { return payloads.store(tx); });
        payloads.keep(payload.handle);
        const std::lock_guard lock(late_lock_);
        late_.emplace_back([this, commit, event] {
            std::this_thread::sleep_for(std::chrono::milliseconds(150));
            if (commit(nullptr)) {
                workshop_.journal.publish(event);
                workshop_.arrivals.ring();
            }
        });
        return receipt;
    }
#endif
    const auto committed = commit(&payloads);
    if (!committed && committed.error().code == "db.constraint") {
        // Another copy was faster, in between or at the same moment: it is committed, so this one is a duplicate.
        const auto faster = find_remembered(message.message_id);
        if (!faster) return failed(faster.error());
        if (*faster) return repeat(arrival, **faster);
        return std::unexpected(
            Refused{as4::Refusal(as4::Cause::duplicate_conflict), committed.error(), arrival.participant});
    }
    // Perhaps it is stored after all: then the row needs its blob. The sender's next attempt finds out.
    if (!committed && committed.error().code == "db.unknown") payloads.keep(payload.handle);
    if (!committed) return failed(committed.error());
    payloads.keep(payload.handle);
    workshop_.journal.publish(event);
    workshop_.arrivals.ring();
    return receipt;
}

Receiver::Checked<as4::Answer> Receiver::repeat(const Arrival& arrival, const Remembered& before) {
    const auto copy = compare(before.from_party, before.content_sha256, before.references_sha256, arrival.opened);
    if (copy == Copy::conflict) {
        workshop_.journal.log().audit(arrival.opened.message.from.id, "as4.duplicate_conflict",
                                      {{"as4MessageId", arrival.opened.message.message_id},
                                       {"certificateSha256", arrival.opened.signer.sha256_hex()}});
        return std::unexpected(Refused{as4::Refusal(as4::Cause::duplicate_conflict),
                                       {"as4.duplicate_conflict",
                                        "AP-6",
                                        "MessageId",
                                        "The MessageId is known with another sender or content.",
                                        {},
                                        Retry::never},
                                       arrival.participant});
    }
    auto answer = copy == Copy::repeated ? Checked<as4::Answer>(as4::Answer{200, std::string(as4::kSoapContentType),
                                                                            std::string(as_text(before.receipt))})
                                         : make_receipt(arrival);
    if (answer) note(arrival.event("as4.duplicate"));
    return answer;
}

/// Events that no state change carries.
void Receiver::note(const TransferEvent& event) const {
    const auto done = workshop_.database.write(
        [&](store::Transaction& tx) { return workshop_.journal.record(tx, event, workshop_.clock.now()); });
    if (!done) workshop_.journal.log().technical(obs::Level::error, "journal.failed", obs::error_fields(done.error()));
    workshop_.journal.publish(event);
}

net::Response Receiver::answer_refusal(Refused refused, const Arrival* arrival, const net::Request& request,
                                       const WireHead& head, Time now) const {
    TransferEvent event;
    if (arrival != nullptr) {
        event = arrival->event("as4.refused");
    } else {
        event.name = "as4.refused";
        event.peer_ap = refused.refusal.from_party;
        event.as4_id = refused.refusal.message_id;
        event.trace_id = obs::Trace::from_header(request.headers.get("traceparent").value_or("")).trace_id;
    }
    event.participant = refused.participant;
    event.ebms_code = refused.refusal.code;
    event.error_code = refused.reason.code;
    event.error_text = refused.reason.text;
    event.rule = refused.reason.rule;
    const bool authenticated = arrival != nullptr || refused.refusal.authenticated;
    if (authenticated && refused.refusal.http_status != 503) {
        note(event);
    } else {
        // What nobody vouches for must not fill the database, and a database that is out of order cannot be written to.
        workshop_.journal.publish(event);
    }
    if (!authenticated) {
        workshop_.journal.log().audit(
            request.peer_certificate ? request.peer_certificate->sha256_hex() : "anonymous", "as4.refused",
            {{"peer", request.peer_address}, {"cause", refused.reason.code}, {"rule", refused.reason.rule}});
    }
    if (workshop_.refusals != nullptr && refused.refusal.cause != as4::Cause::storage) {
        workshop_.refusals->note(
            refusal_record(event, request, head.octets(), authenticated && refused.refusal.http_status != 503, now));
    }
    if (refused.refusal.cause == as4::Cause::storage) {
        workshop_.journal.log().technical(obs::Level::error, "as4.not_stored", obs::error_fields(refused.reason));
    }

    if (arrival != nullptr) {
        refused.refusal.message_id = arrival->opened.message.message_id;
        refused.refusal.from_party = arrival->opened.message.from.id;
    }
    auto answer =
        as4::refusal_answer(refused.refusal, &workshop_.config.as4, now, as4::new_message_id(workshop_.config.id));
    net::Response response;
    if (!answer) {
        workshop_.journal.log().technical(obs::Level::error, "as4.answer", obs::error_fields(answer.error()));
        response.status = 503;
    } else {
        response.status = answer->http_status;
        if (!answer->content_type.empty()) response.headers.set("Content-Type", answer->content_type);
        response.body = std::move(answer->octets);
    }
    if (response.status == 503) response.headers.set("Retry-After", "60");
    return response;
}

}  // namespace budkavle::accesspoint
