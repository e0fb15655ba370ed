#pragma once
/// The configuration file of `budkavle serve`: from text to the plain values the services take.
///
/// Tables: [environment] with [environment.trust], [log], and one for each role: [ap], [mt], [smp], [sml], [ca],
/// [admin].
/// Paths are relative to the folder of the file. docs/operating.md lists every setting.

#include <optional>
#include <vector>

#include "accesspoint/config.hpp"
#include "admin_role.hpp"
#include "ca/publish_server.hpp"
#include "messageservice/config.hpp"
#include "settings.hpp"
#include "sml_role.hpp"
#include "smpserver/smp_server.hpp"

namespace budkavle::app {

struct CaRole {
    ca::PublishServerConfig server;
    std::filesystem::path folder;
    std::filesystem::path passphrase_file;
    ca::Owner owner;
    std::vector<std::string> base_urls;
    std::chrono::hours reissue{24};
    bool ocsp = true;  ///< BASE/ocsp: answered, and named in new certificates
    std::optional<store::PostgresLocation> postgresql{};
    bool four_eyes = true;  ///< `pki issue` and `pki revoke` of one person are refused
    std::string keys;  ///< pkcs11: URI of the token that holds the keys of the CAs; empty: files
    unsigned min_rsa_bits = 3072;  ///< weaker only for a demo that is measured with weaker keys
};

struct Config {
    std::filesystem::path log_folder;
    std::string component;
    std::optional<accesspoint::AccessPointConfig> ap;
    std::optional<messageservice::MessageServiceConfig> mt;
    std::optional<smpserver::SmpServerConfig> smp;
    std::optional<SmlPortConfig> smp_sml;  ///< [smp.sml]: the locator that the SMP registers at
    std::optional<SmlRole> sml;
    std::optional<CaRole> ca;
    std::optional<AdminConfig> admin;
    std::optional<smp::OutsideConfig> world;      ///< of [environment], for commands that look at everything
    std::optional<crypto::TrustStore> o2o_trust;  ///< of [environment.trust], where it is named
    std::vector<SettingFault> faults;  ///< empty: the configuration can be served
};

/// Error only when the file cannot be read or parsed; everything else is in `faults`.
[[nodiscard]] Result<Config> load_config(const std::filesystem::path& file);

}  // namespace budkavle::app
