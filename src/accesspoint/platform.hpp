#pragma once
/// The real outside world of an access point: DNS, SMP, revocation lists.

#include <memory>

#include "accesspoint/workshop.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

/// What an access point asks of the world around it.
struct Outside {
    Lookup lookup;
    net::Resolve resolve;                          ///< host names of endpoints
    std::shared_ptr<const crypto::CrlStore> crls;  ///< kept fresh by its owner
};

class Platform {
public:
    /// Fetches the revocation lists once before it returns (a source that is down is logged and asked again later) and
    /// keeps them fresh from then on. `log` and `clock` must outlive it.
    static Result<std::unique_ptr<Platform>> start(const AccessPointConfig& config, obs::Log& log, const Clock& clock);
    virtual ~Platform() = default;
    [[nodiscard]] virtual Outside outside() = 0;
};

}  // namespace budkavle::accesspoint
