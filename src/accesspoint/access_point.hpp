#pragma once
/// An access point (corner 2 and 3): AS4 with other access points, interface C with message services.

#include <memory>

#include "accesspoint/config.hpp"
#include "accesspoint/platform.hpp"
#include "obs/log.hpp"

namespace budkavle::accesspoint {

class AccessPoint {
public:
    /// Opens the storage (removing what a crash left half done), takes up unfinished work, starts both servers and the
    /// senders. `log` and `clock` must outlive it. Errors: "config.…", those of store and net, "trust.…".
    static Result<std::unique_ptr<AccessPoint>> start(AccessPointConfig config, obs::Log& log, const Clock& clock);
    /// The same in surroundings that the caller provides and that outlive it.
    static Result<std::unique_ptr<AccessPoint>> start(AccessPointConfig config, Outside outside, obs::Log& log,
                                                      const Clock& clock);

    AccessPoint() = default;
    AccessPoint(const AccessPoint&) = delete;
    AccessPoint& operator=(const AccessPoint&) = delete;
    virtual ~AccessPoint() = default;
    [[nodiscard]] virtual std::uint16_t port_a() const = 0;
    [[nodiscard]] virtual std::uint16_t port_c() const = 0;
    [[nodiscard]] virtual std::uint16_t port_o() const = 0;  ///< 0 without an interface for operators
    /// Goes on with another configuration: keys, certificates, trust, partners, participants, clients, schedules.
    /// Nothing is dropped: connections stand, requests and attempts that have begun end as they began. What a running
    /// process cannot change (id, environment, folders, addresses, ports) must be the same. On any error the old
    /// configuration stays in use. Errors: "config.…" ("config.restart": only a restart can change this), "tls.identity".
    virtual Result<> reload(AccessPointConfig config) = 0;
    /// Ends running requests and attempts; everything unfinished goes on at the next start. The destructor does the
    /// same.
    virtual void stop() = 0;
};

}  // namespace budkavle::accesspoint
