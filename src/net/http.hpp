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
    std::string target;  ///< as received, origin form
    std::string path;    ///< target up to '?', still percent-encoded
    std::string query;   ///< after '?', still encoded
    Headers headers;
    Source* body = nullptr;  ///< never null in a handler
    std::optional<std::uint64_t> content_length;
    std::string peer_address;                             ///< "127.0.0.1:4711"
    std::optional<crypto::Certificate> peer_certificate;  ///< of a verified TLS client
    /// First query parameter of that name, percent-decoded once ('+' is itself); absent when missing or malformed.
    [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

struct Response {
    int status = 200;
    Headers headers;
    std::string body;                ///< used when `stream` is empty
    std::unique_ptr<Source> stream;  ///< sent chunked, or with `stream_length`
    std::optional<std::uint64_t> stream_length;
};

[[nodiscard]] Response json_response(int status, std::string body);
/// RFC 7807 `application/problem+json`: type, title, status, detail, and the fields of the error (code, rule, place,
/// remedy).
[[nodiscard]] Response problem(int status, const Error& error);

/// TLS of a server (AP-10, AP-12): 1.2 or 1.3, forward-secret AEAD suites, no renegotiation, no compression.
/// Client certificates are demanded when `client_trust` is set, and checked against it with revocation at every
/// connection (no resumption then: a resumed session would skip the check).
struct TlsServer {
    crypto::Identity identity;
    std::shared_ptr<const crypto::TrustStore> client_trust;  ///< nullptr: one-way TLS
    std::shared_ptr<const crypto::CrlStore> crls;
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
};

struct ServerLimits {
    std::size_t connections = 256;  ///< further ones get 503 with Retry-After, far too many are closed
    std::size_t header_bytes = 32 * 1024;
    std::uint64_t body_bytes = 256ULL << 20;   ///< 413 beyond
    std::chrono::seconds head_timeout{20};     ///< whole request head, TLS handshake included
    std::chrono::seconds idle_timeout{75};     ///< between requests on a kept-alive connection
    std::chrono::seconds stall_timeout{30};    ///< no octet of a body in or out
    std::chrono::seconds body_timeout{600};    ///< a whole body
    std::chrono::seconds connection_age{900};  ///< older ones are closed after an answer: certificates are checked anew
};

/// Runs in the thread of its connection. An exception becomes 500 without detail. What it leaves of the body is
/// skipped. When the body could not be read to where the handler wanted (cut off, too long, too slow), the answer says
/// so whatever the handler returns, and the connection ends.
using Handler = std::function<Response(Request&)>;

/// A listening server: one acceptor thread, one thread per connection up to the limit. Ends in `stop` or the
/// destructor.
///
/// Refuses with 400 what readers of HTTP/1.1 differ about (request smuggling): folded lines, bare LF, several Host or
/// Content-Length, Content-Length with Transfer-Encoding, any transfer coding but one `chunked`, targets not in origin
/// form. Further: 408 (too slow), 413, 417, 431, 503, 505.
class Server {
public:
    /// Starts listening on `address` ("127.0.0.1", "::1") and `port` (0: free one). Plain HTTP when `tls` is empty.
    /// `on_tls_refused` gets the reason of every failed handshake (for the log).
    /// Errors: "http.listen", "tls.identity".
    static Result<std::unique_ptr<Server>> start(
        const std::string& address, std::uint16_t port, std::optional<TlsServer> tls, ServerLimits limits,
        Handler handler, std::function<void(const std::string& peer, const Error&)> on_tls_refused = {});
    Server() = default;
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    virtual ~Server() = default;
    [[nodiscard]] virtual std::uint16_t port() const = 0;
    /// New handshakes use this certificate, key and trust from now on; connections that stand keep what they have, up
    /// to `ServerLimits::connection_age`. A server that was started plain stays plain. Error "tls.identity": nothing
    /// has changed.
    virtual Result<> set_tls(const TlsServer& tls) = 0;
    /// No new requests; running ones have 10 s to use their connection, then it is cut. Returns when every handler
    /// returned.
    virtual void stop() = 0;
};

/// Permitted addresses of an environment, as CIDR ranges (data of the environment; no switch turns the guard off).
class AddressGuard {
public:
    AddressGuard() = default;  ///< permits nothing
    /// "10.0.0.0/8", "::1/128", "192.0.2.7" (one address). Error "net.range", also for a base with bits behind the
    /// prefix.
    static Result<AddressGuard> from_ranges(const std::vector<std::string>& cidrs);
    /// False for what is no address. An IPv4-mapped IPv6 address counts as the IPv4 address.
    [[nodiscard]] bool permits(const std::string& ip) const;

private:
    struct Range {
        std::vector<std::uint8_t> base;
        unsigned bits;
    };
    std::vector<Range> ranges_;
};

struct PortRange {
    std::uint16_t first = 443;
    std::uint16_t last = 443;
    /// "443", "8443-8450". Error "net.range".
    static Result<PortRange> parse(std::string_view text);
};

/// Name → addresses; the answer is used once and the connection goes to exactly that address.
using Resolve = std::function<Result<std::vector<std::string>>(const std::string& host)>;

struct TlsClient {
    std::shared_ptr<const crypto::TrustStore> server_trust;  ///< must be set for https
    std::shared_ptr<const crypto::CrlStore> crls;
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
    std::optional<crypto::Identity> identity;  ///< client certificate
};

struct ClientOptions {
    TlsClient tls;
    Resolve resolve;  ///< required; see dns::Resolver
    AddressGuard guard;
    std::vector<PortRange> ports;  ///< that may be connected to; none named: every port
    std::chrono::seconds connect_timeout{10};
    std::chrono::seconds stall_timeout{60};
    std::chrono::seconds total_timeout{600};
    bool allow_plain_http = false;  ///< only for CRL downloads (signed content)
};

struct ClientRequest {
    std::string method = "GET";
    std::string url;
    Headers headers;
    Source* body = nullptr;
    std::uint64_t body_length = 0;  ///< exact; sent as Content-Length
    std::uint64_t max_response = 1 << 20;
};
struct ClientResponse {
    int status = 0;
    Headers headers;
    Bytes body;  ///< empty when a sink was given
    std::optional<crypto::Certificate> peer_certificate;
};

/// HTTP/1.1 client with a pool of kept-alive connections. No redirects, no proxies, no cookies; host name always
/// checked; connects only to addresses that `resolve` gave and `guard` permits. Safe for several threads.
class Client {
public:
    static std::unique_ptr<Client> create(ClientOptions options);
    Client() = default;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    virtual ~Client() = default;
    /// Any status is a success here. `into` gets the octets of the answer (whatever the status); finishing it is the
    /// caller's. Errors:
    /// * "http.url" (scheme, user name, malformed), "http.address_refused", "http.port_refused", those of `resolve` ("dns.…"), of body and
    /// sink
    /// * "http.connect" (later): not connected, or the connection ended before an answer came. A body that was begun is
    /// never
    ///   sent again by itself: whether the peer acted on it is not known
    /// * "http.timeout" (later), "http.protocol" (later), "http.too_long", "http.body_length"
    /// * "tls.untrusted", "tls.expired", "tls.not_yet_valid", "tls.revoked", "tls.revocation_unavailable" (later),
    /// "tls.weak_key",
    ///   "tls.usage", "tls.chain", "tls.host_name", "tls.identity", "tls.handshake" (later; also: the peer refused our
    ///   certificate)
    virtual Result<ClientResponse> send(const ClientRequest& request, Sink* into = nullptr) = 0;
};

/// Routes by method and path pattern: "/c/v1/participants/{id}/inbox". Parameters are percent-decoded once, after
/// splitting on '/'. A GET route answers HEAD too. The first route added wins.
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
