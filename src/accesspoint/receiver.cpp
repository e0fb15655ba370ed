#include "accesspoint/receiver.hpp"

#include "accesspoint/duplicate.hpp"
#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/refusing.hpp"
#include "accesspoint/restoration.hpp"
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

/// The connection ended or was too slow: nothing is known of the message, and its sender comes again.
net::Response interrupted(const Workshop& workshop, const Error& error, const as4::Refusal& refusal) {
    auto fields = obs::error_fields(error);
    fields.push_back({"as4MessageId", refusal.message_id});
    workshop.journal.log().technical(obs::Level::warning, "as4.interrupted", fields);
    return come_again(error);
}

void read_rest(Source& body, std::uint64_t most) {
    Bytes waste(kPiece);
    for (std::uint64_t total = 0; total < most;) {
        const auto n = body.read(waste);
        if (!n || *n == 0) return;
        total += *n;
    }
}

/// as4-wire 1.1 knows no Content-Encoding: the payload is compressed within the message. RFC 9110 15.5.16.
bool is_encoded(const net::Request& request) {
    const auto encoding = request.headers.get("Content-Encoding");
    return encoding && !equal_ignore_case_ascii(trim(*encoding), "identity");
}

net::Response not_decoded(const Error& error) {
    auto response = net::problem(415, error);
    response.headers.set("Accept-Encoding", "identity");
    return response;
}

net::Response response_of(as4::Answer answer) {
    net::Response response;
    response.status = answer.http_status;
    response.headers.set("Content-Type", answer.content_type);
    response.body = std::move(answer.octets);
    return response;
}

}  // namespace

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
        .skew = config.clock_skew,
        .limits = {},
        .key_transport = config.key_transport,
        .accept = {},
        // Check 6 comes after the duplicate check here: a copy gets its receipt even when the participant has left
        // since.
        .serves = {},
        .spool_folder = config.folder / "spool",
    };
    context.accept.profiles.clear();  // AP-02
    for (const auto& profile : config.profile_values) context.accept.profiles.push_back(profile.base);
    context.accept.any_document = true;  // B1.4.2: what a participant takes decides, `find_served`
    context.limits.payload = config.max_message;
    context.limits.body = body_limit(config.max_message);
    return context;
}

net::Response Receiver::receive(net::Request& request) {
    const auto peer = request.peer_certificate ? request.peer_certificate->sha256_hex() : std::string();
    const auto place = workshop_.admission.enter(peer.empty() ? request.peer_address : peer);
    const auto room = place ? workshop_.admission.check_room(request.content_length.value_or(0)) : Result<>{};
    if (!place || !room) {
        const auto& error = place ? room.error() : place.error();
        workshop_.journal.log().technical(obs::Level::warning, "as4.turned_away", obs::error_fields(error));
        return come_again(error);
    }

    if (is_encoded(request)) {
        const Error error{"as4.content_encoding", "as4-wire 1.1", "Content-Encoding",
                          "A request with a content encoding is not taken.", "Send it without.", Retry::never};
        workshop_.journal.log().technical(obs::Level::warning, "as4.turned_away", obs::error_fields(error));
        read_rest(*request.body, body_limit(workshop_.config.max_message));
        return not_decoded(error);
    }

    const Origin origin{request.peer_address, peer,
                        obs::Trace::from_header(request.headers.get("traceparent").value_or("")),
                        workshop_.clock.now()};
    BlobPayloads payloads(workshop_.blobs);
    std::optional<Heard> heard;
    std::optional<Refused> at_header;
    auto judging = context(origin.now);
    std::string recipient;
    judging.recipient_sha256 = &recipient;
    judging.admit = [&](const as4::UserMessage& message, const crypto::Certificate& signer) -> as4::Outcome<> {
        heard.emplace(Heard{message, signer});
        if (auto checked = check_header(*heard, origin.now); !checked) {
            at_header = std::move(checked.error());
            return std::unexpected(at_header->refusal);
        }
        return {};
    };
    WireHead head(*request.body);
    auto opened = as4::open(head, request.headers.get("Content-Type").value_or(""), judging, payloads);
    if (!opened) {
        const auto& refusal = opened.error();
        if (head.failure()) return interrupted(workshop_, *head.failure(), refusal);
        const auto refused = at_header                              ? *at_header
                             : refusal.cause == as4::Cause::storage ? not_now(reason_of(refusal))
                                                                    : Refused{refusal, reason_of(refusal)};
        const Refusing message{refused,
                               origin,
                               request,
                               head.octets(),
                               heard ? &*heard : nullptr,
                               nullptr,
                               refusal.authenticated,
                               recipient};
        log_refusal(workshop_, message);
        const bool endless = refused.refusal.cause == as4::Cause::body_too_large;
        if (!message.temporary() && !endless) read_rest(*request.body, judging.limits.body);
        return answer_refusal(workshop_, message);
    }
    // The test service never comes to `admit`.
    if (!heard) heard.emplace(Heard{opened->message, opened->signer});
    // Received is what has come to its end; an upload may take minutes.
    auto arrived = origin;
    arrived.now = workshop_.clock.now();
    const Arrival arrival{std::move(*opened), std::move(*heard), arrived,
                          soap_part(head.octets(), request.headers.get("Content-Type").value_or("")).value_or("")};
    auto answer = accept(arrival, payloads);
    if (answer) return response_of(std::move(*answer));
    const Refusing message{answer.error(), arrived, request, head.octets(), &arrival.heard, &arrival.opened, true, recipient};
    log_refusal(workshop_, message);
    return answer_refusal(workshop_, message);
}

Checked<as4::Answer> Receiver::make_receipt(const Arrival& arrival) const {
    auto receipt =
        as4::receipt(arrival.opened,
                     receipt_signer(workshop_.config, arrival.opened.recipient_sha256, arrival.origin.now),
                     arrival.origin.now, as4::new_message_id(workshop_.config.id));
    if (!receipt) return std::unexpected(not_now(receipt.error()));
    return std::move(*receipt);
}

Result<std::optional<Remembered>> Receiver::find_remembered(const std::string& message_id) const {
    std::optional<Remembered> found;
    BUDKAVLE_CHECK(workshop_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, recall(tx, message_id));
        return {};
    }));
    return found;
}

Checked<as4::Answer> Receiver::accept(const Arrival& arrival, BlobPayloads& payloads) {
    if (!arrival.opened.deliver()) {  // TA16, TA17
        auto answer = make_receipt(arrival);
        if (answer) note(workshop_, event_of(arrival, "as4.ping"));
        return answer;
    }
    if (arrival.heard.before) return repeat(arrival, payloads, *arrival.heard.before);
    auto envelope = check_envelope(arrival, payloads);
    if (!envelope) return std::unexpected(std::move(envelope.error()));
    return store(arrival, payloads, *envelope);
}

Checked<as4::Answer> Receiver::store(const Arrival& arrival, BlobPayloads& payloads, const xhe::Envelope& envelope) {
    auto receipt = make_receipt(arrival);
    if (!receipt) return receipt;
    const auto& message = arrival.opened.message;
    const auto& payload = arrival.opened.payloads.front();
    const IncomingMessage incoming{
        .participant = envelope.to,
        .as4_id = message.message_id,
        .xhe_id = envelope.id,
        .blob = payload.handle,
        .bytes = payload.bytes,
        .received = arrival.origin.now,
        .from_party = message.from.id,
        .to_party = message.to.id,
        .original_sender = message.original_sender(),
        .final_recipient = message.final_recipient(),
        .service = message.service,
        .action = message.action,
        .conversation_id = message.conversation_id,
        .signer_sha256 = arrival.opened.signer.sha256_hex(),
        .trace_id = arrival.origin.trace.trace_id,
    };
    Remembered memory{message.message_id,
                      message.from.id,
                      arrival.opened.content_sha256(),
                      arrival.opened.references_sha256,
                      to_bytes(receipt->octets),
                      arrival.origin.now,
                      message.timestamp,
                      arrival.heard.participant};
    auto event = event_of(arrival, "as4.received");
    event.xhe_id = envelope.id;
    std::optional<ExchangeRecord> exchange;
    if (workshop_.evidence != nullptr) {
        auto prepared = workshop_.evidence->prepare({.participant = arrival.heard.participant,
                                                     .as4_id = message.message_id,
                                                     .at = arrival.origin.now,
                                                     .request = arrival.soap,
                                                     .answer = memory.receipt,
                                                     .answer_type = receipt->content_type,
                                                     .peer = arrival.opened.signer});
        if (!prepared) return std::unexpected(not_now(prepared.error()));
        exchange = std::move(*prepared);
        memory.receipt.clear();  // the evidence has it
    }
    // SEC-102: perhaps the lost store had it already; then it must neither be lost nor handed over unasked.
    const bool held = in_gap(envelope.created_at, workshop_.gap_end);
    const auto commit = [this, incoming, memory, event, exchange = std::move(exchange), held](const BlobPayloads* octets) {
        return workshop_.database.write([&](store::Transaction& tx) -> Result<> {
            if (octets != nullptr) BUDKAVLE_CHECK(octets->store(tx));
            BUDKAVLE_CHECK(remember(tx, memory));
            BUDKAVLE_CHECK(add_incoming(tx, incoming));
            if (held) BUDKAVLE_CHECK(hold_incoming(tx, incoming.participant.folded(), incoming.as4_id, incoming.received));
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
    if (!committed && committed.error().code == "db.constraint") return met_the_key(arrival, payloads, committed.error());
    // Perhaps it is stored after all: then the row needs its blob. The sender's next attempt finds out.
    if (!committed && committed.error().code == "db.unknown") payloads.keep(payload.handle);
    if (!committed) return std::unexpected(not_now(committed.error()));
    payloads.keep(payload.handle);
    workshop_.journal.publish(event);
    workshop_.arrivals.ring();
    return receipt;
}

Checked<as4::Answer> Receiver::met_the_key(const Arrival& arrival, const BlobPayloads& payloads, const Error& error) {
    // What was faster is committed, so this one is a copy of it.
    const auto faster = find_remembered(arrival.opened.message.message_id);
    if (!faster) return std::unexpected(not_now(faster.error()));
    if (*faster) return repeat(arrival, payloads, **faster);
    // Forgotten as a duplicate, but the facts of a message with this id are still kept: it is no new one either.
    bool kept = false;
    const auto looked = workshop_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto participant,
                     federation::ParticipantId::parse(arrival.opened.message.final_recipient()));
        BUDKAVLE_TRY(const auto found, find_incoming(tx, participant, arrival.opened.message.message_id));
        kept = found.has_value();
        return {};
    });
    if (!looked) return std::unexpected(not_now(looked.error()));
    // Some other key was met, by two processes at the same moment: the next attempt will find it free.
    if (!kept) return std::unexpected(not_now(error));
    return std::unexpected(refused_for(as4::Cause::duplicate_conflict, error));
}

Checked<as4::Answer> Receiver::repeat(const Arrival& arrival, const BlobPayloads& payloads, const Remembered& before) {
    const auto& message = arrival.opened.message;
    const auto copy = compare(before.from_party, before.content_sha256, before.references_sha256, arrival.opened);
    if (copy == Copy::conflict) {
        workshop_.journal.log().audit(message.from.id, "as4.duplicate_conflict",
                                      {{"as4MessageId", message.message_id},
                                       {"firstAp", before.from_party},
                                       {"certificateSha256", arrival.opened.signer.sha256_hex()}});
        return std::unexpected(refused_for(as4::Cause::duplicate_conflict,
                                           {"as4.duplicate_conflict",
                                            "AP-6",
                                            "MessageId",
                                            "The MessageId is known with another sender or content.",
                                            {},
                                            Retry::never}));
    }
    auto event = event_of(arrival, "as4.duplicate");
    // Its evidence may be older than logs are kept: then the copy gets a receipt of its own for the same digests.
    if (copy == Copy::repeated && !before.receipt.empty()) {
        note(workshop_, event);
        return as4::Answer{200, std::string(as4::kSoapContentType), std::string(as_text(before.receipt))};
    }
    if (auto same = check_copy(arrival, payloads); !same) return std::unexpected(std::move(same.error()));
    auto answer = make_receipt(arrival);
    if (!answer) return answer;
    const auto written = workshop_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(remember_copy(tx, message.message_id, message.timestamp));
        return workshop_.journal.record(tx, event, arrival.origin.now);
    });
    if (!written) return std::unexpected(not_now(written.error()));
    workshop_.journal.publish(event);
    return answer;
}

}  // namespace budkavle::accesspoint
