#pragma once
/// What look-up commands need of the world: DNS, HTTP, trust and revocation of an access point's configuration.

#include <memory>

#include "as4/verify.hpp"
#include "config.hpp"
#include "dns/resolver.hpp"
#include "net/http.hpp"
#include "smp/crl_fetcher.hpp"
#include "smp/directory.hpp"

namespace budkavle::app {

class Outside {
public:
    /// `config_file` must have the role [ap]. Fetches the revocation lists.
    static Result<std::unique_ptr<Outside>> open(const std::filesystem::path& config_file);
    ~Outside();
    Outside(const Outside&) = delete;
    Outside& operator=(const Outside&) = delete;

    [[nodiscard]] const accesspoint::AccessPointConfig& config() const { return config_; }
    [[nodiscard]] smp::Directory& directory() { return *directory_; }
    [[nodiscard]] net::Client& client() { return *client_; }
    [[nodiscard]] as4::SignerTrust signer_trust() const;

private:
    Outside() = default;
    accesspoint::AccessPointConfig config_;
    std::filesystem::path crl_copies_;
    std::unique_ptr<dns::Resolver> resolver_;
    std::shared_ptr<crypto::CrlStore> crls_;
    std::unique_ptr<net::Client> client_;
    std::unique_ptr<smp::CrlFetcher> fetcher_;
    std::unique_ptr<smp::Directory> directory_;
};

void print_steps(const std::vector<smp::LookupStep>& steps);
/// Name look-up by the operating system, for commands that are given a URL.
[[nodiscard]] net::Resolve system_resolve();

}  // namespace budkavle::app
