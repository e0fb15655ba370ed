#pragma once
/// Points in time (UTC, milliseconds), their text form, and the clock as a parameter.

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace budkavle {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// What time it is. Cores get a Time; services hold a Clock.
class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;
    [[nodiscard]] virtual Time now() const = 0;
};
[[nodiscard]] const Clock& system_clock();

/// Always the same moment: for `--at` and for tests.
class FixedClock final : public Clock {
public:
    explicit FixedClock(Time at) : at_(at) {}
    [[nodiscard]] Time now() const override { return at_; }

private:
    Time at_;
};

/// "2026-03-02T09:15:03.900Z", always three fraction digits.
[[nodiscard]] std::string format_utc(Time at);
/// xs:dateTime with zone (Z or ±hh:mm), any number of fraction digits (cut to milliseconds); calendar checked.
/// Error "time.malformed".
[[nodiscard]] Result<Time> parse_time(std::string_view text);

}  // namespace budkavle
