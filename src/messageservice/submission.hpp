#pragma once
/// Taking a message from a client (`message.md` 7.2 steps 1–4): stored, judged, scheduled.

#include "messageservice/context.hpp"
#include "sdk/verdict.hpp"

namespace budkavle::messageservice {

struct Submitted {
    Outgoing message;
    bool known = false;  ///< the same message was given before (API-08)
};
/// Why a message is not taken: `findings` say what is wrong with it; or an Error of ours.
struct NotSubmitted {
    std::vector<sdk::Fault> findings;
    std::optional<Error> error;
};

/// Reads `payload` to its end. What it returns is committed: the message and the job that sends it.
[[nodiscard]] std::expected<Submitted, NotSubmitted> submit(Context& context, const Tenant& tenant, Source& payload,
                                                            const obs::Trace& trace);

}  // namespace budkavle::messageservice
