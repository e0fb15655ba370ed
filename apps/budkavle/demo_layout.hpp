#pragma once
/// The folder of a demo: certificates, keys, configurations, registers of a whole federation on loopback.

#include <boost/json.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "obs/log.hpp"
#include "serve.hpp"
#include "smpserver/register.hpp"
#include "supervisor.hpp"

namespace budkavle::app {

/// Told what is being done, for people who wait.
using Progress = std::function<void(std::string_view)>;

/// Lays everything out in `folder` unless a finished layout stands there. Error "demo.…", or that of whatever could not
/// be made. `key_bits`: RSA keys of everything but the certificate authorities.
Result<> prepare_demo(const std::filesystem::path& folder, const Progress& progress, unsigned key_bits = 3072);
/// Is `folder` absent, empty, or a demo (finished or interrupted)? Only then may it be written or removed.
[[nodiscard]] bool may_hold_demo(const std::filesystem::path& folder);
/// What has to run, in the order of starting.
[[nodiscard]] Result<std::vector<ProcessSpec>> demo_processes(const std::filesystem::path& folder);
/// The facts for `--json` and demo.json, with the processes that run.
[[nodiscard]] Result<boost::json::object> describe_demo(const std::filesystem::path& folder,
                                                        const std::vector<Supervisor::Running>& running);

/// The demo's PKI and register, for `add-peer`.
struct DemoPlatform {
    std::unique_ptr<obs::Log> log;
    std::unique_ptr<ca::Authority> authority;
    std::unique_ptr<smpserver::Register> registry;
};
[[nodiscard]] Result<DemoPlatform> open_demo_platform(const std::filesystem::path& folder);
/// Trusts these access point certificates by themselves; access points and message services read it at their next
/// start.
[[nodiscard]] Result<> pin_access_points(const std::filesystem::path& folder,
                                         const std::vector<crypto::Certificate>& certificates);
/// Makes a key, has it certified, writes NAME.key and NAME.crt (with chain) into `folder`.
[[nodiscard]] Result<crypto::Identity> issue_identity(ca::Authority& authority, std::string_view ca_id,
                                                      const ca::Order& order, const std::filesystem::path& folder,
                                                      const std::string& name, unsigned key_bits = 3072);

}  // namespace budkavle::app
