#pragma once
/// Warnings before certificates end (SEC-120, AP-19): at 90, 30 and 7 days, and when they have ended. Pure.

#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/certificate.hpp"

namespace budkavle::crypto {

/// One certificate of an inventory.
struct InventoryItem {
    std::string use;    ///< "ap.as4", "ap.a", "trust.as4", …
    std::string owner;  ///< organisation or, without one, common name of the subject
    bool own = false;   ///< its key is ours: its end is ours to prevent
    Certificate certificate;
};
[[nodiscard]] InventoryItem inventory_item(std::string use, bool own, const Certificate& certificate);

/// Whole days until the certificate ends, rounded down; negative once it has.
[[nodiscard]] std::int64_t days_until_end(const Certificate& certificate, Time now);

struct ExpiryNotice {
    InventoryItem item;
    std::int64_t days = 0;
    int threshold = 0;  ///< 90, 30, 7, or 0 when it has ended
};

/// Remembers what has been told. Each threshold is told once, from 7 days on it is told once a day.
class ExpiryWatch {
public:
    [[nodiscard]] std::vector<ExpiryNotice> due(const std::vector<InventoryItem>& inventory, Time now);

private:
    struct Told {
        int threshold;
        std::int64_t days;
    };
    std::map<std::string, Told> told_;  ///< by use and certificate SHA-256
};

}  // namespace budkavle::crypto
