#pragma once
/// What look-up commands need of the world: `smp::Outside` of an access point's configuration, and a client with its
/// certificate.

#include <memory>

#include "as4/verify.hpp"
#include "config.hpp"
#include "net/http.hpp"
#include "smp/outside.hpp"

namespace budkavle::app {

class Outside {
public:
    /// `config_file` must have the role [ap]. Fetches the revocation lists.
    static Result<std::unique_ptr<Outside>> open(const std::filesystem::path& config_file);
    ~Outside() = default;
    Outside(const Outside&) = delete;
    Outside& operator=(const Outside&) = delete;

    [[nodiscard]] const accesspoint::AccessPointConfig& config() const { return config_; }
    [[nodiscard]] smp::Directory& directory() { return world_->directory(); }
    [[nodiscard]] net::Client& client() { return *client_; }
    [[nodiscard]] as4::SignerTrust signer_trust() const;

private:
    Outside() = default;
    accesspoint::AccessPointConfig config_;
    std::unique_ptr<smp::Outside> world_;
    std::unique_ptr<net::Client> client_;
};

void print_steps(const std::vector<smp::LookupStep>& steps);
/// Name look-up by the operating system, for commands that are given a URL.
[[nodiscard]] net::Resolve system_resolve();

}  // namespace budkavle::app
