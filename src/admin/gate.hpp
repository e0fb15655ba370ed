#pragma once
/// What is refused before anybody asks who calls: requests for other hosts, claims of proxies, pages of other origins,
/// floods.

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "net/http.hpp"

namespace budkavle::admin {

/// Errors: "gate.host" (421), "gate.forwarded" (400), "gate.origin" (403).
/// * Host must be one of `hosts`, without regard to case and port.
/// * TLS ends here: a header that claims another client, host, path or method (X-Forwarded-…, Client-Cert,
///   X-HTTP-Method-Override, …) comes from nobody we believe.
/// * A browser sends a client certificate along with any page's request. No page of another origin may use that, so
///   every Origin, and every Sec-Fetch-Site but "same-origin" and "none", is refused: there are no pages here.
[[nodiscard]] Result<> check_gate(const net::Request& request, const std::vector<std::string>& hosts);

/// Token buckets per key, for a bounded number of keys. Safe for several threads.
class RateLimit {
public:
    RateLimit(double burst, double per_second) : burst_(burst), per_second_(per_second) {}
    /// Seconds to wait; 0: go on.
    [[nodiscard]] std::int64_t take(const std::string& key, Time now);

private:
    static constexpr std::size_t kMostKeys = 4096;
    struct Bucket {
        double left;
        Time at;
    };
    double burst_;
    double per_second_;
    std::mutex lock_;
    std::map<std::string, Bucket> buckets_;
};

}  // namespace budkavle::admin
