#include "accesspoint/long_poll.hpp"

#include <algorithm>
#include <charconv>

namespace budkavle::accesspoint {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::int64_t kLongestWait = 60;

/// A non-negative number of the query; 0 when absent.
Result<std::int64_t> number(const net::Request& request, std::string_view name) {
    const auto text = request.parameter(name);
    if (!text) return std::int64_t{0};
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (code != std::errc{} || end != text->data() + text->size() || value < 0)
        return fail("query.number", {}, name, "The query parameter is not a number.");
    return value;
}

}  // namespace

bool LongPoll::wait(Bell& bell, std::uint64_t seen) const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now());
    return left.count() > 0 && bell.wait(seen, left);
}

Result<LongPoll> read_long_poll(const net::Request& request) {
    BUDKAVLE_TRY(const auto after, number(request, "after"));
    BUDKAVLE_TRY(const auto wait, number(request, "wait"));
    return LongPoll{.after = after, .until = Steady::now() + std::chrono::seconds(std::min(wait, kLongestWait))};
}

}  // namespace budkavle::accesspoint
