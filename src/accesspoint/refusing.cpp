#include "accesspoint/refusing.hpp"

#include "accesspoint/refusal_record.hpp"
#include "as4/signal.hpp"
#include "obs/log.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr auto kComeAgain = "60";

TransferEvent event_of_refusal(const Refusing& message) {
    TransferEvent event;
    if (message.heard != nullptr) {
        event = event_of(*message.heard, message.origin, "as4.refused");
    } else {
        event.name = "as4.refused";
        event.peer_ap = message.refused.refusal.from_party;
        event.as4_id = message.refused.refusal.message_id;
        event.trace_id = message.origin.trace.trace_id;
    }
    if (message.opened != nullptr) {
        event.signature = message.opened->signature_value;
        event.bytes = message.opened->payloads.empty() ? 0 : message.opened->payloads.front().bytes;
    }
    event.ebms_code = message.refused.refusal.code;
    event.error_code = message.refused.reason.code;
    event.error_text = message.refused.reason.text;
    event.rule = message.refused.reason.rule;
    return event;
}

}  // namespace

as4::Refusal not_now() {
    as4::Refusal refusal(as4::Cause::storage);
    refusal.form = as4::AnswerForm::status_only;
    refusal.http_status = 503;
    return refusal;
}

Refused not_now(const Error& reason) {
    return {not_now(), reason};
}

Refused refused_for(as4::Cause cause, const Error& reason) {
    return {as4::Refusal(cause), reason};
}

net::Response come_again(const Error& reason) {
    auto response = net::problem(503, reason);
    response.headers.set("Retry-After", kComeAgain);
    return response;
}

void note(const Workshop& workshop, const TransferEvent& event) {
    const auto done = workshop.database.write(
        [&](store::Transaction& tx) { return workshop.journal.record(tx, event, workshop.clock.now()); });
    if (!done) workshop.journal.log().technical(obs::Level::error, "journal.failed", obs::error_fields(done.error()));
    workshop.journal.publish(event);
}

void log_refusal(const Workshop& workshop, const Refusing& message) {
    const auto event = event_of_refusal(message);
    auto& log = workshop.journal.log();
    if (message.authenticated && !message.temporary()) {
        note(workshop, event);
    } else {
        // What nobody vouches for must not fill the database, and a database that is out of order cannot be written to.
        workshop.journal.publish(event);
    }
    if (!message.authenticated) {
        log.audit(message.origin.peer_certificate_sha256.empty() ? "anonymous" : message.origin.peer_certificate_sha256,
                  "as4.refused",
                  {{"peer", message.origin.peer_address},
                   {"cause", message.refused.reason.code},
                   {"rule", message.refused.reason.rule}});
    }
    if (workshop.refusals != nullptr && message.refused.refusal.cause != as4::Cause::storage) {
        workshop.refusals->note(refusal_record(event, message.request, message.head,
                                               message.authenticated && !message.temporary(), message.origin.now));
    }
    if (message.refused.refusal.cause == as4::Cause::storage)
        log.technical(obs::Level::error, "as4.not_stored", obs::error_fields(message.refused.reason));
}

net::Response answer_refusal(const Workshop& workshop, const Refusing& message) {
    auto refusal = message.refused.refusal;
    if (message.heard != nullptr) {
        refusal.message_id = message.heard->message.message_id;
        refusal.from_party = message.heard->message.from.id;
    }
    // The sender believes what is signed with the certificate that it knows (AP-17).
    const auto& signer = receipt_signer(workshop.config, message.recipient_sha256, message.origin.now);
    auto answer = as4::refusal_answer(refusal, &signer, message.origin.now,
                                      as4::new_message_id(workshop.config.id), workshop.config.error_form);
    net::Response response;
    if (!answer) {
        workshop.journal.log().technical(obs::Level::error, "as4.answer", obs::error_fields(answer.error()));
        response.status = 503;
    } else {
        response.status = answer->http_status;
        if (!answer->content_type.empty()) response.headers.set("Content-Type", answer->content_type);
        response.body = std::move(answer->octets);
    }
    if (response.status == 503) response.headers.set("Retry-After", kComeAgain);
    return response;
}

}  // namespace budkavle::accesspoint
