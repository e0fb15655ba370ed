#pragma once
/// The public side of the SMP (FED-01, FED-03; `smp.md` 1.1, 1.2): serves what the register has signed, from memory,
/// over https.

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "net/http.hpp"
#include "obs/log.hpp"
#include "smpserver/locator.hpp"
#include "smpserver/locator_port.hpp"
#include "smpserver/rate_limit.hpp"
#include "store/location.hpp"

namespace budkavle::smpserver {

struct SmpServerConfig {
    store::Location database;  ///< of the register; other processes write it
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;                 ///< 0: a free one
    std::filesystem::path tls_key;          ///< PEM
    std::filesystem::path tls_certificate;  ///< PEM, chain
    std::vector<std::string> hosts;         ///< names that a request may be for; others get 421
    std::chrono::seconds max_age{60};       ///< Cache-Control, value of the federation
    std::chrono::milliseconds poll{500};    ///< how often the register is asked for a new version; news come sooner
    std::optional<LocatorConfig> locator;   ///< zone to keep in step with the queue of the register
    std::shared_ptr<LocatorPort> locator_port{};  ///< the locator of the federation instead of a zone of our own
    /// Kept up to date beside the node, to start from when the database is away; empty: none.
    std::filesystem::path snapshot{};
    std::chrono::seconds snapshot_max_age{std::chrono::hours(72)};  ///< an older one is not served
    std::chrono::seconds snapshot_interval{60};                     ///< between two writings
    RateLimit rate{};
    net::ServerLimits limits{.connections = 1024,
                             .header_bytes = 16 * 1024,
                             .body_bytes = 64 * 1024,
                             .head_timeout = std::chrono::seconds(10),
                             .idle_timeout = std::chrono::seconds(30),
                             .stall_timeout = std::chrono::seconds(10),
                             .body_timeout = std::chrono::seconds(30)};
};

/// Answers 503 until it has something to serve. Once it has, it answers whatever becomes of the database.
class SmpServer {
public:
    static Result<std::unique_ptr<SmpServer>> start(const SmpServerConfig& config, obs::Log& log, const Clock& clock);
    ~SmpServer();  ///< stops
    SmpServer(const SmpServer&) = delete;
    SmpServer& operator=(const SmpServer&) = delete;
    [[nodiscard]] std::uint16_t port() const;
    void stop();
    /// The version of the register that is being served; -1 before there is any.
    [[nodiscard]] std::int64_t version() const;

private:
    struct State;
    explicit SmpServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::smpserver
