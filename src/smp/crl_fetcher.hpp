#pragma once
/// Keeps revocation lists at hand (AP-15, AP-16, AP-18): fetches them before they end, keeps the old one while it is
/// valid and the source is down, and survives a restart.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/trust.hpp"
#include "net/http.hpp"
#include "smp/revocation_event.hpp"

namespace budkavle::smp {

struct CrlFetcherConfig {
    std::vector<std::string> urls;             ///< lists to keep from the start
    std::vector<crypto::Certificate> issuers;  ///< a list is taken only when one of these signed it
    std::filesystem::path folder;              ///< last good copies
    std::chrono::seconds max_interval{3600};   ///< ask at least this often
    std::chrono::seconds min_interval{60};     ///< and never more often than this
    std::chrono::seconds retry_first{1};       ///< after a failure: this, doubling up to `min_interval`
    std::chrono::milliseconds patience{2500};  ///< how long a check waits for a list that is new here
    std::uint64_t max_bytes = 16ULL << 20;
};

/// Safe for several threads.
class CrlFetcher {
public:
    /// Loads the copies in the folder at once.
    CrlFetcher(CrlFetcherConfig config, std::shared_ptr<crypto::CrlStore> store, net::Client& client,
               const Clock& clock, OnRevocationEvent on_event = {});
    ~CrlFetcher();  ///< stops
    CrlFetcher(const CrlFetcher&) = delete;
    CrlFetcher& operator=(const CrlFetcher&) = delete;

    /// Adds the distribution points of a certificate whose chain is trusted, http(s) only.
    void watch(const crypto::Certificate& certificate);
    /// The same, and waits up to `patience` for lists that are new here and have not been tried yet. Needs `start`.
    void gather(const crypto::Certificate& certificate);
    /// Fetches every list now. First error; the others are fetched all the same. Codes: of net::Client, "crl.http",
    /// "crl.malformed", "crl.untrusted" (not signed by a known issuer), "crl.expired".
    Result<> refresh_now();
    /// Fetches what is due and returns when to call again.
    Time refresh_due();
    /// A thread that calls `refresh_due` in time.
    void start();
    void stop();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::smp
