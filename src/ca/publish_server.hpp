#pragma once
/// Serves the revocation lists and OCSP answers to everybody over plain HTTP (they are signed) and renews them in the
/// background (`pki.md` 5.3, 5.4).

#include <chrono>
#include <memory>
#include <string>

#include "ca/authority.hpp"
#include "ca/cmp_server.hpp"
#include "ca/ocsp_responder.hpp"
#include "net/http.hpp"
#include "obs/log.hpp"

namespace budkavle::ca {

struct PublishServerConfig {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;                            ///< 0: a free one
    std::chrono::milliseconds check_interval{60'000};  ///< how often it looks for lists that are due
    std::chrono::seconds max_age{3600};                ///< upper bound for Cache-Control
    std::size_t connections = 256;
    std::optional<OcspConfig> ocsp{};  ///< absent: lists only
    std::optional<CmpConfig> cmp{};    ///< POST /cmp/ID: renewal by machines
};

/// GET and HEAD /crl/ID.crl; 404 and 405 otherwise. ETag and If-None-Match, Last-Modified, Expires,
/// Cache-Control: max-age below the time to nextUpdate. With OCSP: /ocsp and below it, see `OcspResponder::serve`; what
/// this process revokes is answered at once, what others revoke within a quarter of a second.
class PublishServer {
public:
    /// Publishes what is due before it listens. `authority`, `log` and `clock` outlive it.
    static Result<std::unique_ptr<PublishServer>> start(const PublishServerConfig& config, Authority& authority,
                                                        obs::Log& log, const Clock& clock);
    PublishServer(const PublishServer&) = delete;
    PublishServer& operator=(const PublishServer&) = delete;
    ~PublishServer();
    [[nodiscard]] std::uint16_t port() const;
    void stop();

private:
    struct State;
    explicit PublishServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// The answer to one request; what the server above does, without a socket.
[[nodiscard]] net::Response answer_crl(const std::filesystem::path& folder, net::Request& request, Time now,
                                       std::chrono::seconds max_age);

}  // namespace budkavle::ca
