#pragma once
/// The look-up of a sender: participant → DNS → SMP → verified metadata, with a short cache (`smp.md` 1.7,
/// `access-point.md` 3).

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/trust.hpp"
#include "dns/resolver.hpp"
#include "net/http.hpp"
#include "smp/verify.hpp"

namespace budkavle::smp {

struct DirectoryConfig {
    std::string zone;  ///< SML zone of the environment
    std::vector<std::string> profiles{"digg-transport-as4-v1_0", "digg-transport-as4-v1_2"};  ///< best first
    std::shared_ptr<const crypto::TrustStore> smp_trust;  ///< Purpose::smp_signature
    std::shared_ptr<const crypto::TrustStore> ap_trust;   ///< Purpose::as4
    std::shared_ptr<const crypto::CrlStore> crls;
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
    std::chrono::seconds cache{300};                ///< A1/A2: no use after that; 0: no cache
    std::chrono::seconds not_registered_cache{60};  ///< at most 60 s is used (`sml.md` 2.5)
    std::size_t cache_entries = 10'000;
    /// Crisis mode, allowed by the federation: how long an answer that was verified before may be used while locator or
    /// SMP are away. It is verified again at each use, with the clock and revocation data of that moment. 0: never.
    std::chrono::seconds crisis{0};
    /// Each use of it, for the audit log. `cause`: why nothing newer was to be had.
    std::function<void(const federation::ParticipantId&, Time verified, const Error& cause)> on_crisis{};
};

/// One step of a look-up, for people.
struct LookupStep {
    std::string name;  ///< "dns-name", "naptr", "smp", "metadata", "endpoint", "certpub"
    std::string detail;
    std::optional<Error> error;
};

/// Safe for several threads. Errors: those of dns::Resolver and `find_smp` ("dns.failed" later, "smp.not_registered",
/// "smp.no_service", "bdxl.…"), "smp.unreachable" (later), "smp.no_group", "smp.no_document" (the participant does not
/// take this document), "smp.http" (unexpected status; 429 and 5xx later), "http.redirect" as "smp.redirect", and those
/// of Verdict::error.
class Directory {
public:
    Directory(DirectoryConfig config, const dns::Resolver& resolver, net::Client& client, const Clock& clock);
    ~Directory();
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    /// FED-11: for the encryption certificate ask for the receiver with the document to be sent; for the signing
    /// certificate of an incoming message ask for its sender with the receipt document. `steps` gets the trace; with it
    /// the cache is not consulted (but filled).
    [[nodiscard]] Result<Metadata> lookup(const federation::ParticipantId& participant, const std::string& document,
                                          std::vector<LookupStep>* steps = nullptr);
    /// Forgets everything (a certificate was revoked, an operator wants fresh data).
    void forget();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::smp
