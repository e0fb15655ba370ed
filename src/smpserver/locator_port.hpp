#pragma once
/// Where participants are registered for discovery (SML, or a zone of our own), as the register needs it. Called by the
/// worker of the queue only, never inside a user's transaction (`sml.md` 3.4).

#include <span>
#include <vector>

#include "base/result.hpp"
#include "federation/identifiers.hpp"

namespace budkavle::smpserver {

/// Every operation may come twice: registering what is registered for this SMP, or withdrawing what is not there, is a
/// success. `Retry::later` and `Retry::never` errors are both repeated, with growing pauses: an administrator sees the
/// last error in the queue.
class LocatorPort {
public:
    LocatorPort() = default;
    LocatorPort(const LocatorPort&) = delete;
    LocatorPort& operator=(const LocatorPort&) = delete;
    virtual ~LocatorPort() = default;
    virtual Result<> ensure(const federation::ParticipantId& participant) = 0;
    virtual Result<> withdraw(const federation::ParticipantId& participant) = 0;
    /// One result for each, in order. Override them where a list call is cheaper.
    virtual std::vector<Result<>> ensure_all(std::span<const federation::ParticipantId> participants);
    virtual std::vector<Result<>> withdraw_all(std::span<const federation::ParticipantId> participants);
    /// Called after each batch; nothing of it counts as done unless this succeeds.
    virtual Result<> flush() { return {}; }
};

}  // namespace budkavle::smpserver
