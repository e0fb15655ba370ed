#pragma once
/// The outside world of an access point: DNS, SMP, revocation data.

#include <memory>

#include "accesspoint/workshop.hpp"
#include "net/http.hpp"
#include "obs/log.hpp"
#include "smp/outside.hpp"

namespace budkavle::accesspoint {

/// What an access point asks of the world around it.
struct Outside {
    Lookup lookup;
    net::Resolve resolve;                          ///< host names of endpoints
    std::shared_ptr<const crypto::CrlStore> crls;  ///< kept fresh by its owner
};

[[nodiscard]] smp::OutsideConfig outside_config(const AccessPointConfig& config);
/// The real one; see `smp::Outside::start`. Events of its sources go to `log`, which must outlive it.
Result<std::unique_ptr<smp::Outside>> start_outside(const AccessPointConfig& config, obs::Log& log, const Clock& clock,
                                                    std::shared_ptr<crypto::CrlStore> data = {});
/// `world` must outlive what is returned.
[[nodiscard]] Outside seen_by_access_point(smp::Outside& world);

}  // namespace budkavle::accesspoint
