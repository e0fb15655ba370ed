#pragma once
/// When and whether something is tried again (`access-point.md` 6: A3, A4).

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace budkavle::accesspoint {

/// Attempts spread over a duration: 4 in 12 minutes means at 0, 4, 8 and 12 minutes when constant. With a growth of 2
/// each wait is twice the one before, within the same duration: at 0, 1:43, 5:09 and 12 minutes.
struct RetrySchedule {
    unsigned attempts;
    milliseconds duration;
    double growth = 1.0;  ///< 1: constant; more: progressive
    /// How long to wait after attempt number `made` (from 1); the last wait for all that come after.
    [[nodiscard]] milliseconds wait_after(unsigned made) const;
    [[nodiscard]] milliseconds longest_wait() const;
};

/// Value of a Retry-After header: seconds, or a date (RFC 9110 10.2.3). Empty when it is neither.
[[nodiscard]] std::optional<milliseconds> parse_retry_after(std::string_view value, Time now);
/// The wait before the next attempt: the schedule's, or what the peer asked for if that is longer, but not beyond
/// `most`.
[[nodiscard]] milliseconds bounded_wait(milliseconds scheduled, std::optional<milliseconds> asked, milliseconds most);

/// Faults of names and certificates do not heal by waiting; everything else of a connection may.
[[nodiscard]] bool is_permanent(const Error& error);
/// The ebMS code under which a fault without an answer is reported locally: "EBMS:0005" not connected, "EBMS:0301" no
/// receipt came (TA15).
[[nodiscard]] std::string local_ebms_code(const Error& error);

}  // namespace budkavle::accesspoint
