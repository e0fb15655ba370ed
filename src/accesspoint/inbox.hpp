#pragma once
/// Interface C, receiving: message services fetch what waits for their participants and acknowledge it.

#include "accesspoint/incoming.hpp"
#include "accesspoint/workshop.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

class Inbox {
public:
    explicit Inbox(Workshop& workshop) : workshop_(workshop) {}

    /// Waiting messages in order of arrival, at most 100, with `position` in each. Query: after=POSITION, wait=SECONDS
    /// (up to 60): answers as soon as there is one.
    net::Response list(const net::Request& request, const federation::ParticipantId& participant) const;
    /// The XHE octets exactly as they were sent, facts as X-As4-* headers.
    net::Response fetch(const federation::ParticipantId& participant, const std::string& as4_id) const;
    /// 204; a second time too. The octets are removed, the facts stay.
    net::Response acknowledge(const federation::ParticipantId& participant, const std::string& as4_id);
    /// Query: xheId or as4MessageId.
    net::Response events(const net::Request& request, const federation::ParticipantId& participant) const;

private:
    Result<std::optional<IncomingMessage>> find(const federation::ParticipantId& participant,
                                                const std::string& as4_id) const;
    Workshop& workshop_;
};

}  // namespace budkavle::accesspoint
