#include "crypto/expiry.hpp"

#include <array>

namespace budkavle::crypto {
namespace {

constexpr std::array kThresholds{0, 7, 30, 90};
constexpr int kDaily = 7;

/// The smallest threshold that has been reached; -1 for none.
int reached(std::int64_t days) {
    for (const int threshold : kThresholds) {
        if (threshold == 0 ? days < 0 : days < threshold) return threshold;
    }
    return -1;
}

}  // namespace

InventoryItem inventory_item(std::string use, bool own, const Certificate& certificate) {
    auto owner = certificate.organisation();
    if (owner.empty()) owner = certificate.common_name();
    return {std::move(use), std::move(owner), own, certificate};
}

std::int64_t days_until_end(const Certificate& certificate, Time now) {
    return std::chrono::floor<std::chrono::days>(certificate.not_after() - now).count();
}

std::vector<ExpiryNotice> ExpiryWatch::due(const std::vector<InventoryItem>& inventory, Time now) {
    std::vector<ExpiryNotice> out;
    std::map<std::string, Told> still;
    for (const auto& item : inventory) {
        const auto days = days_until_end(item.certificate, now);
        const int threshold = reached(days);
        if (threshold < 0) continue;
        const auto key = item.use + " " + item.certificate.sha256_hex();
        const auto before = told_.find(key);
        const bool again = before != told_.end() && before->second.threshold == threshold &&
                           (threshold > kDaily || before->second.days == days);
        if (!again) out.push_back({item, days, threshold});
        still.emplace(key, Told{threshold, days});
    }
    told_ = std::move(still);  // what is no longer in the inventory is forgotten
    return out;
}

}  // namespace budkavle::crypto
