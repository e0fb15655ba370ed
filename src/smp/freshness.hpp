#pragma once
/// When revocation data of one source is asked for again, and when its age needs a person (AP-18): the same rule for
/// lists and for OCSP answers.

#include <optional>

#include "base/time.hpp"
#include "smp/revocation_event.hpp"

namespace budkavle::smp {

/// What both fetchers are told of time.
struct Pace {
    std::chrono::seconds max_interval;  ///< ask at least this often
    std::chrono::seconds min_interval;  ///< and never more often than this
    std::chrono::seconds retry_first;   ///< after a failure: this, doubling up to `min_interval`
};

struct Freshness {
    Time due{};                           ///< of the next question
    unsigned failures = 0;                ///< in a row
    bool tried = false;                   ///< at least once since the source is known
    bool alarmed = false;                 ///< `late` was told
    bool ended = false;                   ///< `ended` was told
    std::optional<Time> obtained{};       ///< of the data at hand
    std::optional<Time> next_update{};

    /// The source answers; what it said may be no news.
    void answered();
    /// It gave data that holds until `until`: asked again when half of that is gone.
    void renewed(Time now, std::optional<Time> until, const Pace& pace);
    /// It did not. Returns what has to be told now, once each: `late` when three quarters of the life of the data at
    /// hand are gone, `ended` when it has ended.
    [[nodiscard]] std::optional<RevocationEvent::Kind> failed(Time now, const Pace& pace);
};

}  // namespace budkavle::smp
