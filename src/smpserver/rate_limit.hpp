#pragma once
/// So many requests per second and address (SEC-107; FED-03).

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace budkavle::smpserver {

struct RateLimit {
    unsigned per_second = 200;          ///< and address, on average; 0: no limit
    unsigned burst = 1000;              ///< what an address may ask for at once after silence
    std::vector<std::string> exempt{};  ///< addresses of balancers, behind which everybody has one address
};

/// A bucket per address (IPv6: per /64). Remembers a bounded number of addresses: those that are silent go first.
class RateLimiter {
public:
    using Moment = std::chrono::steady_clock::time_point;
    explicit RateLimiter(RateLimit limit) : limit_(std::move(limit)) {}
    /// `peer`: "127.0.0.1:4711" or "[2001:db8::1]:4711".
    [[nodiscard]] bool admits(const std::string& peer, Moment now);

private:
    struct Bucket {
        double tokens;
        Moment at;
    };
    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::string, Bucket> buckets;
    };
    RateLimit limit_;
    std::array<Shard, 16> shards_;
};

}  // namespace budkavle::smpserver
