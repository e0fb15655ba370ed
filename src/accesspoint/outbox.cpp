#include "accesspoint/outbox.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "accesspoint/access.hpp"
#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/send_queue.hpp"
#include "base/random.hpp"
#include "crypto/digest.hpp"
#include "obs/log.hpp"
#include "store/queue.hpp"
#include "xhe/envelope.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestToken = 255;

/// Copies what is read into a digest and a sink: the envelope is judged while it is stored.
class TeeSource final : public Source {
public:
    TeeSource(Source& from, Sink& to, std::uint64_t limit) : from_(from), to_(to), left_(limit) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        BUDKAVLE_TRY(const std::size_t n, from_.read(into));
        if (n > left_)
            return fail("stream.too_long", "AP-7", "body", "The envelope is larger than this access point takes.");
        left_ -= n;
        BUDKAVLE_CHECK(to_.write(ByteView(into).first(n)));
        return n;
    }

private:
    Source& from_;
    Sink& to_;
    std::uint64_t left_;
};

bool is_token(std::string_view text) {
    return !text.empty() && text.size() <= kLongestToken &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

/// "XHE id:number". A resubmission is a new AS4 message and therefore a new key (`access-point.md` 10).
bool is_key_of(std::string_view key, std::string_view xhe_id) {
    if (!key.starts_with(xhe_id) || key.size() < xhe_id.size() + 2 || key[xhe_id.size()] != ':') return false;
    const auto number = key.substr(xhe_id.size() + 1);
    return number.size() <= 9 && std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
}

net::Response not_conformant(const std::vector<xml::Finding>& findings) {
    auto response =
        net::problem(400, {"outbox.envelope", "XHE-02", "body", "The envelope does not conform to the XHE profile.",
                           "Correct the message service: findings name the rules.", Retry::never});
    auto body = json::parse(response.body).as_object();
    json::array list;
    for (const auto& finding : findings)
        list.push_back({{"rule", finding.rule}, {"at", finding.at}, {"text", finding.text}});
    body["findings"] = list;
    response.body = json::serialize(body);
    return response;
}

/// Checks 1 to 3 of `access-point.md` 3 that need the envelope.
Result<> check_envelope(const AccessPointConfig& config, const xhe::Envelope& envelope,
                        const federation::ParticipantId& participant, std::string_view key) {
    if (envelope.from != participant) {
        return fail("outbox.forbidden_sender", "AP-31", "FromParty",
                    "The envelope is of another participant than the path names.");
    }
    const auto* served = find_participant(config, participant);
    if (served == nullptr || !served->approved) {
        return fail("outbox.forbidden_not_approved", "AP-31", "FromParty",
                    "The participant is not approved in the federation.");
    }
    if (std::ranges::find(config.environment.federation_ids, envelope.federation_id) ==
        config.environment.federation_ids.end()) {
        return fail("outbox.federation", "AP-20", "FEDERATIONID", "The envelope is of another federation.");
    }
    if (envelope.document_scheme != federation::kDocumentScheme) {
        return fail("outbox.document_scheme", "R5-XHE", "DOCUMENTID_SCHEME",
                    "Documents of this scheme cannot be looked up.");
    }
    if (!is_key_of(key, envelope.id)) {
        return fail("outbox.key", {}, "Idempotency-Key",
                    "The key must be the id of the envelope, a colon, and the number of the resubmission.");
    }
    return {};
}

net::Response state_answer(int status, const OutgoingMessage& message) {
    return net::json_response(
        status, json::serialize(json::object{{"as4MessageId", message.as4_id}, {"state", to_string(message.state)}}));
}

}  // namespace

net::Response Outbox::submit(net::Request& request, const federation::ParticipantId& participant) {
    auto answer = try_submit(request, participant);
    if (answer) return std::move(*answer);
    workshop_.journal.log().technical(obs::Level::warning, "outbox.refused", obs::error_fields(answer.error()));
    return answer_for(answer.error());
}

Result<net::Response> Outbox::known(const OutgoingMessage& message, const std::string& xhe_sha256) const {
    if (message.xhe_sha256 != xhe_sha256) {
        return fail("outbox.key_conflict", {}, "Idempotency-Key", "The key was used before for other octets.",
                    "Use the next resubmission number.");
    }
    return state_answer(200, message);
}

Result<net::Response> Outbox::try_submit(net::Request& request, const federation::ParticipantId& participant) {
    const auto key = request.headers.get("Idempotency-Key").value_or("");
    if (!is_token(key)) return fail("outbox.key", {}, "Idempotency-Key", "The header is missing or malformed.");
    const auto conversation = request.headers.get("Conversation-Id");
    if (conversation && !is_token(*conversation))
        return fail("outbox.conversation", "K1", "Conversation-Id", "The header is malformed.");
    BUDKAVLE_CHECK(workshop_.admission.check_room(request.content_length.value_or(0)));
    if (request.content_length.value_or(0) > workshop_.config.max_message) {
        return fail("stream.too_long", "AP-7", "body", "The envelope is larger than this access point takes.");
    }

    BUDKAVLE_TRY(auto blob, workshop_.blobs.create());
    crypto::HashingSink hashing(crypto::DigestAlgorithm::sha256, *blob);
    TeeSource body(*request.body, hashing, workshop_.config.max_message);
    auto limits = xhe::envelope_limits();
    limits.bytes = static_cast<std::size_t>(workshop_.config.max_message);
    BUDKAVLE_TRY(const auto judged, xhe::judge_stream(body, limits));
    if (!judged.conformant()) return not_conformant(judged.findings);
    const auto& envelope = *judged.envelope;
    BUDKAVLE_CHECK(check_envelope(workshop_.config, envelope, participant, key));

    const auto now = workshop_.clock.now();
    OutgoingMessage message{
        .participant = participant,
        .as4_id = new_uuid() + "@" + to_lower_ascii(workshop_.config.id),
        .idempotency_key = key,
        .xhe_id = envelope.id,
        .xhe_sha256 = hex_encode(hashing.digest()),
        .bytes = blob->size(),
        .recipient = envelope.to,
        .document_id = envelope.document_id,
        .process_id = envelope.process_id,
        .process_scheme = envelope.process_scheme,
        .conversation_id = conversation.value_or(envelope.id),  // K1
        .traceparent = obs::Trace::from_header(request.headers.get("traceparent").value_or("")).header(),
        .created = now,
    };

    std::optional<OutgoingMessage> before;
    const auto look = [&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(before, find_by_key(tx, participant, key));
        return {};
    };
    Load load;
    BUDKAVLE_CHECK(workshop_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(look(tx));
        BUDKAVLE_TRY(load, load_of(tx, participant, Direction::out));
        return {};
    }));
    if (before) return known(*before, message.xhe_sha256);
    BUDKAVLE_CHECK(check_quota(participant, load));

    BUDKAVLE_CHECK(blob->prepare());
    message.blob = blob->id();
    const auto event = event_of(message, "as4.queued");
    const auto promised = workshop_.send_queue.promise(message, now);
    const auto stored = workshop_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(blob->store(tx));
        BUDKAVLE_CHECK(add_outgoing(tx, message));
        BUDKAVLE_CHECK(workshop_.journal.record(tx, event, now));
        return promised ? workshop_.send_queue.store_promised(tx, *promised) : enqueue_to_send(tx, message, now);
    });
    if (!stored) {
        if (promised) workshop_.send_queue.withdraw(*promised);
        // Perhaps it is stored after all: then the row needs its blob. The client's next attempt finds out.
        if (stored.error().code != "db.unknown") (void)workshop_.blobs.remove(message.blob);
        if (stored.error().code != "db.constraint") return std::unexpected(stored.error());
        BUDKAVLE_CHECK(workshop_.database.read(look));
        if (before) return known(*before, message.xhe_sha256);
        return std::unexpected(stored.error());
    }
    workshop_.journal.publish(event);
    if (promised) {
        workshop_.send_queue.hand(*promised);
    } else {
        workshop_.send_queue.added(message.recipient);
    }
    workshop_.departures.ring_for_one();
    return state_answer(202, message);
}

Result<> Outbox::check_quota(const federation::ParticipantId& participant, const Load& load) const {
    const auto quota = quota_of(workshop_.config, participant);
    if (load.messages < quota.messages && load.octets < quota.octets) return {};
    return fail("outbox.quota", "SEC-107", {}, "As much waits to be sent as the participant's quota allows.",
                "Come again later, or have the quota raised.", Retry::later);
}

Result<OutgoingMessage> Outbox::find(const federation::ParticipantId& participant, const std::string& id) const {
    std::optional<OutgoingMessage> found;
    BUDKAVLE_CHECK(workshop_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, find_outgoing(tx, participant, id));
        if (!found) {
            BUDKAVLE_TRY(found, find_outgoing_of_envelope(tx, participant, id));
        }
        if (!found || found->state != Outgoing::delivered || !found->receipt.empty()) return {};
        BUDKAVLE_TRY(auto exchange, find_exchange(tx, participant.folded(), found->as4_id, true));
        if (exchange) found->receipt = std::move(exchange->answer);
        return {};
    }));
    if (!found) return fail("message.unknown", "There is no such message.");
    return std::move(*found);
}

net::Response Outbox::evidence(const federation::ParticipantId& participant, const std::string& id,
                               std::string_view which) const {
    const auto found = find(participant, id);
    if (!found) return answer_for(found.error());
    net::Response response;
    response.headers.set("Content-Type", "application/octet-stream");
    if (which == "answer" && !found->receipt.empty()) {
        response.headers.set("X-As4-Content-Type", found->receipt_type);
        response.body = as_text(found->receipt);
        return response;
    }
    if (which == "request" && !found->request_blob.empty()) {
        auto octets = workshop_.blobs.read(found->request_blob);
        if (!octets) return answer_for(octets.error());
        response.headers.set("X-As4-Content-Type", found->request_type);
        response.stream = std::move(*octets);
        return response;
    }
    return answer_for({"message.unknown",
                       {},
                       {},
                       "These octets are not kept.",
                       "Only delivered messages have a receipt; requests are kept only with keep_wire_octets.",
                       Retry::never});
}

net::Response Outbox::status(const federation::ParticipantId& participant, const std::string& id) const {
    const auto found = find(participant, id);
    if (!found) return answer_for(found.error());
    const auto& message = *found;
    // "unconfirmed" is no state of the contract: for the message service it failed with a cause that says why to be
    // careful.
    const auto shown = message.state == Outgoing::unconfirmed ? Outgoing::failed : message.state;
    json::object body{{"as4MessageId", message.as4_id},
                      {"xheId", message.xhe_id},
                      {"state", to_string(shown)},
                      {"attempts", message.attempts}};
    body["cause"] = message.cause_code.empty()
                        ? json::value(nullptr)
                        : json::value{{"code", message.cause_code}, {"text", message.cause_text}};
    body["receiptTime"] = message.receipt_time ? json::value(format_utc(*message.receipt_time)) : json::value(nullptr);
    body["receiptSha256"] =
        message.receipt.empty() ? json::value(nullptr) : json::value(hex_encode(crypto::sha256(message.receipt)));
    return net::json_response(200, json::serialize(body));
}

}  // namespace budkavle::accesspoint
