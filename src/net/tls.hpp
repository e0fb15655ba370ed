#pragma once
/// What servers and the client share of TLS: contexts, and the check of the peer's certificate by our own trust stores.

#include <memory>
#include <optional>

#include "net/http.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace budkavle::net {

struct SslContextDeleter {
    void operator()(ssl_ctx_st* context) const;
};
using SslContext = std::unique_ptr<ssl_ctx_st, SslContextDeleter>;
struct SslDeleter {
    void operator()(ssl_st* ssl) const;
};
using SslHandle = std::unique_ptr<ssl_st, SslDeleter>;

/// How one side judges the certificate of the other.
struct PeerCheck {
    std::shared_ptr<const crypto::TrustStore> trust;
    std::shared_ptr<const crypto::CrlStore> crls;
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
};

/// What happened in the handshakes of one connection or call.
struct HandshakeLog {
    std::optional<Error> refusal;  ///< why we refused the peer's certificate: "tls.expired", …
    std::string alert;             ///< fatal alert that the peer sent
    bool renegotiation = false;    ///< the peer wanted another handshake on a connection that stands
};

/// TLS 1.2 or 1.3, forward-secret AEAD suites only, no renegotiation, no compression (AP-12, SEC-45).
void harden(ssl_ctx_st* context);
/// Error "tls.identity".
Result<> install_identity(ssl_ctx_st* context, const crypto::Identity& identity);
/// From now on `check` decides on the peer's certificate. It must outlive the context's connections.
void install_peer_check(ssl_ctx_st* context, const PeerCheck& check);
/// Where the connections of this context (or this connection) write what happened. Must outlive them.
void set_log(ssl_ctx_st* context, HandshakeLog* log);
void set_log(ssl_st* ssl, HandshakeLog* log);

Result<SslContext> make_server_context(const TlsServer& tls, const PeerCheck& check);
[[nodiscard]] std::optional<crypto::Certificate> peer_certificate(const ssl_st* ssl);
/// Why a handshake failed, by what was logged and OpenSSL's error queue (which is emptied).
[[nodiscard]] Error handshake_error(const HandshakeLog& log);
/// "tls.renegotiation" (AP-12).
[[nodiscard]] Error renegotiation_error();

/// SIGPIPE stays away from this thread: OpenSSL writes to sockets without MSG_NOSIGNAL.
class NoSigpipe {
public:
    NoSigpipe();
    ~NoSigpipe();
    NoSigpipe(const NoSigpipe&) = delete;
    NoSigpipe& operator=(const NoSigpipe&) = delete;

private:
    bool was_blocked_ = false;
};

}  // namespace budkavle::net
