#pragma once
/// The role of the locator in a configuration, and the SMP's way to a locator.

#include "dns/resolver.hpp"
#include "sml/locator_server.hpp"
#include "sml/soap_client.hpp"
#include "smp/outside.hpp"
#include "smpserver/locator_port.hpp"

namespace budkavle::app {

struct SmlRole {
    sml::LocatorServerConfig server;
    smp::OutsideConfig outside;  ///< where revocation lists of the accounts' certificates come from
};

struct RunningSml {
    std::unique_ptr<smp::Outside> outside;
    std::unique_ptr<sml::LocatorServer> server;
};
[[nodiscard]] Result<RunningSml> start_sml(SmlRole role, obs::Log& log, const Clock& clock);

/// Base64 of a TSIG key in a file that only its owner may read. Errors "key.file_mode", "dns.key".
[[nodiscard]] Result<std::string> read_tsig_secret(const std::filesystem::path& file);

struct SmlPortConfig {
    std::string url;                             ///< "https://sml.example.se/edelivery-sml"
    std::string publisher;                       ///< id of this SMP at the locator
    std::string smp_url;                         ///< what records shall say
    std::string physical_address = "192.0.2.1";  ///< historical, required by the schema
    crypto::Identity identity{};                 ///< the account
    std::shared_ptr<const crypto::TrustStore> server_trust{};
    std::vector<std::string> permitted_addresses{};
    std::string resolver_address;
    std::uint16_t resolver_port = 53;
};

/// Participants of the SMP's register at a locator with the SML interface (FED-07): lists of 100 where they go through,
/// one by one where not. The SMP itself is registered first, and again when its address changes.
class SmlPort final : public smpserver::LocatorPort {
public:
    static Result<std::unique_ptr<SmlPort>> open(SmlPortConfig config);
    Result<> ensure(const federation::ParticipantId& participant) override;
    Result<> withdraw(const federation::ParticipantId& participant) override;
    std::vector<Result<>> ensure_all(std::span<const federation::ParticipantId> participants) override;
    std::vector<Result<>> withdraw_all(std::span<const federation::ParticipantId> participants) override;

private:
    explicit SmlPort(SmlPortConfig config);
    Result<> introduce();
    std::vector<Result<>> in_lists(std::span<const federation::ParticipantId> participants, bool wanted);
    SmlPortConfig config_;
    std::shared_ptr<dns::Resolver> resolver_;
    std::unique_ptr<net::Client> client_;
    sml::SoapClient soap_;
    bool introduced_ = false;
};

}  // namespace budkavle::app
