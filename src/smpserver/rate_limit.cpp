#include "smpserver/rate_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <functional>
#include <string_view>

namespace budkavle::smpserver {
namespace {

constexpr std::size_t kMostPerShard = 4096;

std::string_view address_of(std::string_view peer) {
    auto out = peer.substr(0, peer.rfind(':'));
    if (out.starts_with('[') && out.ends_with(']')) out = out.substr(1, out.size() - 2);
    return out;
}

/// One subscriber has a whole /64 of IPv6.
std::string key_of(std::string_view address) {
    in6_addr six{};
    const std::string text(address);
    if (::inet_pton(AF_INET6, text.c_str(), &six) != 1 || IN6_IS_ADDR_V4MAPPED(&six)) return text;
    return {reinterpret_cast<const char*>(six.s6_addr), 8};
}

}  // namespace

bool RateLimiter::admits(const std::string& peer, Moment now) {
    if (limit_.per_second == 0) return true;
    const auto address = address_of(peer);
    if (std::ranges::find(limit_.exempt, address) != limit_.exempt.end()) return true;
    auto key = key_of(address);
    auto& shard = shards_[std::hash<std::string>{}(key) % shards_.size()];
    const double burst = limit_.burst;
    const std::lock_guard lock(shard.mutex);
    const auto refilled = [&](const Bucket& bucket) {
        const std::chrono::duration<double> passed = now - bucket.at;
        return std::min(burst, bucket.tokens + passed.count() * limit_.per_second);
    };
    if (shard.buckets.size() >= kMostPerShard && !shard.buckets.contains(key)) {
        std::erase_if(shard.buckets, [&](const auto& one) { return refilled(one.second) >= burst; });
        if (shard.buckets.size() >= kMostPerShard) shard.buckets.clear();
    }
    auto& bucket = shard.buckets.try_emplace(std::move(key), Bucket{burst, now}).first->second;
    bucket.tokens = refilled(bucket);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
}

}  // namespace budkavle::smpserver
