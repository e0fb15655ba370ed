#pragma once
/// HTTP/1.1 with TLS: what servers and clients of this project see. Bodies are streams; every wait has a deadline.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/stream.hpp"
#include "base/time.hpp"
#include "crypto/certificate.hpp"
#include "crypto/key.hpp"
#include "crypto/trust.hpp"

namespace budkavle::net {

/// Header fields in order; look-ups ignore case.
class Headers {
public:
    void add(std::string name, std::string value);
    void set(std::string name, std::string value);
    [[nodiscard]] std::optional<std::string> get(std::string_view name) const;  ///< first
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
    std::string method;
    std::string target;                                  ///< as received, origin form
    std::string path;                                    ///< target up to '?', still percent-encoded
    std::string query;                                   ///< after '?', still encoded
    Headers headers;
    Source* body = nullptr;                              ///< never null in a handler
    std::optional<std::uint64_t> content_length;
    std::string peer_address;                            ///< "127.0.0.1:4711"
    std::optional<crypto::Certificate> peer_certificate; ///< of a verified TLS client
    /// Value of a query parameter, decoded.
    [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

struct Response {
    int status = 200;
    Headers headers;
    std::string body;                                     ///< used when `stream` is empty
    std::unique_ptr<Source> stream;                       ///< sent chunked, or with `stream_length`
    std::optional<std::uint64_t> stream_length;
};

/// application/json, or problem+json for errors.
[[nodiscard]] Response json_response(int status, std::string body);
[[nodiscard]] Response problem(int status, const Error& error);

/// TLS of a server. Client certificates are demanded when `client_trust` is set, and checked against it with revocation.
struct TlsServer {
    crypto::Identity identity;
    std::shared_ptr<const crypto::TrustStore> client_trust;   ///< nullptr: one-way TLS
    std::shared_ptr<const crypto::CrlStore> crls;
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
};

struct ServerLimits {
    std::size_t connections = 256;               ///< further ones get 503 with Retry-After
    std::size_t header_bytes = 32 * 1024;
    std::uint64_t body_bytes = 256ULL << 20;     ///< 413 beyond
    std::chrono::seconds head_timeout{20};       ///< whole request head, TLS handshake included
    std::chrono::seconds idle_timeout{75};       ///< between requests on a kept-alive connection
    std::chrono::seconds stall_timeout{30};      ///< no octet of a body in or out
    std::chrono::seconds body_timeout{600};      ///< a whole body
};

using Handler = std::function<Response(Request&)>;

/// A listening server: one acceptor thread, one thread per connection up to the limit. Ends in `stop` or the destructor.
class Server {
public:
    /// Starts listening on `address` ("127.0.0.1", "::1") and `port` (0: free one). Plain HTTP when `tls` is empty.
    /// `on_tls_refused` gets the reason of every failed handshake (for the log).
    static Result<std::unique_ptr<Server>> start(const std::string& address, std::uint16_t port, std::optional<TlsServer> tls,
                                                 ServerLimits limits, Handler handler,
                                                 std::function<void(const std::string& peer, const Error&)> on_tls_refused = {});
    virtual ~Server() = default;
    [[nodiscard]] virtual std::uint16_t port() const = 0;
    virtual void stop() = 0;  ///< no new requests; waits for running ones up to 10 s
};

/// Permitted addresses of an environment, as CIDR ranges (data of the environment; no switch turns the guard off).
class AddressGuard {
public:
    static Result<AddressGuard> from_ranges(const std::vector<std::string>& cidrs);
    [[nodiscard]] bool permits(const std::string& ip) const;

private:
    struct Range {
        std::vector<std::uint8_t> base;
        unsigned bits;
    };
    std::vector<Range> ranges_;
};

/// Name → addresses; the answer is used once and the connection goes to exactly that address.
using Resolve = std::function<Result<std::vector<std::string>>(const std::string& host)>;

struct TlsClient {
    std::shared_ptr<const crypto::TrustStore> server_trust;   ///< must be set for https
    std::shared_ptr<const crypto::CrlStore> crls;
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
    std::optional<crypto::Identity> identity;                 ///< client certificate
};

struct ClientOptions {
    TlsClient tls;
    Resolve resolve;                              ///< required; see dns::Resolver
    AddressGuard guard;
    std::chrono::seconds connect_timeout{10};
    std::chrono::seconds stall_timeout{60};
    std::chrono::seconds total_timeout{600};
    bool allow_plain_http = false;                ///< only for CRL downloads (signed content)
};

struct ClientRequest {
    std::string method = "GET";
    std::string url;
    Headers headers;
    Source* body = nullptr;
    std::uint64_t body_length = 0;
    std::uint64_t max_response = 1 << 20;
};
struct ClientResponse {
    int status = 0;
    Headers headers;
    Bytes body;                                   ///< empty when a sink was given
    std::optional<crypto::Certificate> peer_certificate;
};

/// HTTP client with a pool of kept-alive connections. No redirects, host name always checked. Safe for several threads.
class Client {
public:
    static std::unique_ptr<Client> create(ClientOptions options);
    virtual ~Client() = default;
    /// Errors: "http.url", "http.address_refused", "dns.…", "http.connect" (later), "http.timeout" (later),
    /// "tls.…" ("tls.untrusted", "tls.expired", "tls.revoked", "tls.host_name", "tls.handshake"), "http.too_long", "http.protocol" (later).
    virtual Result<ClientResponse> send(const ClientRequest& request, Sink* into = nullptr) = 0;
};

/// Routes by method and path pattern: "/c/v1/participants/{id}/inbox". Parameters are percent-decoded once, after splitting on '/'.
class Router {
public:
    using Parameters = std::vector<std::string>;
    using RouteHandler = std::function<Response(Request&, const Parameters&)>;
    void add(std::string method, std::string pattern, RouteHandler handler);
    [[nodiscard]] Response dispatch(Request& request) const;  ///< 404, 405 with Allow, 400 on bad escapes

private:
    struct Route {
        std::string method;
        std::vector<std::string> segments;
        RouteHandler handler;
    };
    std::vector<Route> routes_;
};

}  // namespace budkavle::net
