#pragma once
/// SMP, locator, DNS, CertPub and PKI of one federation in one environment: do they say the same? Every party is asked
/// in its own way: registers by their databases, the zone by transfer, nodes over https, lists and OCSP over http
/// (`smp.md` 1.7, `sml.md` 3.4, `certpub.md`, `pki.md` 5.3, 5.4; SEC-120, SEC-123).
///
/// Looks beside running services. What is on its way (queued, for less than `patience`) is counted, not judged.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "ca/register.hpp"
#include "consistency/finding.hpp"
#include "net/http.hpp"
#include "obs/log.hpp"
#include "sml/outbox.hpp"
#include "smp/outside.hpp"
#include "smpserver/intake.hpp"
#include "smpserver/invariants.hpp"

namespace budkavle::consistency {

/// One process that serves the SMP's answers.
struct Node {
    std::string address;     ///< IP; empty: every address of the SMP's host name
    std::uint16_t port = 0;  ///< 0: that of the SMP's address
};
struct SmpSource {
    std::string name;  ///< for people
    store::Database* database = nullptr;
    std::string publisher{};  ///< id at the locator; empty: it is not compared
    std::string url{};        ///< what records say; empty: no node is asked
    std::vector<Node> nodes{};
};
struct LocatorSource {
    std::string name;
    sml::Register* reg = nullptr;
    std::vector<sml::OutboxConfig> zones{};
};
struct PkiSource {
    std::string name;
    ca::Register* reg = nullptr;
    std::vector<std::string> base_urls{};  ///< lists are at BASE/crl/ID.crl
    bool ocsp = true;
};
struct Sources {
    std::vector<SmpSource> smps{};
    std::vector<LocatorSource> locators{};
    std::vector<PkiSource> pkis{};
    smpserver::Proof proof{};         ///< what published certificates are proven against
    smp::OutsideConfig world{};       ///< trust, resolver, permitted addresses
    smp::Outside* outside = nullptr;  ///< started with `world`; must outlive the checker
    std::chrono::seconds patience{600};
};

struct Report {
    std::vector<Finding> findings{};
    std::size_t participants = 0;  ///< in the registers of the SMPs
    std::size_t answers = 0;       ///< fetched from nodes
    std::size_t names = 0;         ///< in the zones, ours
    std::size_t certificates = 0;  ///< published, each once
    std::size_t pending = 0;       ///< on their way: participants and names
};

class Checker {
public:
    Checker(Sources sources, obs::Log& log, const Clock& clock);
    ~Checker();
    Checker(const Checker&) = delete;
    Checker& operator=(const Checker&) = delete;

    /// One look. Errors of databases; everything else is a finding.
    Result<Report> look();
    /// Beside running services something may change between two questions: only what is found twice, `pause` apart, is
    /// found.
    Result<Report> check(std::chrono::milliseconds pause = std::chrono::seconds(2));
    /// Queues what can be repaired, on the same ways as changes by people; returns for how many findings.
    Result<std::size_t> repair(const std::string& who, const std::vector<Finding>& findings);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::consistency
