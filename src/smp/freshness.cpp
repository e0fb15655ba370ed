#include "smp/freshness.hpp"

#include <algorithm>

namespace budkavle::smp {

void Freshness::answered() {
    tried = true;
    failures = 0;
    alarmed = ended = false;
}

void Freshness::renewed(Time now, std::optional<Time> until, const Pace& pace) {
    answered();
    obtained = now;
    next_update = until;
    auto next = now + pace.max_interval;
    if (until) next = std::min<Time>(next, now + (*until - now) / 2);
    due = std::max<Time>(next, now + pace.min_interval);
}

std::optional<RevocationEvent::Kind> Freshness::failed(Time now, const Pace& pace) {
    tried = true;
    due = now + std::min(pace.min_interval, pace.retry_first * (1U << std::min(failures, 10U)));
    ++failures;
    if (!next_update) return std::nullopt;
    const auto left = *next_update - now;
    if (left <= milliseconds{0} && !ended) {
        ended = true;
        return RevocationEvent::Kind::ended;
    }
    if (!alarmed && left * 4 < *next_update - *obtained) {
        alarmed = true;
        return RevocationEvent::Kind::late;
    }
    return std::nullopt;
}

}  // namespace budkavle::smp
