#include "accesspoint/clock_watch.hpp"

namespace budkavle::accesspoint {

ClockWatch::ClockWatch(const Clock& wall, Monotonic monotonic)
    : wall_(wall), monotonic_(std::move(monotonic)), steady_since_(monotonic_()), known_(difference()) {}

milliseconds ClockWatch::difference() const {
    return wall_.now().time_since_epoch() - std::chrono::duration_cast<milliseconds>(monotonic_().time_since_epoch());
}

std::optional<milliseconds> ClockWatch::look() {
    const auto now = difference();
    const auto step = now - known_;
    if (step < kTolerance && step > -kTolerance) {
        known_ = now;  // slow corrections are followed
        return std::nullopt;
    }
    known_ = now;
    steady_since_ = monotonic_();
    return step;
}

}  // namespace budkavle::accesspoint
