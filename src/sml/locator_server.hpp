#pragma once
/// The locator as a running service: SOAP over mutual TLS, one worker per zone, and what has to happen in between
/// (prepared certificates, reminders, trust in pinned certificates).

#include <memory>
#include <string>
#include <vector>

#include "net/http.hpp"
#include "sml/outbox.hpp"

namespace budkavle::sml {

struct LocatorServerConfig {
    store::Location database;
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0: a free one
    std::string base = "/edelivery-sml";
    crypto::Identity identity{};
    std::vector<crypto::Certificate> client_anchors{};  ///< CAs of accounts; pinned certificates come from the register
    std::shared_ptr<const crypto::CrlStore> crls{};
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
    std::vector<OutboxConfig> zones{};
    net::ServerLimits limits{.connections = 256, .header_bytes = 16 * 1024, .body_bytes = 512 * 1024};
    std::chrono::milliseconds pin_interval{5000};  ///< how soon a new account can connect
    std::chrono::hours remind_before{24 * 30};     ///< the end of an account's certificate is told daily from then on
};

class LocatorServer {
public:
    static Result<std::unique_ptr<LocatorServer>> start(const LocatorServerConfig& config, obs::Log& log,
                                                        const Clock& clock);
    ~LocatorServer();
    LocatorServer(const LocatorServer&) = delete;
    LocatorServer& operator=(const LocatorServer&) = delete;
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] Register& reg();
    void stop();

private:
    struct State;
    explicit LocatorServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::sml
