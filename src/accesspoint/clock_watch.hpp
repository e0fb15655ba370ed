#pragma once
/// Notices that the wall clock was set: what is kept for a number of days must not be deleted because of a wrong clock,
/// and the operator must know (AP-8: time traceable to UTC(SP); SEC-102).

#include <chrono>
#include <functional>
#include <optional>

#include "base/time.hpp"

namespace budkavle::accesspoint {

/// Compares the wall clock with the monotonic one. Not for several threads at once.
class ClockWatch {
public:
    using Monotonic = std::function<std::chrono::steady_clock::time_point()>;
    /// What time keeping corrects by itself in small steps is no jump.
    static constexpr milliseconds kTolerance = std::chrono::seconds(10);
    /// So long a clock must have run undisturbed, since the start or the last jump, to be believed.
    static constexpr std::chrono::hours kProbation{1};

    explicit ClockWatch(const Clock& wall, Monotonic monotonic = [] { return std::chrono::steady_clock::now(); });
    /// By how much the wall clock was set since the last look, beyond the tolerance.
    [[nodiscard]] std::optional<milliseconds> look();
    [[nodiscard]] bool believed() const { return monotonic_() - steady_since_ >= kProbation; }

private:
    [[nodiscard]] milliseconds difference() const;
    const Clock& wall_;
    Monotonic monotonic_;
    std::chrono::steady_clock::time_point steady_since_;
    milliseconds known_;
};

}  // namespace budkavle::accesspoint
