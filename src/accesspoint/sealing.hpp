#pragma once
/// The request of an outgoing message: made once and kept, so that every attempt sends the same octets
/// (`access-point.md` 3 steps 6 and 7, 6).

#include "accesspoint/outgoing.hpp"
#include "accesspoint/workshop.hpp"
#include "as4/user_message.hpp"

namespace budkavle::accesspoint {

/// Seals `message` for the receiver that `metadata` names, unless that was done before and is still good: same
/// certificate, same profile, and a wsu:Timestamp that has not run out. What was sealed now is prepared, and stored by the caller with
/// the row; nullptr when nothing was. The caller removes the blob that was replaced.
/// Errors: those of storage (later), "as4.profile" (AP-01), "as4.strict".
Result<std::unique_ptr<store::BlobWriter>> seal_if_needed(const Workshop& workshop, OutgoingMessage& message,
                                                          const smp::Metadata& metadata);

/// What the reference configuration refuses is not sent (`as4-wire.md` 0.1, 1.4): exactly the two properties, values of
/// at most 1024 characters, ids of at most 255. Error "as4.strict".
[[nodiscard]] Result<> check_strict(const as4::UserMessage& message);

}  // namespace budkavle::accesspoint
