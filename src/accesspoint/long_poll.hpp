#pragma once
/// Waiting for news on interface C: a request names the position it has seen and how long it will wait, and is answered
/// as soon as there is something.

#include <chrono>

#include "accesspoint/bell.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

struct LongPoll {
    std::int64_t after = 0;                         ///< position; 0: from the beginning
    std::chrono::steady_clock::time_point until{};  ///< when an answer without news is due

    /// Take `seen` before looking whether there is something. Returns whether to look again.
    [[nodiscard]] bool wait(Bell& bell, std::uint64_t seen) const;
};

/// Query: after=POSITION, wait=SECONDS (up to 60). Error "query.number".
[[nodiscard]] Result<LongPoll> read_long_poll(const net::Request& request);

}  // namespace budkavle::accesspoint
