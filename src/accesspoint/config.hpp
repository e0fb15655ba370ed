#pragma once
/// Everything an access point is told from outside. Plain values; defaults from the specification's list of open
/// values.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accesspoint/profiles.hpp"
#include "accesspoint/retry.hpp"
#include "as4/security.hpp"
#include "base/time.hpp"
#include "crypto/key.hpp"
#include "crypto/trust.hpp"
#include "dns/resolver.hpp"
#include "federation/identifiers.hpp"
#include "net/http.hpp"
#include "store/location.hpp"

namespace budkavle::accesspoint {

/// One federation in one environment; a process serves exactly one (AP-20, SEC-35).
struct Environment {
    std::string name;                         ///< "sdk-test", for logs
    std::vector<std::string> federation_ids;  ///< FEDERATIONID values that are ours (K18)
    std::string zone;                         ///< SML zone
    std::string resolver_address;             ///< IP of the DNS resolver
    std::uint16_t resolver_port = 53;
    dns::Dnssec dnssec = dns::Dnssec::off;
    std::chrono::seconds crisis_metadata{0};  ///< `smp::DirectoryConfig::crisis`
    std::vector<std::string> permitted_addresses;         ///< CIDR ranges that may be connected to
    std::vector<net::PortRange> peer_ports{{443, 443}};   ///< of other access points (AP-10); none named: every port
    std::shared_ptr<const crypto::TrustStore> ap_trust;   ///< AP CA (AP-14)
    std::shared_ptr<const crypto::TrustStore> smp_trust;  ///< SMP signatures (AP-16)
    std::shared_ptr<const crypto::TrustStore>
        smp_tls_trust;                  ///< servers of SMP and CRL addresses over https; may be null
    std::vector<std::string> crl_urls;  ///< revocation lists kept from the start; more come from certificates
    std::vector<crypto::Certificate> crl_issuers;  ///< whose lists are believed
    std::map<std::string, std::string>
        ocsp_responders;                          ///< issuer certificate SHA-256 (hex) → OCSP responder (AP-18)
    bool ocsp_get = false;                        ///< RFC 5019 GET where the question is short enough
    std::chrono::seconds revocation_grace{0};     ///< AP-18: use of revocation data after its nextUpdate
    /// K26: the access point that the SMP names for originalSender must be the one that signed.
    bool check_original_sender = true;
};

/// What may wait for one participant in one direction: for its message service, or for receivers. What goes beyond is
/// asked to come back later.
struct Quota {
    std::uint64_t messages = 10'000;
    std::uint64_t octets = 20'000'000'000;
};

/// A participant whose messages this access point carries.
struct Participant {
    federation::ParticipantId id;
    std::vector<std::string> documents;  ///< document identifiers it takes (NOT_SERVICED otherwise)
    bool approved = true;                ///< in the federation; false stops sending and receiving
    std::optional<Quota> quota{};        ///< instead of the one for all
    std::optional<RetrySchedule> lookup_retries{};  ///< as its usage agreement says, instead of the one for all
};

/// TLS of the peers ends in a proxy in front of the access point (AP-13). Weaker than TLS of our own: whoever holds the
/// proxy's key can speak for every peer on this interface. AS4 signatures stay what decides about messages.
struct ForwardingProxy {
    std::vector<crypto::Certificate> certificates;  ///< of the proxy towards us, one by one; no CA
    std::string header = "Client-Cert";             ///< in which it hands the peer's certificate on
};

/// Between access points: AS4 over mutual TLS (AP-10).
struct InterfaceA {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    std::string path = "/as4";
    crypto::Identity identity;  ///< TLS certificate of the public host name (AP-11), server and client
    std::shared_ptr<const crypto::TrustStore> client_trust;
    std::shared_ptr<const crypto::TrustStore> server_trust;
    std::optional<ForwardingProxy> proxy{};  ///< absent: no certificate is ever taken from a header
};

/// Towards message services: mutual TLS; a client may act for the participants listed under its certificate (AP-31).
struct InterfaceC {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    crypto::Identity identity;
    std::shared_ptr<const crypto::TrustStore> client_trust;
    std::map<std::string, std::set<federation::ParticipantId>> clients;  ///< certificate SHA-256 (hex) → participants
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
};

/// Somebody who operates this access point: one account per natural person (SEC-51), or a machine that watches.
struct OperatorAccount {
    std::string name;      ///< stands in the audit log
    bool monitor = false;  ///< only health, readiness and figures
};

/// Towards operators: mutual TLS on a loopback or management address; certificates are listed one by one. Metadata
/// only, never content (AP-35).
struct InterfaceO {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    crypto::Identity identity;
    std::shared_ptr<const crypto::TrustStore> client_trust;
    std::map<std::string, OperatorAccount> operators;  ///< certificate SHA-256 (hex) → account
};

/// Who reports to the platform owner (SEC-82).
struct Reporter {
    std::string organisation;
    std::string contact;
    std::string role = "access point operator";
};

/// A certificate that takes over: it decrypts at once, and signs what is sent from `sign_from` on.
struct NextIdentity {
    crypto::Identity identity;
    Time sign_from{};  ///< not before its notBefore in any case
};

struct AccessPointConfig {
    std::string id;  ///< CN of the AS4 certificate, PartyId (AP-04)
    Environment environment;
    crypto::Identity as4;                        ///< signs and decrypts
    std::vector<crypto::Identity> previous_as4;  ///< still decrypt during the overlap (AP-19)
    std::vector<NextIdentity> next_as4;          ///< decrypt already, sign from a time on (`pki.md` 5.5)
    std::vector<crypto::Certificate>
        partners;  ///< of peers that name their certificate without sending it (IssuerSerial …)
    as4::KeyTransportPolicy key_transport;  ///< of older peers; all off (`as4-wire.md` 1.6)
    as4::ErrorForm error_form = as4::ErrorForm::signal;  ///< how errors go back (`as4-wire.md` 1.7, TA35, TA37)
    InterfaceA a;
    InterfaceC c;
    std::optional<InterfaceO> o;  ///< none: no interface for operators
    Reporter reporter;
    std::vector<Participant> participants;
    std::vector<ProfileValues> profile_values = default_profiles();  ///< what is known of profiles (AP-01, AP-02)
    std::vector<std::string> profiles{"digg-transport-as4-v1_0", "digg-transport-as4-v1_2"};  ///< best first (AP-01)

    std::filesystem::path folder;    ///< blobs, and the database unless it is on a server
    /// Database on a server: several processes of this access point may share it and `folder`. Absent: SQLite in
    /// `folder`, one process.
    std::optional<store::PostgresLocation> postgresql;
    /// A process that has not renewed its claim on a piece of work for so long is taken for dead; another one takes over.
    std::chrono::seconds takeover_after{60};
    std::filesystem::path key_file;  ///< key of the blobs; outside `folder` in production

    RetrySchedule send_retries{4, std::chrono::minutes(12)};  ///< A3/A4
    RetrySchedule lookup_retries{5, std::chrono::hours(1)};   ///< SMP retries
    std::chrono::seconds metadata_cache{300};                 ///< A1/A2
    std::chrono::seconds crl_interval{3600};                  ///< revocation lists are asked for at least this often
    std::chrono::hours duplicate_memory{24 * 30};             ///< at least 30 days
    std::chrono::hours log_retention{24 * 366};               ///< at least 12 months (SEC-02)
    std::chrono::hours failed_envelopes{24 * 14};  ///< envelopes of failed messages are kept for resending; 0: not
    unsigned refused_per_hour = 1000;              ///< refused messages kept one by one; what is beyond is summed up
    std::uint64_t least_free_disk = std::uint64_t{512} << 20;  ///< octets; below, nothing new is taken
    std::uint64_t max_message = 150'000'000;                   ///< octets of one XHE
    unsigned senders = 8;         ///< messages sent at the same time
    unsigned sends_per_peer = 4;  ///< of them to one receiving access point; one while it does not answer
    milliseconds retry_after_limit = std::chrono::minutes(15);  ///< longest wait that a peer may ask for
    milliseconds stop_grace = std::chrono::seconds(5);          ///< for attempts under way at a stop; then they are cut
    Quota quota;                                               ///< per participant and direction
    unsigned receives_per_peer = 64;       ///< requests of one peer's certificate at the same time
    std::chrono::seconds clock_skew{300};  ///< by which peers' clocks may differ
    net::ServerLimits limits;                                  ///< of both servers
    bool keep_wire_octets = false;             ///< keep sent requests after their receipt, as evidence; the disk fills
    std::chrono::seconds answer_timeout{600};  ///< one AS4 exchange, upload included
};

/// Where the database of this access point is.
[[nodiscard]] store::Location database_location(const AccessPointConfig& config);
/// What can be wrong with a configuration before anything is opened. Error codes "config.…".
[[nodiscard]] Result<> check(const AccessPointConfig& config, Time now);
/// Can a process that runs with `old` go on with `fresh`? Error "config.restart".
[[nodiscard]] Result<> check_reload(const AccessPointConfig& old, const AccessPointConfig& fresh);
/// Every identity that decrypts, the one that signs first.
[[nodiscard]] std::vector<crypto::Identity> decrypting_identities(const AccessPointConfig& config);
/// Signs what is sent: the newest one that is valid now and whose time has come; `as4` when none is.
[[nodiscard]] const crypto::Identity& signing_identity(const AccessPointConfig& config, Time now);
/// Signs a receipt: the one that the message was encrypted for, since the sender compares the receipt's certificate
/// with the one it found in the SMP (AP-17), as long as it is valid.
[[nodiscard]] const crypto::Identity& receipt_signer(const AccessPointConfig& config,
                                                     const std::string& recipient_sha256, Time now);
/// Of this participant, or the one for all.
[[nodiscard]] Quota quota_of(const AccessPointConfig& config, const federation::ParticipantId& id);
[[nodiscard]] const Participant* find_participant(const AccessPointConfig& config, const federation::ParticipantId& id);

}  // namespace budkavle::accesspoint
