#include "admin/gate.hpp"

#include <algorithm>
#include <cmath>

#include "base/bytes.hpp"

namespace budkavle::admin {
namespace {

/// Names, and beginnings of names, of headers by which something in front says what the client was or wanted.
constexpr std::string_view kClaims[] = {
    "forwarded",     "x-forwarded", "x-real-ip",        "x-client",       "x-original", "x-rewrite",
    "x-http-method", "x-method",    "client-cert",      "x-ssl",          "ssl",        "x-arr",
    "x-remote-user", "remote-user", "x-authenticated",  "x-amzn-mtls",    "x-tls",      "via-cert",
    "x-host",        "x-envoy",     "cf-connecting-ip", "true-client-ip", "x-user"};

std::string host_of(std::string_view header) {
    auto host = to_lower_ascii(trim(header));
    const auto colon = host.rfind(':');
    if (colon != std::string::npos && host.find(']', colon) == std::string::npos) host.resize(colon);
    if (host.ends_with('.')) host.pop_back();
    return host;
}

}  // namespace

Result<> check_gate(const net::Request& request, const std::vector<std::string>& hosts) {
    const auto host = host_of(request.headers.get("Host").value_or(""));
    if (!std::ranges::any_of(hosts, [&](const auto& one) { return equal_ignore_case_ascii(one, host); }))
        return fail("gate.host", "FED-03", "Host", "This server does not answer for that host.", {});
    for (const auto& [name, unused] : request.headers.all()) {
        const auto lower = to_lower_ascii(name);
        if (std::ranges::any_of(kClaims, [&](std::string_view claim) { return lower.starts_with(claim); }))
            return fail("gate.forwarded", "SEC-41", "headers",
                        "A header claims what only the connection itself can prove.",
                        "Connect directly: TLS ends at this server.");
    }
    const auto site = request.headers.get("Sec-Fetch-Site");
    if (request.headers.get("Origin") || (site && *site != "none" && *site != "same-origin"))
        return fail("gate.origin", {}, "Origin", "Requests from pages of other origins are not taken.", {});
    return {};
}

std::int64_t RateLimit::take(const std::string& key, Time now) {
    const std::lock_guard lock(lock_);
    auto found = buckets_.find(key);
    if (found == buckets_.end()) {
        if (buckets_.size() >= kMostKeys) {
            // A full bucket remembers nothing. When all are in use, the oldest gives way.
            std::erase_if(buckets_, [&](const auto& one) {
                const double quiet = std::chrono::duration<double>(now - one.second.at).count();
                return one.second.left + quiet * per_second_ >= burst_;
            });
            if (buckets_.size() >= kMostKeys)
                buckets_.erase(std::ranges::min_element(buckets_, {}, [](const auto& one) { return one.second.at; }));
        }
        found = buckets_.emplace(key, Bucket{burst_, now}).first;
    }
    auto& bucket = found->second;
    const double passed = std::max(0.0, std::chrono::duration<double>(now - bucket.at).count());
    bucket.left = std::min(burst_, bucket.left + passed * per_second_);
    bucket.at = now;
    if (bucket.left >= 1) {
        bucket.left -= 1;
        return 0;
    }
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil((1 - bucket.left) / per_second_)));
}

}  // namespace budkavle::admin
