#include "accesspoint/inbox.hpp"

#include <boost/json.hpp>

#include "accesspoint/access.hpp"
#include "accesspoint/long_poll.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

constexpr unsigned kPage = 100;

Error unknown_message() {
    return {"message.unknown", {}, {}, "There is no such message, or it was acknowledged.", {}, Retry::never};
}

json::object to_json(const IncomingMessage& m) {
    json::object object{{"as4MessageId", m.as4_id},
            {"xheId", m.xhe_id},
            {"bytes", m.bytes},
            {"received", format_utc(m.received)},
            {"fromPartyId", m.from_party},
            {"toPartyId", m.to_party},
            {"originalSender", m.original_sender},
            {"finalRecipient", m.final_recipient},
            {"service", m.service},
            {"action", m.action},
            {"conversationId", m.conversation_id},
            {"signerSha256", m.signer_sha256},
            {"trace", m.trace_id},
            {"position", m.position}};
    if (m.possible_duplicate) object["possibleDuplicate"] = true;
    return object;
}

TransferEvent acknowledged_event(const IncomingMessage& m) {
    return {.name = "as4.handed_over",
            .participant = m.participant.folded(),
            .peer_ap = m.from_party,
            .certificate_sha256 = m.signer_sha256,
            .sender = m.original_sender,
            .recipient = m.final_recipient,
            .as4_id = m.as4_id,
            .conversation_id = m.conversation_id,
            .xhe_id = m.xhe_id,
            .document = m.action,
            .bytes = m.bytes,
            .trace_id = m.trace_id};
}

}  // namespace

net::Response Inbox::list(const net::Request& request, const federation::ParticipantId& participant) const {
    const auto poll = read_long_poll(request);
    if (!poll) return answer_for(poll.error());
    while (true) {
        const auto seen = workshop_.arrivals.rings();
        std::vector<IncomingMessage> messages;
        const auto done = workshop_.database.read([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(messages, waiting(tx, participant, poll->after, kPage));
            return {};
        });
        if (!done) return answer_for(done.error());
        if (messages.empty() && poll->wait(workshop_.arrivals, seen)) continue;
        json::array list;
        for (const auto& message : messages) list.push_back(to_json(message));
        return net::json_response(200, json::serialize(json::object{{"messages", list}}));
    }
}

Result<std::optional<IncomingMessage>> Inbox::find(const federation::ParticipantId& participant,
                                                   const std::string& as4_id) const {
    std::optional<IncomingMessage> found;
    BUDKAVLE_CHECK(workshop_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, find_incoming(tx, participant, as4_id));
        return {};
    }));
    return found;
}

net::Response Inbox::fetch(const federation::ParticipantId& participant, const std::string& as4_id) const {
    const auto found = find(participant, as4_id);
    if (!found) return answer_for(found.error());
    if (!*found || (*found)->state != Incoming::available) return answer_for(unknown_message());
    const auto& message = **found;
    auto octets = workshop_.blobs.read(message.blob);
    if (!octets) {
        workshop_.journal.log().technical(obs::Level::error, "inbox.blob", obs::error_fields(octets.error()));
        return answer_for(octets.error());
    }
    net::Response response;
    response.headers.set("Content-Type", "application/xml");
    // MessageId, ConversationId and PartyId come from a peer: as4 admits only visible ASCII in the first, the others
    // are encoded.
    response.headers.set("X-As4-Message-Id", message.as4_id);
    response.headers.set("X-As4-Conversation-Id", percent_encode(message.conversation_id));
    response.headers.set("X-As4-From-Party-Id", percent_encode(message.from_party));
    response.headers.set("X-As4-To-Party-Id", percent_encode(message.to_party));
    response.headers.set("X-As4-Original-Sender", message.original_sender);
    response.headers.set("X-As4-Final-Recipient", message.final_recipient);
    response.headers.set("X-As4-Received", format_utc(message.received));
    response.headers.set("X-As4-Signer-Sha256", message.signer_sha256);
    if (message.possible_duplicate) response.headers.set("X-As4-Possible-Duplicate", "true");
    response.stream = std::move(*octets);
    response.stream_length = message.bytes;
    return response;
}

net::Response Inbox::acknowledge(const federation::ParticipantId& participant, const std::string& as4_id) {
    std::optional<IncomingMessage> found;
    bool first = false;
    const auto now = workshop_.clock.now();
    const auto done = workshop_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, find_incoming(tx, participant, as4_id));
        first = found && found->state == Incoming::available;
        if (!first) return {};
        BUDKAVLE_CHECK(accesspoint::acknowledge(tx, *found, now));
        BUDKAVLE_CHECK(workshop_.blobs.remove_within(tx, found->blob));
        return workshop_.journal.record(tx, acknowledged_event(*found), now);
    });
    if (!done) return answer_for(done.error());
    if (!found) return answer_for(unknown_message());
    if (first) {
        workshop_.journal.publish(acknowledged_event(*found));
        // A crash before this leaves an orphan for the next start-up.
        (void)workshop_.blobs.remove(found->blob);
    }
    net::Response response;
    response.status = 204;
    return response;
}

net::Response Inbox::events(const net::Request& request, const federation::ParticipantId& participant) const {
    const EventQuery query{request.parameter("as4MessageId").value_or(""), request.parameter("xheId").value_or("")};
    if (query.as4_id.empty() == query.xhe_id.empty()) {
        return answer_for(
            {"query.id", {}, "query", "Exactly one of xheId and as4MessageId is needed.", {}, Retry::never});
    }
    std::vector<std::string> events;
    const auto done = workshop_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(events, find_events(tx, participant, query));
        return {};
    });
    if (!done) return answer_for(done.error());
    std::string body = R"({"events":[)";
    for (std::size_t i = 0; i < events.size(); ++i) body += (i == 0 ? "" : ",") + events[i];
    return net::json_response(200, body + "]}");
}

}  // namespace budkavle::accesspoint
