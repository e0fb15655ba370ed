#pragma once
/// What a message service is told at start: plain values, keys and trust already read. Defaults are those of the
/// specification's README 4.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crypto/key.hpp"
#include "crypto/trust.hpp"
#include "dns/resolver.hpp"
#include "federation/identifiers.hpp"
#include "net/http.hpp"
#include "sdk/message_rules.hpp"

namespace budkavle::messageservice {

struct FunctionConfig {
    std::string id;  ///< function address, for example "sdk:socialjour:0203:kommunen.example.se"
    std::string label;
};

/// One organisation. Nothing of it is shared with another one (SEC-30, SEC-31).
struct ParticipantConfig {
    std::string id;            ///< "0203:kommunen.example.se"
    std::string organisation;  ///< name for people
    std::vector<FunctionConfig> functions;
    std::vector<crypto::Identity>
        identities;  ///< O2O, the one in use first, then earlier ones (decryption only, SEC-121)
    /// Media types taken besides PDF (MSG-01); absent: the standard list.
    std::optional<std::vector<std::string>> attachment_types;
};

/// Interface C as client: mutual TLS.
struct AccessPointLink {
    std::string url;  ///< "https://ap.example.se:8443"
    crypto::Identity identity;
    std::shared_ptr<const crypto::TrustStore> server_trust;
};

/// The service's own API: mutual TLS, a client certificate acts for the participants listed (SEC-40, SEC-52).
struct ApiConfig {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0: a free one
    crypto::Identity identity;
    std::shared_ptr<const crypto::TrustStore> client_trust;
    std::map<std::string, std::set<federation::ParticipantId>> clients;  ///< certificate SHA-256 (hex) → participants
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
    net::ServerLimits limits;
};

/// One federation in one environment; a process serves exactly one (SEC-35).
struct EnvironmentConfig {
    std::string name;                         ///< "SDK-QA"
    std::vector<std::string> federation_ids;  ///< the first is sent, all are taken (K18)
    std::string zone;                         ///< SML zone
    std::string resolver_address;             ///< IP of the DNS resolver
    std::uint16_t resolver_port = 53;
    dns::Dnssec dnssec = dns::Dnssec::off;
    std::chrono::seconds crisis_metadata{0};  ///< `smp::DirectoryConfig::crisis`
    std::vector<std::string> permitted_addresses;         ///< CIDR ranges that connections may go to
    std::shared_ptr<const crypto::TrustStore> o2o_trust;  ///< issuers of participant certificates (XHE-05)
    std::shared_ptr<const crypto::TrustStore> smp_trust;  ///< signers of SMP answers
    std::shared_ptr<const crypto::TrustStore>
        smp_tls_trust;                                   ///< servers of SMP and CRL addresses over https; may be null
    std::shared_ptr<const crypto::TrustStore> ap_trust;  ///< endpoint certificates in SMP
    std::vector<std::string> crl_urls;  ///< revocation lists kept from the start; more come from certificates
    std::vector<crypto::Certificate> crl_issuers;  ///< whose lists are believed
    std::map<std::string, std::string>
        ocsp_responders;                          ///< issuer certificate SHA-256 (hex) → OCSP responder (AP-18)
    bool ocsp_get = false;                        ///< RFC 5019 GET where the question is short enough
    std::chrono::seconds revocation_grace{0};     ///< AP-18: use of revocation data after its nextUpdate
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
    std::chrono::seconds directory_cache{300};
    std::chrono::seconds crl_interval{3600};
};

/// `message.md` 7.3 and technical paces.
struct Schedule {
    std::vector<std::chrono::seconds> resend{std::chrono::minutes(15), std::chrono::hours(1), std::chrono::hours(4)};
    std::chrono::seconds receipt_warning{std::chrono::minutes(10)};
    std::chrono::seconds receipt_timeout{std::chrono::hours(24)};
    std::chrono::seconds hold_limit{
        std::chrono::hours(24)};                   ///< how long a lookup or the own access point may be out of reach
    std::chrono::milliseconds retry_first{1000};   ///< pause after a fault that may pass; doubles
    std::chrono::milliseconds retry_last{60'000};  ///< up to this
    std::chrono::milliseconds follow_first{100};   ///< the same for questions about transport status
    std::chrono::milliseconds follow_last{10'000};
    std::chrono::seconds inbox_wait{10};  ///< long poll at the access point
};

struct MessageServiceConfig {
    std::string name = "mt";  ///< component in events and logs
    EnvironmentConfig environment;
    std::vector<ParticipantConfig> participants;
    AccessPointLink access_point;
    ApiConfig api;
    std::filesystem::path data;  ///< folder of database and blobs
    std::filesystem::path keys;  ///< folder of storage keys, apart from `data` (SEC-43)
    Schedule schedule;
    std::uint64_t send_limit = sdk::kSendLimit;  ///< octets of messagePayload (MSG-03)
    std::uint64_t receive_limit = sdk::kReceiveLimit;
    bool strict_time = true;  ///< K11
    unsigned workers = 2;
};

/// Names the first fault of a configuration: identifiers, duplicates, missing parts. Error "mt.config" with the field
/// as place.
[[nodiscard]] Result<> check(const MessageServiceConfig& config);

}  // namespace budkavle::messageservice
