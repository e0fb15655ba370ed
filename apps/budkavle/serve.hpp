#pragma once
/// Opening the PKI of a configuration, for the server and for the commands that administer it.

#include "ca/authority.hpp"
#include "config.hpp"

namespace budkavle::app {

[[nodiscard]] Result<std::unique_ptr<ca::Authority>> open_authority(const CaRole& role, obs::Log& log);

/// The authority of a configuration file, and the log of what is done with it.
struct PkiOffice {
    std::unique_ptr<obs::Log> log;
    std::unique_ptr<ca::Authority> authority;
};

/// Error "usage.config" when the configuration has no role [ca].
[[nodiscard]] Result<PkiOffice> open_pki(const std::string& config_file);

}  // namespace budkavle::app
