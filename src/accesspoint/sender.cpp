#include "accesspoint/sender.hpp"

#include <algorithm>

#include "accesspoint/evidence.hpp"
#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/figures.hpp"
#include "accesspoint/wire_head.hpp"
#include "as4/profile.hpp"
#include "as4/seal.hpp"
#include "obs/log.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr milliseconds kLongestSleep = std::chrono::seconds(30);
constexpr std::string_view kNoEvidence = "as4.no_evidence";
constexpr std::uint64_t kLongestAnswer = std::uint64_t{1} << 20;

/// Faults of names and certificates do not heal by waiting; everything else of a connection may (`access-point.md` 6).
bool is_permanent(const Error& error) {
    if (error.retry == Retry::later) return false;
    return (error.code.starts_with("tls.") && error.code != "tls.handshake") || error.code == "http.url" ||
           error.code == "http.address_refused" || error.code.starts_with("blob.") || error.code.starts_with("db.");
}

/// Can the look-up succeed later? Besides outages: a certificate may only be waiting for its first day, by its clock or
/// ours.
bool may_heal(const Error& error) {
    return error.retry == Retry::later || error.code == "trust.not_yet_valid";
}

TransferEvent event_of(const OutgoingMessage& m, std::string name) {
    return {.name = std::move(name),
            .participant = m.participant.folded(),
            .outgoing = true,
            .peer_ap = m.peer,
            .certificate_sha256 = m.peer_sha256,
            .sender = m.participant.text(),
            .recipient = m.recipient.text(),
            .as4_id = m.as4_id,
            .conversation_id = m.conversation_id,
            .xhe_id = m.xhe_id,
            .document = m.document_id,
            .bytes = m.bytes,
            .attempt = m.attempts,
            .profile = m.profile,
            .trace_id = obs::Trace::from_header(m.traceparent).trace_id};
}

/// SignatureValue of a receipt that was verified before; only for the log, the receipt itself is stored.
std::string signature_of(std::string_view receipt) {
    const auto name = receipt.find("SignatureValue");
    const auto begin = name == std::string_view::npos ? name : receipt.find('>', name);
    const auto end = begin == std::string_view::npos ? begin : receipt.find('<', begin);
    return end == std::string_view::npos ? std::string{} : collapse_space(receipt.substr(begin + 1, end - begin - 1));
}

void set_cause(TransferEvent& event, const Error& error) {
    event.error_code = error.code;
    event.error_text = error.text;
    event.rule = error.rule;
}

}  // namespace

Sender::~Sender() {
    stop();
}

void Sender::start() {
    for (unsigned i = 0; i < workshop_.config.senders; ++i) threads_.emplace_back([this] { work(); });
}

void Sender::stop() {
    threads_.clear();
}

void Sender::work() {
    while (!workshop_.departures.retired()) {
        const auto seen = workshop_.departures.rings();
        if (work_once()) continue;
        auto sleep = kLongestSleep;
        const auto looked = workshop_.database.read([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto next, store::next_due(tx, kSendJob));
            if (next) sleep = std::clamp(*next - workshop_.clock.now(), milliseconds(1), kLongestSleep);
            return {};
        });
        if (!looked) sleep = std::chrono::seconds(1);
        (void)workshop_.departures.wait(seen, sleep);
    }
}

bool Sender::work_once() {
    std::vector<store::Job> jobs;
    const auto claimed = workshop_.database.write([&](store::Transaction& tx) -> Result<> {
        const auto now = workshop_.clock.now();
        BUDKAVLE_TRY(jobs, store::claim(tx, kSendJob, now, now + keeper_.lease(), 1));
        return {};
    });
    if (!claimed)
        workshop_.journal.log().technical(obs::Level::error, "sender.claim", obs::error_fields(claimed.error()));
    if (!claimed || jobs.empty()) return false;
    // However long the attempt takes, nobody else begins one.
    const auto held = keeper_.hold(jobs.front());
    if (const auto done = process(jobs.front()); !done) {
        workshop_.journal.log().technical(obs::Level::error, "sender.failed", obs::error_fields(done.error()));
        // The storage may be out of order for a while: let go of the job, and do not spin.
        (void)workshop_.database.write([&](store::Transaction& tx) {
            return store::reschedule(tx, jobs.front(), workshop_.clock.now() + std::chrono::seconds(5));
        });
    }
    return true;
}

Result<> Sender::process(const store::Job& job) {
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
    return try_to_send(job, std::move(*message));
}

Result<smp::Metadata> Sender::look_up(const OutgoingMessage& message) const {
    BUDKAVLE_TRY(auto metadata, workshop_.lookup(message.recipient, message.document_id));
    if (!equal_ignore_case_ascii(metadata.process.value, message.process_id)) {  // check 4, K20
        return fail("as4.process", "AP-3.4", "PROCESSID",
                    "The receiver does not offer this type with the envelope's process.");
    }
    if (std::ranges::find(workshop_.config.profiles, metadata.endpoint.profile) == workshop_.config.profiles.end()) {
        return fail("as4.profile", "AP-01", "transportProfile",
                    "The receiver offers no transport profile that is known here.");
    }
    // Again at every attempt: the metadata may be minutes old (AP-14, AP-15).
    BUDKAVLE_CHECK(workshop_.config.environment.ap_trust->check(
        metadata.endpoint.certificate, {}, workshop_.crls,
        {.at = workshop_.clock.now(), .revocation = crypto::RevocationPolicy::required, .anchor_must_issue = true}));
    return metadata;
}

Result<std::unique_ptr<store::BlobWriter>> Sender::seal_if_needed(OutgoingMessage& message,
                                                                  const smp::Metadata& metadata) const {
    const auto& certificate = metadata.endpoint.certificate;
    if (!message.request_blob.empty() && message.peer_sha256 == certificate.sha256_hex() &&
        message.profile == metadata.endpoint.profile)
        return nullptr;
    const auto* profile = federation::find_transport_profile(metadata.endpoint.profile);
    if (profile == nullptr)
        return fail("as4.profile", "AP-01", "transportProfile", "The transport profile is not known.");
    BUDKAVLE_TRY(const auto octets, workshop_.blobs.read(message.blob));
    BUDKAVLE_TRY(auto blob, workshop_.blobs.create());
    const as4::SendFacts facts{
        .message_id = message.as4_id,
        .conversation_id = message.conversation_id,
        .timestamp = workshop_.clock.now(),
        .service = message.process_id,
        .service_type = message.process_scheme,
        .action = as4::action_of(message.document_id),
        .original_sender = message.participant.text(),
        .final_recipient = message.recipient.text(),
    };
    as4::SendPart part;
    part.payload = octets.get();
    const auto& signer = signing_identity(workshop_.config, workshop_.clock.now());
    BUDKAVLE_TRY(const auto sealed,
                 as4::seal(as4::make_user_message(facts, *profile, signer.certificate(), certificate),
                           {part}, signer, certificate, workshop_.config.folder / "spool", *blob));
    BUDKAVLE_CHECK(blob->prepare());
    message.request_blob = blob->id();
    message.request_type = sealed.content_type;
    message.evidence = write_evidence(sealed.evidence);
    message.peer = certificate.common_name();
    message.peer_sha256 = certificate.sha256_hex();
    message.profile = metadata.endpoint.profile;
    return blob;
}

Result<> Sender::try_to_send(const store::Job& job, OutgoingMessage message) {
    const auto was = message.state;
    const auto metadata = look_up(message);
    if (!metadata) return not_sendable(job, std::move(message), metadata.error());

    const auto replaced = message.request_blob;
    const auto sealed = seal_if_needed(message, *metadata);
    if (!sealed) {
        if (sealed.error().retry == Retry::later)
            return std::unexpected(sealed.error());  // the storage; no fault of the message
        return not_sendable(job, std::move(message), sealed.error());
    }
    message.lookups = 0;
    message.attempts += 1;
    message.state = Outgoing::sending;
    const auto trace = obs::Trace::from_header(message.traceparent).child();
    auto event = event_of(message, "as4.sending");
    event.endpoint = metadata->endpoint.uri;
    const auto written = workshop_.database.write([&](store::Transaction& tx) -> Result<> {
        if (*sealed) BUDKAVLE_CHECK((*sealed)->store(tx));
        BUDKAVLE_CHECK(update_outgoing(tx, message, was));
        return workshop_.journal.record(tx, event, workshop_.clock.now());
    });
    const bool unknown = !written && written.error().code == "db.unknown";
    if (message.request_blob != replaced && !unknown) (void)workshop_.blobs.remove(written ? replaced : message.request_blob);
    BUDKAVLE_CHECK(written);
    workshop_.journal.publish(event);

    const auto begun = std::chrono::steady_clock::now();
    const auto failure = transmit(message, *metadata, trace.header());
    if (workshop_.figures != nullptr) workshop_.figures->exchange("out", std::chrono::steady_clock::now() - begun);
    if (failure) return attempt_failed(job, std::move(message), *failure, event);
    message.state = Outgoing::delivered;
    event.name = "as4.delivered";
    event.signature = signature_of(as_text(message.receipt));
    return finish(job, std::move(message), Outgoing::sending, std::move(event), metadata->endpoint.certificate);
}

Result<net::ClientResponse> Sender::post(const OutgoingMessage& message, const smp::Metadata& metadata,
                                         const std::string& traceparent) {
    BUDKAVLE_TRY(const auto body, workshop_.blobs.read(message.request_blob));
    BUDKAVLE_TRY(const auto length, workshop_.blobs.size(message.request_blob));
    net::ClientRequest request;
    request.method = "POST";
    request.url = metadata.endpoint.uri;
    request.headers.set("Content-Type", message.request_type);
    request.headers.set("traceparent", traceparent);
    request.body = body.get();
    request.body_length = length;
    request.max_response = kLongestAnswer;
    return client_.send(request);
}

std::optional<Sender::Failure> Sender::transmit(OutgoingMessage& message, const smp::Metadata& metadata,
                                                const std::string& traceparent) {
    const auto evidence = read_evidence(message.evidence);
    if (!evidence) return Failure{evidence.error()};
    const auto response = post(message, metadata, traceparent);
    if (!response) return Failure{response.error()};

    const auto now = workshop_.clock.now();
    const std::vector known{metadata.endpoint.certificate};
    const as4::ExpectedPeer peer{
        .trust = {.store = workshop_.config.environment.ap_trust.get(),
                  .crls = &workshop_.crls,
                  .policy = {.at = now, .revocation = crypto::RevocationPolicy::required, .anchor_must_issue = true},
                  .known = known},
        .certificate = metadata.endpoint.certificate,
    };
    const auto judged =
        as4::judge_answer(*evidence, response->status, response->headers.get("Content-Type").value_or(""),
                          response->body, peer, workshop_.config.folder / "spool");
    if (judged.verdict == as4::Verdict::accepted) {
        message.receipt = response->body;
        message.receipt_type = response->headers.get("Content-Type").value_or("");
        message.receipt_time = now;
        return std::nullopt;
    }
    const bool refused = judged.verdict == as4::Verdict::refused;
    return Failure{
        {refused ? "as4.refused" : "as4.no_receipt", refused ? "AP-6" : "AP-17", {}, judged.detail, {}, judged.retry},
        judged.code,
        judged.duplicate && message.attempts > 1};
}

Result<> Sender::not_sendable(const store::Job& job, OutgoingMessage message, const Error& error) {
    const auto was = message.state;
    message.lookups += 1;
    auto event = event_of(message, "as4.not_sendable");
    set_cause(event, error);
    const auto& schedule = workshop_.config.lookup_retries;
    if (may_heal(error) && message.lookups < schedule.attempts)
        return postpone(job, message, was, schedule.interval(), event);
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
    event.ebms_code = failure.ebms_code;
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
    if (!permanent && message.attempts < schedule.attempts)
        return postpone(job, message, Outgoing::sending, schedule.interval(), event);
    message.state = Outgoing::failed;
    event.name = "as4.failed";
    return finish(job, std::move(message), Outgoing::sending, std::move(event));
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
    return {};
}

Result<ExchangeRecord> Sender::evidence_of(const OutgoingMessage& message, const crypto::Certificate& peer,
                                           Time now) const {
    BUDKAVLE_TRY(const auto body, workshop_.blobs.read(message.request_blob));
    MemorySink head(WireHead::kKept);
    (void)copy(*body, head, WireHead::kKept);  // ends with an error where the beginning ends
    return workshop_.evidence->prepare({.participant = message.participant.folded(),
                                        .as4_id = message.as4_id,
                                        .outgoing = true,
                                        .at = now,
                                        .request = soap_part(head.bytes(), message.request_type).value_or(""),
                                        .answer = message.receipt,
                                        .answer_type = message.receipt_type,
                                        .peer = peer});
}

Result<> Sender::finish(const store::Job& job, OutgoingMessage message, Outgoing was, TransferEvent event,
                        const std::optional<crypto::Certificate>& peer) {
    const auto now = workshop_.clock.now();
    // What failed may be sent again (resend.hpp); maintenance ends that.
    const bool keep_envelope = message.state != Outgoing::delivered && workshop_.config.failed_envelopes.count() > 0;
    const auto octets = keep_envelope ? std::string() : std::exchange(message.blob, {});
    std::optional<ExchangeRecord> exchange;
    if (peer && workshop_.evidence != nullptr) {
        BUDKAVLE_TRY(exchange, evidence_of(message, *peer, now));
    }
    const bool keep = workshop_.config.keep_wire_octets && message.state == Outgoing::delivered;
    const auto request = keep ? std::string() : std::exchange(message.request_blob, {});
    message.finished = now;
    BUDKAVLE_CHECK(workshop_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(update_outgoing(tx, message, was));
        BUDKAVLE_CHECK(workshop_.journal.record(tx, event, now));
        if (exchange) {
            BUDKAVLE_CHECK(add_exchange(tx, *exchange));
        }
        for (const auto& blob : {octets, request}) BUDKAVLE_CHECK(workshop_.blobs.remove_within(tx, blob));
        return store::complete(tx, job);
    }));
    workshop_.journal.publish(event);
    for (const auto& blob : {octets, request}) {
        if (!blob.empty()) (void)workshop_.blobs.remove(blob);
    }
    return {};
}

}  // namespace budkavle::accesspoint
