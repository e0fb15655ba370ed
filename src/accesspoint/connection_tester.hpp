#pragma once
/// Can this access point reach another one? DNS → SMP → certificate → revocation → connection → TLS → AS4 ping, each
/// with a verdict and, where it fails, what to do (`access-point.md` 10 "ping").

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/key.hpp"
#include "crypto/trust.hpp"
#include "federation/identifiers.hpp"
#include "net/http.hpp"
#include "smp/directory.hpp"

namespace budkavle::accesspoint {

/// A look-up that tells its steps (smp::Directory::lookup).
using Explain = std::function<Result<smp::Metadata>(const federation::ParticipantId& participant,
                                                    const std::string& document, std::vector<smp::LookupStep>* steps)>;

/// What a test works with; everything must outlive it.
struct ConnectionSetting {
    std::function<const crypto::Identity&(Time now)> signer;  ///< as for messages (AP-19)
    const crypto::TrustStore& ap_trust;
    const crypto::CrlStore& crls;
    net::Client& client;
    const Clock& clock;
    Explain explain;
    std::vector<std::string> profiles;
    std::filesystem::path spool_folder;
};

struct ConnectionStep {
    /// "dns", "smp", "metadata", "endpoint", "certificate", "revocation", "address", "connect", "tls", "ping"
    std::string name;
    bool fine = true;
    std::string detail;
    std::string code;  ///< of the error; empty when fine
    [[nodiscard]] std::string_view remedy() const;
    [[nodiscard]] std::string_view remedy_in_swedish() const;
};

struct ConnectionVerdict {
    bool good = false;
    std::vector<ConnectionStep> steps;  ///< ends with the first that failed
    std::string peer;                   ///< PartyId, once it is known
};

class ConnectionTester {
public:
    explicit ConnectionTester(ConnectionSetting setting) : setting_(std::move(setting)) {}
    /// One at a time: a test costs a peer work. Error "test.busy" (later) while another one runs.
    [[nodiscard]] Result<ConnectionVerdict> run(const federation::ParticipantId& participant,
                                                const std::string& document) const;

private:
    void look_up(const federation::ParticipantId& participant, const std::string& document, ConnectionVerdict& verdict,
                 std::optional<smp::Metadata>& found) const;
    [[nodiscard]] ConnectionStep check_certificate(const smp::Metadata& metadata) const;
    void ping(const smp::Metadata& metadata, ConnectionVerdict& verdict) const;

    ConnectionSetting setting_;
    mutable std::mutex running_;
};

}  // namespace budkavle::accesspoint
