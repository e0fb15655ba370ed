#pragma once
/// Interface C, sending: takes envelopes over from message services, and tells what became of them (`access-point.md`
/// 3, 10).

#include "accesspoint/outgoing.hpp"
#include "accesspoint/workshop.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

class Outbox {
public:
    explicit Outbox(Workshop& workshop) : workshop_(workshop) {}

    /// Body: signed XHE octets, stored unchanged. Headers: Idempotency-Key (XHE id ":" number of the resubmission),
    /// Conversation-Id (default: XHE id), traceparent. 202 when the message is stored durably and will be sent; 200
    /// when the key is known with the same octets. Problems: "outbox.key", "outbox.conversation", "outbox.envelope"
    /// (XHE-01, XHE-02, with findings), "outbox.forbidden_sender" (check 1), "outbox.forbidden_not_approved" (check 2),
    /// "outbox.federation" (check 3), "outbox.key_conflict", "stream.too_long"; with 503
    /// and Retry-After "outbox.quota", "ap.maintenance", "ap.disk_full".
    net::Response submit(net::Request& request, const federation::ParticipantId& participant);
    /// `id`: AS4 MessageId, or the id of the envelope (then the latest message that carries it).
    net::Response status(const federation::ParticipantId& participant, const std::string& id) const;
    /// Evidence of a delivered message: the octets that were sent ("request", kept only with `keep_wire_octets`) or the
    /// receipt that came back ("answer"). X-As4-Content-Type holds the content type on the wire.
    net::Response evidence(const federation::ParticipantId& participant, const std::string& id,
                           std::string_view which) const;

private:
    Result<net::Response> try_submit(net::Request& request, const federation::ParticipantId& participant);
    /// Error "outbox.quota" (later).
    Result<> check_quota(const federation::ParticipantId& participant, const Load& load) const;
    /// Error "message.unknown".
    Result<OutgoingMessage> find(const federation::ParticipantId& participant, const std::string& id) const;
    Result<net::Response> known(const OutgoingMessage& message, const std::string& xhe_sha256) const;

    Workshop& workshop_;
};

}  // namespace budkavle::accesspoint
