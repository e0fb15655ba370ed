#pragma once
/// Rules on the authentic header of a received message that need the duplicate memory, the register or the load: asked
/// before its payload is read, in the order of `access-point.md` 4.

#include <optional>

#include "accesspoint/incoming.hpp"
#include "accesspoint/workshop.hpp"
#include "as4/user_message.hpp"

namespace budkavle::accesspoint {

/// A message is taken only while every copy of it would still be remembered (`access-point.md` 6): its eb:Timestamp is
/// not older than the duplicate memory less the clock skew, and not more than the skew ahead. Errors "as4.outdated",
/// "as4.premature" (later: one of the two clocks is wrong).
[[nodiscard]] Result<> check_age(const AccessPointConfig& config, const as4::UserMessage& message, Time now);

/// K26: by the SMP, originalSender's access point is the one that signed. The participant is looked up with the receipt
/// document of the message's transport model, for which every sender is registered (`federation.md` 6.1); where the
/// Action names none of the federation's models, with the message's own document type.
/// Errors: "as4.origin"; for later whatever keeps the register from being asked.
[[nodiscard]] Result<> check_origin(const Workshop& workshop, const as4::UserMessage& message);

/// Error "as4.quota" (later, SEC-107) when what waits for the participant has reached its quota.
[[nodiscard]] Result<> check_quota(const Workshop& workshop, const federation::ParticipantId& participant, const Load& load);

/// The document id under which a sender of `action` must be registered; empty for an Action that is none.
[[nodiscard]] std::string receipt_document_for(std::string_view action);

}  // namespace budkavle::accesspoint
