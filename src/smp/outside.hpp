#pragma once
/// The outside world of every service and command: DNS, the SMP, revocation data. One wiring for all of them.

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/trust.hpp"
#include "net/http.hpp"
#include "obs/log.hpp"
#include "smp/directory.hpp"
#include "smp/revocation_event.hpp"

namespace budkavle::smp {

struct OutsideConfig {
    std::string resolver_address;  ///< IP of the DNS resolver
    std::uint16_t resolver_port = 53;
    dns::Dnssec dnssec = dns::Dnssec::off;
    std::vector<std::string> permitted_addresses;  ///< CIDR ranges that may be connected to (SEC-42)
    std::string zone;                              ///< SML zone of the environment
    std::vector<std::string> profiles{"digg-transport-as4-v1_0", "digg-transport-as4-v1_2"};  ///< best first
    std::shared_ptr<const crypto::TrustStore> smp_trust;
    std::shared_ptr<const crypto::TrustStore> ap_trust;
    std::shared_ptr<const crypto::TrustStore> tls_trust;  ///< servers of SMP, lists and responders over https
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
    std::chrono::seconds metadata_cache{300};  ///< A1/A2
    std::chrono::seconds crisis_metadata{0};   ///< DirectoryConfig::crisis
    obs::Log* log = nullptr;                   ///< audit of crisis mode; must outlive the services that look up

    std::vector<std::string> crl_urls;             ///< lists kept from the start; more come from certificates
    std::vector<crypto::Certificate> crl_issuers;  ///< whose lists are believed
    std::chrono::seconds crl_interval{3600};       ///< revocation data is asked for at least this often
    /// SHA-256 (hex) of an issuer's certificate → OCSP responder for what it issued (AP-18).
    std::map<std::string, std::string> ocsp_responders;
    bool ocsp_get = false;                        ///< RFC 5019 GET where it fits
    std::chrono::seconds revocation_grace{0};     ///< AP-18: use after nextUpdate; 0: none
    std::filesystem::path folder;                 ///< last good copies of revocation data; none when empty
    std::vector<crypto::Certificate> own;         ///< own certificates: their lists are kept too
};

class Outside {
public:
    /// Starts the background work; the lists named are fetched once before it returns. What cannot be fetched is told
    /// to `on_event` and asked for again later: until it is there, everything that needs it waits (AP-18).
    /// `data`: revocation data to go on with (a reload); its gatherer becomes this one. `clock` must outlive it.
    static Result<std::unique_ptr<Outside>> start(const OutsideConfig& config, const Clock& clock,
                                                  OnRevocationEvent on_event = {},
                                                  std::shared_ptr<crypto::CrlStore> data = {});
    ~Outside();
    Outside(const Outside&) = delete;
    Outside& operator=(const Outside&) = delete;

    /// From now on checks of the shared revocation data ask here, with the grace of this configuration. `start` does it;
    /// again after another one that was to take over has not.
    void attend();

    [[nodiscard]] Directory& directory();
    /// Host names to addresses; stays usable after this object is gone.
    [[nodiscard]] net::Resolve resolve() const;
    [[nodiscard]] const std::shared_ptr<crypto::CrlStore>& revocation() const;
    /// Fetches every list now; the first error. For commands, which rather fail than wait.
    Result<> refresh_lists();

private:
    struct State;
    Outside() = default;
    std::shared_ptr<State> state_;
};

}  // namespace budkavle::smp
