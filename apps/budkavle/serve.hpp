#pragma once
/// Opening the PKI of a configuration, for the server and for the commands that administer it.

#include "ca/authority.hpp"
#include "config.hpp"

namespace budkavle::app {

[[nodiscard]] Result<std::unique_ptr<ca::Authority>> open_authority(const CaRole& role, obs::Log& log);

}  // namespace budkavle::app
