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

namespace budkavle::smpserver {

struct SmpServerConfig {
    std::filesystem::path database;  ///< of the registry; another process may write it
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;                 ///< 0: a free one
    std::filesystem::path tls_key;          ///< PEM
    std::filesystem::path tls_certificate;  ///< PEM, chain
    std::vector<std::string> hosts;         ///< names that a request may be for; others get 400
    std::chrono::seconds max_age{60};       ///< Cache-Control, value of the federation
    std::chrono::milliseconds poll{1000};   ///< how often the register is asked for a new version
    std::optional<LocatorConfig> locator;   ///< zone to keep in step with the register
    net::ServerLimits limits{.connections = 256, .header_bytes = 16 * 1024, .body_bytes = 64 * 1024};
};

class SmpServer {
public:
    static Result<std::unique_ptr<SmpServer>> start(const SmpServerConfig& config, obs::Log& log, const Clock& clock);
    ~SmpServer();  ///< stops
    SmpServer(const SmpServer&) = delete;
    SmpServer& operator=(const SmpServer&) = delete;
    [[nodiscard]] std::uint16_t port() const;
    void stop();
    /// The version of the register that is being served.
    [[nodiscard]] std::int64_t version() const;

private:
    struct State;
    explicit SmpServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::smpserver
