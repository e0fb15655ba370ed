#pragma once
/// Interface C: what has happened to a participant's messages since it last asked (`access-point.md` 10, section 5).

#include "accesspoint/workshop.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

class Notifications {
public:
    explicit Notifications(Workshop& workshop) : workshop_(workshop) {}

    /// Query: after=POSITION (what was seen; 0 from the beginning of the log), wait=SECONDS (up to 60): answers as soon
    /// as there is something. {"position": …, "notifications": [{"position", "kind", "event"}]}, oldest first, at most
    /// 100. Kinds: "status" (a state or an attempt), "failure" (nothing more will be tried, with the cause in the event),
    /// "incoming" (something to fetch), "refused" (a message for the participant was not taken). Ask next with the
    /// position of the answer: that acknowledges everything up to it. Nothing is lost by asking again from an earlier
    /// one while the log is kept.
    net::Response list(const net::Request& request, const federation::ParticipantId& participant) const;

private:
    Workshop& workshop_;
};

}  // namespace budkavle::accesspoint
