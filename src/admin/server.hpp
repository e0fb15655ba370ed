#pragma once
/// The listeners of the administration (FED-04, SEC-42): addresses of their own, never those of a public service.

#include <filesystem>

#include "base/time.hpp"
#include "net/http.hpp"
#include "obs/log.hpp"
#include "store/location.hpp"

namespace budkavle::admin {

struct Services;
struct ApiOptions;

struct AdminServerConfig {
    store::Location database;
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< mutual TLS; 0: a free one
    net::TlsServer tls;      ///< `client_trust` must be set
    /// A second listener without client certificates, for tokens only. Needs a token policy that is not
    /// sender-constrained.
    std::optional<std::uint16_t> token_port{};
    net::ServerLimits limits{.connections = 128, .header_bytes = 24 * 1024, .body_bytes = std::uint64_t{4} << 20};
};

class AdminServer {
public:
    /// `options` and `services` are taken over. Errors "admin.tls" (no trust for client certificates), "admin.tokens",
    /// those of `Api::make`, database and network.
    static Result<std::unique_ptr<AdminServer>> start(AdminServerConfig config, const ApiOptions& options,
                                                      const Services& services, obs::Log& log, const Clock& clock);
    ~AdminServer();
    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::uint16_t token_port() const;  ///< 0: none
    void stop();

private:
    struct State;
    explicit AdminServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace budkavle::admin
