#include "smp/crisis.hpp"

#include <algorithm>
#include <array>

namespace budkavle::smp {

void CrisisStore::erase(const Key& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    octets_ -= found->second.kept.answer.size();
    order_.erase(found->second.place);
    entries_.erase(found);
}

void CrisisStore::keep(const Key& key, ByteView answer, Time now) {
    if (age_.count() <= 0 || answer.size() > limit_) return;
    const std::lock_guard lock(mutex_);
    erase(key);
    order_.push_back(key);
    entries_.emplace(key, Entry{{Bytes(answer.begin(), answer.end()), now}, std::prev(order_.end())});
    octets_ += answer.size();
    while (octets_ > limit_) erase(Key(order_.front()));
}

void CrisisStore::drop(const Key& key) {
    const std::lock_guard lock(mutex_);
    erase(key);
}

std::optional<CrisisStore::Kept> CrisisStore::find(const Key& key, Time now) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    const auto& kept = found->second.kept;
    // A clock that was set back makes nothing live longer.
    if (now < kept.verified || now - kept.verified > age_) return std::nullopt;
    return kept;
}

bool is_outage(const Error& error) {
    static constexpr std::array<std::string_view, 4> kAway{"dns.failed", "dns.timeout", "smp.unreachable", "smp.http"};
    return error.retry == Retry::later && std::ranges::find(kAway, error.code) != kAway.end();
}

}  // namespace budkavle::smp
