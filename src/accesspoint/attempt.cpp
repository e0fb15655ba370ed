/// One attempt to send: look-up, sealing, transmission, judgement of the answer.
#include <algorithm>

#include "accesspoint/evidence.hpp"
#include "accesspoint/figures.hpp"
#include "accesspoint/sealing.hpp"
#include "accesspoint/sender.hpp"
#include "obs/log.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::uint64_t kLongestAnswer = std::uint64_t{1} << 20;

/// SignatureValue of a receipt that was verified before; only for the log, the receipt itself is stored.
std::string signature_of(std::string_view receipt) {
    const auto name = receipt.find("SignatureValue");
    const auto begin = name == std::string_view::npos ? name : receipt.find('>', name);
    const auto end = begin == std::string_view::npos ? begin : receipt.find('<', begin);
    return end == std::string_view::npos ? std::string{} : collapse_space(receipt.substr(begin + 1, end - begin - 1));
}

/// The request could not be read, or not to its end: nothing whole was sent, and the storage may recover.
bool is_storage(const Error& error) {
    return error.retry == Retry::later && (error.code.starts_with("blob.") || error.code.starts_with("db."));
}

/// Host and port of an endpoint: what may hang.
std::string peer_of(std::string_view uri) {
    const auto scheme = uri.find("://");
    const auto rest = scheme == std::string_view::npos ? uri : uri.substr(scheme + 3);
    return to_lower_ascii(rest.substr(0, rest.find_first_of("/?#")));
}

}  // namespace

TransferEvent attempt_event(const OutgoingMessage& message, std::string name) {
    auto event = event_of(message, std::move(name));
    event.certificate_sha256 = message.peer_sha256;
    event.attempt = message.attempts;
    event.profile = message.profile;
    return event;
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

Result<> Sender::try_to_send(Claim& claim, OutgoingMessage message) {
    const auto& job = claim.job;
    const auto was = message.state;
    const auto metadata = look_up(message);
    if (!metadata && abort_) return put_back(job);
    if (!metadata) return not_sendable(job, std::move(message), metadata.error());
    const auto peer = peer_of(metadata->endpoint.uri);
    if (!workshop_.send_queue.enter(claim, peer)) return put_back(job);

    const auto replaced = message.request_blob;
    const auto sealed = seal_if_needed(workshop_, message, *metadata);
    if (!sealed) {
        // The storage; no fault of the message.
        if (sealed.error().retry == Retry::later) return std::unexpected(sealed.error());
        return not_sendable(job, std::move(message), sealed.error());
    }
    message.lookups = 0;
    message.attempts += 1;
    message.state = Outgoing::sending;
    const auto trace = obs::Trace::from_header(message.traceparent).child();
    auto event = attempt_event(message, "as4.sending");
    event.endpoint = metadata->endpoint.uri;
    const auto written = workshop_.database.write([&](store::Transaction& tx) -> Result<> {
        if (*sealed) BUDKAVLE_CHECK((*sealed)->store(tx));
        BUDKAVLE_CHECK(update_outgoing(tx, message, was));
        return workshop_.journal.record(tx, event, workshop_.clock.now());
    });
    const bool unknown = !written && written.error().code == "db.unknown";
    if (message.request_blob != replaced && !unknown)
        (void)workshop_.blobs.remove(written ? replaced : message.request_blob);
    BUDKAVLE_CHECK(written);
    workshop_.journal.publish(event);

    const auto begun = std::chrono::steady_clock::now();
    auto* octets = sealed->get();  // null when an earlier attempt sealed it
    const auto failure = transmit(message, octets, *metadata, trace.header(), was == Outgoing::sending);
    if (failure && failure->error.code == "http.aborted") return take_back(job, std::move(message));
    if (failure && is_storage(failure->error)) {
        BUDKAVLE_CHECK(take_back(job, std::move(message)));
        return std::unexpected(failure->error);
    }
    if (workshop_.figures != nullptr) workshop_.figures->exchange("out", std::chrono::steady_clock::now() - begun);
    if (workshop_.send_queue.answered(peer, !failure || !failure->error.code.starts_with("http.")))
        workshop_.departures.ring_here();
    if (failure) return attempt_failed(job, std::move(message), *failure, event);
    message.state = Outgoing::delivered;
    message.cause_code.clear();  // why earlier attempts failed stands in their events
    message.cause_text.clear();
    event.name = "as4.delivered";
    event.signature = signature_of(as_text(message.receipt));
    return finish(job, std::move(message), Outgoing::sending, std::move(event), Receipted{metadata->endpoint.certificate, octets});
}

Result<std::unique_ptr<Source>> Sender::request_of(const OutgoingMessage& message, store::BlobWriter* sealed) const {
    return sealed != nullptr ? sealed->read() : workshop_.blobs.read(message.request_blob);
}

Result<net::ClientResponse> Sender::post(const OutgoingMessage& message, store::BlobWriter* sealed,
                                         const smp::Metadata& metadata, const std::string& traceparent) {
    BUDKAVLE_TRY(const auto body, request_of(message, sealed));
    auto length = sealed != nullptr ? Result<std::uint64_t>(sealed->size()) : workshop_.blobs.size(message.request_blob);
    if (!length) return std::unexpected(length.error());
    net::ClientRequest request;
    request.method = "POST";
    request.url = metadata.endpoint.uri;
    request.headers.set("Content-Type", message.request_type);
    request.headers.set("traceparent", traceparent);
    request.body = body.get();
    request.body_length = *length;
    request.max_response = kLongestAnswer;
    return client_.send(request);
}

as4::Judgement Sender::judge(const as4::Evidence& evidence, const net::ClientResponse& response,
                             const smp::Metadata& metadata, Time now) const {
    const std::vector known{metadata.endpoint.certificate};
    const as4::ExpectedPeer peer{
        .trust = {.store = workshop_.config.environment.ap_trust.get(),
                  .crls = &workshop_.crls,
                  .policy = {.at = now, .revocation = crypto::RevocationPolicy::required, .anchor_must_issue = true},
                  .known = known},
        .certificate = metadata.endpoint.certificate,
        .skew = workshop_.config.clock_skew,
    };
    return as4::judge_answer(evidence, response.status, response.headers.get("Content-Type").value_or(""),
                             response.body, peer, workshop_.config.folder / "spool");
}

std::optional<Sender::Failure> Sender::transmit(OutgoingMessage& message, store::BlobWriter* sealed,
                                                const smp::Metadata& metadata, const std::string& traceparent,
                                                bool again) {
    const auto evidence = read_evidence(message.evidence);
    if (!evidence) return Failure{evidence.error()};
    const auto response = post(message, sealed, metadata, traceparent);
    if (!response) {
        // TA15: the producer is told that no receipt came.
        const auto code = local_ebms_code(response.error());
        return Failure{response.error(), code == "EBMS:0301" ? code : std::string()};
    }
    const auto now = workshop_.clock.now();
    const auto judged = judge(*evidence, *response, metadata, now);
    if (judged.verdict == as4::Verdict::accepted) {
        message.receipt = response->body;
        message.receipt_type = response->headers.get("Content-Type").value_or("");
        message.receipt_time = now;
        return std::nullopt;
    }
    const bool refused = judged.verdict == as4::Verdict::refused;
    Failure failure{
        {refused ? "as4.refused" : "as4.no_receipt", refused ? "AP-6" : "AP-17", {}, judged.detail, {}, judged.retry},
        judged.code,
        judged.duplicate && again};
    if (response->status == 503 || response->status == 429)
        failure.asked = parse_retry_after(response->headers.get("Retry-After").value_or(""), now);
    return failure;
}

}  // namespace budkavle::accesspoint
