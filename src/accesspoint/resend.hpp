#pragma once
/// Sending a failed message again as a new AS4 message (`access-point.md` 6, "after giving up"): by its participant or
/// by an operator, with a reason that stays on record.

#include "accesspoint/workshop.hpp"

namespace budkavle::accesspoint {

struct ResendOrder {
    federation::ParticipantId participant;  ///< the sending one
    std::string as4_id{};                   ///< of the message that failed
    std::string who{};                      ///< account of the operator, or certificate of the message service
    std::string reason{};                   ///< 3 to 500 characters; no personal data
    bool deliver_again = false;             ///< also a message that was delivered, when its envelope is still there
};

/// Gives the MessageId of the new message: same envelope, same conversation, same trace. Durable when it returns; an
/// audit line and an event of both messages tell of it. Errors: "message.unknown", "resend.reason",
/// "state.transition" (on its way, or delivered), "resend.no_envelope" (kept for `failed_envelopes` only).
[[nodiscard]] Result<std::string> resend(Workshop& workshop, const ResendOrder& order);

/// Envelopes of messages that ended before `limit`: their names go from the rows, their octets after the commit.
Result<> drop_failed_envelopes(Workshop& workshop, Time limit);

}  // namespace budkavle::accesspoint
