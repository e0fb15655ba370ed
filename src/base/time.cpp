#include "base/time.hpp"

#include <fmt/format.h>

namespace budkavle {
namespace {

class SystemClock final : public Clock {
public:
    [[nodiscard]] Time now() const override {
        return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    }
};

/// Reads exactly `digits` decimal digits from the front of `text`.
bool take_number(std::string_view& text, std::size_t digits, int& value) {
    if (text.size() < digits) return false;
    value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return true;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

std::string format_utc(Time at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(at - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                       time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

Result<Time> parse_time(std::string_view text) {
    const auto malformed = [] { return fail("time.malformed", "The time is not a date and time with zone."); };
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_number(text, 4, year) || !take(text, '-') || !take_number(text, 2, month) || !take(text, '-') ||
        !take_number(text, 2, day) || !take(text, 'T') || !take_number(text, 2, hour) || !take(text, ':') ||
        !take_number(text, 2, minute) || !take(text, ':') || !take_number(text, 2, second)) {
        return malformed();
    }
    int millis = 0;
    if (take(text, '.')) {
        int scale = 100;
        std::size_t digits = 0;
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
            millis += (text.front() - '0') * scale;
            scale /= 10;
            ++digits;
            text.remove_prefix(1);
        }
        if (digits == 0) return malformed();
    }
    int offset = 0;
    if (!take(text, 'Z')) {
        const bool minus = !text.empty() && text.front() == '-';
        int zone_hour = 0;
        int zone_minute = 0;
        if ((!take(text, '+') && !take(text, '-')) || !take_number(text, 2, zone_hour) || !take(text, ':') ||
            !take_number(text, 2, zone_minute) || zone_minute > 59 || zone_hour * 60 + zone_minute > 14 * 60) {
            return malformed();
        }
        offset = (zone_hour * 60 + zone_minute) * (minus ? -1 : 1);
    }
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    const bool midnight_after = hour == 24 && minute == 0 && second == 0 && millis == 0;
    if (!text.empty() || !date.ok() || year == 0 || (hour > 23 && !midnight_after) || minute > 59 || second > 59)
        return malformed();
    return Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute - offset) +
           seconds(second) + milliseconds(millis);
}

}  // namespace budkavle
