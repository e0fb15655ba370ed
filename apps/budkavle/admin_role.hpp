#pragma once
/// The administration API as a role of a process: its listener, and the revocation lists for its clients' certificates.

#include <memory>

#include "admin/routes.hpp"
#include "admin/server.hpp"
#include "sml/sml.hpp"
#include "smp/crl_fetcher.hpp"
#include "smpserver/register.hpp"

namespace budkavle::app {

struct AdminConfig {
    admin::AdminServerConfig server;
    admin::ApiOptions api;
    std::vector<std::string> crl_urls;
    /// Whose lists are believed, beside those who issue for administrators: for what the register publishes.
    std::vector<crypto::Certificate> crl_issuers;
    std::filesystem::path crl_folder;
    std::vector<std::string> permitted_addresses;
    std::optional<smpserver::RegisterConfig> smp;  ///< the register of an SMP, administered and published from here
    std::optional<store::Location> sml;            ///< the register of a locator
};

class AdminRole {
public:
    /// `services`: what this process has to administer.
    static Result<std::unique_ptr<AdminRole>> start(AdminConfig config, admin::Services services, obs::Log& log);
    ~AdminRole();
    AdminRole(const AdminRole&) = delete;
    AdminRole& operator=(const AdminRole&) = delete;
    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    void stop();

private:
    AdminRole() = default;
    std::unique_ptr<net::Client> client_;
    std::shared_ptr<crypto::CrlStore> crls_ = std::make_shared<crypto::CrlStore>();
    std::unique_ptr<smp::CrlFetcher> fetcher_;
    std::unique_ptr<smpserver::Register> registry_;
    std::unique_ptr<sml::Register> locator_;
    std::unique_ptr<admin::AdminServer> server_;
};

}  // namespace budkavle::app
