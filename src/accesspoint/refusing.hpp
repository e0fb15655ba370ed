#pragma once
/// What happens to every message that is not taken: one place where it is logged with its cause and answered.

#include "accesspoint/arrival.hpp"
#include "accesspoint/wire_head.hpp"
#include "accesspoint/workshop.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

/// Everything known of a refused message; nothing of its content. `heard` and `opened` stand when it got that far.
struct Refusing {
    const Refused& refused;
    const Origin& origin;
    const net::Request& request;
    ByteView head;  ///< beginning of its body
    const Heard* heard = nullptr;
    const as4::Opened* opened = nullptr;
    /// The signature was good and its signer an access point of this federation and environment.
    bool authenticated = false;
    std::string recipient_sha256{};  ///< as Opened::recipient_sha256, as far as it is known
    /// Nothing was decided: the sender was asked to come again (503), or the fault may pass.
    [[nodiscard]] bool temporary() const { return refused.refusal.http_status == 503; }
};

/// Logs it (`access-point.md` 5): event of the participant when the sender is authenticated, audit line when not,
/// technical line for faults of ours; and what is kept for the operator (`Workshop::refusals`).
void log_refusal(const Workshop& workshop, const Refusing& message);
/// The answer as `as4` says, signed; 503 with Retry-After when that is all there is to say.
[[nodiscard]] net::Response answer_refusal(const Workshop& workshop, const Refusing& message);

/// Nothing was acknowledged; the sender tries again: HTTP 503.
[[nodiscard]] as4::Refusal not_now();
[[nodiscard]] Refused not_now(const Error& reason);
/// Refused for good: answered as `cause` says, logged with `reason`.
[[nodiscard]] Refused refused_for(as4::Cause cause, const Error& reason);
/// 503 before a body was read, for `reason`.
[[nodiscard]] net::Response come_again(const Error& reason);

/// Events that no state change carries.
void note(const Workshop& workshop, const TransferEvent& event);

}  // namespace budkavle::accesspoint
