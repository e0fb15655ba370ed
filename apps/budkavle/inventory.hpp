#pragma once
/// All certificates that a configuration uses, with use, owner and end (SEC-120).

#include "config.hpp"
#include "crypto/expiry.hpp"
#include "obs/log.hpp"

namespace budkavle::app {

[[nodiscard]] std::vector<crypto::InventoryItem> inventory_of(const Config& config);

/// Tells the technical log what comes near its end. Own certificates are an error from 30 days on, the others a warning.
void tell_expiry(crypto::ExpiryWatch& watch, const std::vector<crypto::InventoryItem>& inventory, Time now,
                 obs::Log& log);

}  // namespace budkavle::app
