#include <algorithm>

#include "base/bytes.hpp"
#include "net/http.hpp"

namespace budkavle::net {
namespace {

bool is_parameter(std::string_view segment) {
    return segment.starts_with('{') && segment.ends_with('}');
}

}  // namespace

void Router::add(std::string method, std::string pattern, RouteHandler handler) {
    Route route{std::move(method), {}, std::move(handler)};
    for (const auto segment : split(pattern, '/')) route.segments.emplace_back(segment);
    routes_.push_back(std::move(route));
}

Response Router::dispatch(Request& request) const {
    std::vector<std::string> segments;
    for (const auto raw : split(request.path, '/')) {
        auto segment = percent_decode(raw);
        if (!segment)
            return problem(
                400,
                {"http.path", {}, "path", "The path holds a malformed percent-escape.", "Encode it as RFC 3986 says."});
        segments.push_back(std::move(*segment));
    }

    const Route* chosen = nullptr;
    std::string allowed;
    for (const auto& route : routes_) {
        const bool matches = std::ranges::equal(route.segments, segments, [](const auto& pattern, const auto& segment) {
            return is_parameter(pattern) ? !segment.empty() : pattern == segment;
        });
        if (!matches) continue;
        if (route.method == request.method || (route.method == "GET" && request.method == "HEAD")) {
            chosen = &route;
            break;
        }
        allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
    if (chosen == nullptr && allowed.empty())
        return problem(404, {"http.not_found", {}, "path", "There is nothing here.", {}});
    if (chosen == nullptr) {
        auto response = problem(405, {"http.method", {}, "method", "The method is not served here.", {}});
        response.headers.set("Allow", allowed);
        return response;
    }

    Parameters parameters;
    for (std::size_t i = 0; i < segments.size(); ++i)
        if (is_parameter(chosen->segments[i])) parameters.push_back(std::move(segments[i]));
    return chosen->handler(request, parameters);
}

}  // namespace budkavle::net
