#pragma once
/// The administration API of a demo: made-up persons with their roles, and the configuration of the role [admin].

#include <boost/json/array.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace budkavle::app {

struct DemoOfficer {
    const char* name;     ///< of the files of key and certificate, too
    const char* role;     ///< as in docs/administration-api.md
    const char* scope;    ///< "*", "operator:ap1"
    const char* purpose;  ///< organisational unit of the certificate
};
/// Enough persons for every operation that needs two, and for the three hands of the PKI.
[[nodiscard]] const std::vector<DemoOfficer>& demo_officers();

/// Where key and certificate of a person stand, without suffix.
[[nodiscard]] std::filesystem::path officer_files(const std::filesystem::path& demo, const DemoOfficer& officer);

/// Enters every person with certificate and role, as the host may before there is any account (SEC-46).
[[nodiscard]] Result<> enter_officers(const std::filesystem::path& demo, const std::filesystem::path& database);

struct DemoAdminPlan {
    std::filesystem::path demo;
    std::uint16_t port = 0;
    std::uint16_t ca_port = 0;
    std::string host;                  ///< name in the certificate, beside 127.0.0.1
    std::string smp_url;
    std::filesystem::path pins;        ///< access points trusted by themselves; empty: none
    std::vector<std::string> ca_names; ///< whose revocation lists are kept
};
/// [admin] with the registers of SMP and locator, for the process of the CA, whose PKI it administers.
[[nodiscard]] std::string admin_tables_text(const DemoAdminPlan& plan);
/// {name, role, scope, cert, key}
[[nodiscard]] boost::json::array officers_json(const std::filesystem::path& demo);

}  // namespace budkavle::app
