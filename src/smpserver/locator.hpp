#pragma once
/// The locator zone of an environment: desired state written as a zone file for an authoritative server
/// (`sml.md` 2.3, 2.5).

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "federation/identifiers.hpp"

namespace budkavle::smpserver {

struct LocatorHost {
    std::string name;                    ///< inside the zone: "smp.lab.example.se"
    std::vector<std::string> addresses;  ///< IPv4 and IPv6 literals
};

struct LocatorConfig {
    std::string zone;  ///< "lab.example.se"
    std::filesystem::path file;
    std::string smp_url;               ///< what every participant's record says
    LocatorHost name_server;           ///< of the zone
    std::vector<LocatorHost> hosts;    ///< further names of the environment
    std::function<Result<>()> reload;  ///< makes the name server read the file; may be empty
};

/// The zone at `serial`: SOA (minimum 60: `sml.md` 2.5), NS, hosts, one NAPTR per participant, TTL 60, participants in
/// order. Error "locator.config" (a name, address or URL that cannot stand in the zone).
[[nodiscard]] Result<std::string> zone_text(const LocatorConfig& config,
                                            const std::vector<federation::ParticipantId>& participants,
                                            std::uint32_t serial);

/// One writer per zone file.
class Locator {
public:
    Locator(LocatorConfig config, const Clock& clock) : config_(std::move(config)), clock_(clock) {}
    /// Writes the zone when it differs from the file, with a serial above that of the file, and reloads; reloads again
    /// after a failed reload and once after the start. Errors of writing and reloading.
    Result<> publish(const std::vector<federation::ParticipantId>& participants);

private:
    LocatorConfig config_;
    const Clock& clock_;
    bool loaded_ = false;
};

}  // namespace budkavle::smpserver
