#pragma once
/// Checks 6, 8 and 9 of `access-point.md` 4: pure decisions on header and envelope.

#include "accesspoint/config.hpp"
#include "as4/user_message.hpp"
#include "xhe/envelope.hpp"

namespace budkavle::accesspoint {

/// Check 6: the participant that serves as final recipient for this Service and Action. Error "as4.not_serviced".
[[nodiscard]] Result<const Participant*> find_served(const AccessPointConfig& config, const as4::UserMessage& message);
/// Check 8 (C3.4.6 3.1.6, K23): header and envelope name the same participants, process and document. Error
/// "as4.mismatch" with the first value that differs as place.
[[nodiscard]] Result<> check_equal(const as4::UserMessage& message, const xhe::Envelope& envelope);
/// Check 9: the participant is approved, the federation is ours. Errors "as4.not_approved", "as4.federation".
[[nodiscard]] Result<> check_federation(const AccessPointConfig& config, const Participant& participant,
                                        const xhe::Envelope& envelope);

}  // namespace budkavle::accesspoint
