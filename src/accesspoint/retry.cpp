#include "accesspoint/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace budkavle::accesspoint {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || code != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

/// "Sun, 06 Nov 1994 08:49:37 GMT"; the obsolete forms are not read.
std::optional<Time> parse_http_date(std::string_view text) {
    if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
    const auto month = std::ranges::find(kMonths, text.substr(8, 3)) - kMonths.begin();
    if (month == static_cast<std::ptrdiff_t>(kMonths.size())) return std::nullopt;
    const auto two = std::to_string(month + 1);
    const auto iso = std::string(text.substr(12, 4)) + "-" + (two.size() < 2 ? "0" : "") + two + "-" +
                     std::string(text.substr(5, 2)) + "T" + std::string(text.substr(17, 8)) + "Z";
    const auto at = parse_time(iso);
    return at ? std::optional(*at) : std::nullopt;
}

}  // namespace

milliseconds RetrySchedule::wait_after(unsigned made) const {
    if (attempts < 2) return milliseconds{0};
    const unsigned waits = attempts - 1;
    const unsigned index = std::clamp(made, 1U, waits) - 1;
    if (growth <= 1.0) return duration / waits;
    const double first = static_cast<double>(duration.count()) * (growth - 1) / (std::pow(growth, waits) - 1);
    return milliseconds(static_cast<std::int64_t>(first * std::pow(growth, index)));
}

milliseconds RetrySchedule::longest_wait() const {
    return wait_after(attempts);
}

std::optional<milliseconds> parse_retry_after(std::string_view value, Time now) {
    value = value.substr(std::min(value.find_first_not_of(" \t"), value.size()));
    value = value.substr(0, value.find_last_not_of(" \t") + 1);
    if (value.size() <= 9) {
        if (const auto given = number(value)) return std::chrono::seconds(*given);
    }
    if (const auto at = parse_http_date(value)) return std::max(*at - now, milliseconds{0});
    return std::nullopt;
}

milliseconds bounded_wait(milliseconds scheduled, std::optional<milliseconds> asked, milliseconds most) {
    return asked ? std::max(scheduled, std::min(*asked, most)) : scheduled;
}

bool is_permanent(const Error& error) {
    if (error.retry == Retry::later) return false;
    return (error.code.starts_with("tls.") && error.code != "tls.handshake") || error.code == "http.url" ||
           error.code == "http.address_refused" ||
           error.code == "http.port_refused" || error.code.starts_with("blob.") || error.code.starts_with("db.");
}

std::string local_ebms_code(const Error& error) {
    if (error.code == "http.timeout" || error.code == "http.protocol" || error.code == "http.too_long" ||
        error.code == "http.no_answer")
        return "EBMS:0301";
    if (error.code == "http.connect" || error.code.starts_with("dns.") || error.code.starts_with("tls."))
        return "EBMS:0005";
    return {};
}

}  // namespace budkavle::accesspoint
