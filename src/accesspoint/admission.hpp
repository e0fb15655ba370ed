#pragma once
/// What is asked before the body of a request is read: is there room, and may anything new come in (SEC-107, SEC-91)?

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "accesspoint/config.hpp"

namespace budkavle::accesspoint {

/// Safe for several threads.
class Admission {
public:
    explicit Admission(const AccessPointConfig& config);

    /// Held while a request runs: one of its peer's places.
    using Place = std::shared_ptr<const void>;

    /// A message of `octets` (0: not known) may come in: no maintenance, and the disk keeps its reserve with it stored.
    /// Errors, all for later: "ap.maintenance" (SEC-91), "ap.disk_full" (SEC-107).
    [[nodiscard]] Result<> check_room(std::uint64_t octets) const;
    /// One of the places of `peer`. Error "ap.peer_busy" (later, SEC-107): one peer never takes all connections.
    [[nodiscard]] Result<Place> enter(const std::string& peer);

    /// Maintenance mode is a file of this name in the data folder: it survives restarts and needs no connection.
    /// Nothing new is taken and nothing is begun to be sent; what runs ends, and what waits can be fetched.
    [[nodiscard]] bool maintenance() const;
    static constexpr std::string_view kMaintenanceFile = "maintenance";

private:
    const AccessPointConfig& config_;
    const std::filesystem::path maintenance_;
    struct Places;
    std::shared_ptr<Places> places_;
};

}  // namespace budkavle::accesspoint
