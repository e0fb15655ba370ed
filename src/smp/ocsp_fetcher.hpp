#pragma once
/// Keeps OCSP answers at hand (AP-18): asks the responder that a certificate or the configuration names, renews before
/// an answer ends, keeps the old one while the responder is down, and survives a restart.

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/trust.hpp"
#include "net/http.hpp"
#include "smp/revocation_event.hpp"

namespace budkavle::smp {

struct OcspFetcherConfig {
    /// SHA-256 (hex) of an issuer's certificate → responder for what it issued; goes before the one a certificate names.
    std::map<std::string, std::string> responders;
    std::filesystem::path folder;            ///< last good answers; none are kept on disk when empty
    std::chrono::seconds max_interval{3600};  ///< ask at least this often
    std::chrono::seconds min_interval{60};    ///< and never more often than this
    std::chrono::seconds retry_first{1};      ///< after a failure: this, doubling up to `min_interval`
    std::chrono::milliseconds patience{2500};  ///< how long a check waits for the first answer about a certificate
    std::size_t most = 10'000;                ///< certificates asked about; the longest unused is dropped
    bool get = false;                         ///< GET where the question is short enough (RFC 5019), else POST
};

/// Safe for several threads. Every responder has a thread of its own, so that one that hangs delays no other.
class OcspFetcher {
public:
    /// `client` allows plain HTTP and has short time-outs.
    OcspFetcher(OcspFetcherConfig config, std::shared_ptr<crypto::CrlStore> store, std::shared_ptr<net::Client> client,
                const Clock& clock, OnRevocationEvent on_event = {});
    ~OcspFetcher();  ///< stops
    OcspFetcher(const OcspFetcher&) = delete;
    OcspFetcher& operator=(const OcspFetcher&) = delete;

    /// From now on there is an answer about this certificate, if a responder is named. `issuer` must be trusted by the
    /// caller: only its certificates are asked about.
    void watch(const crypto::Certificate& certificate, const crypto::Certificate& issuer);
    /// The same, and waits up to `patience` when nothing is known yet about the certificate and its responder has not
    /// failed lately. Without a responder it returns at once.
    void gather(const crypto::Certificate& certificate, const crypto::Certificate& issuer);
    void stop();

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace budkavle::smp
