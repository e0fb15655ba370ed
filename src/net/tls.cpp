#include "net/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <time.h>

namespace budkavle::net {
namespace {

constexpr const char* kSuites12 = "ECDHE+AESGCM:ECDHE+CHACHA20";

int ssl_log_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}
int context_log_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

HandshakeLog* log_of(const SSL* ssl) {
    if (void* own = SSL_get_ex_data(ssl, ssl_log_index())) return static_cast<HandshakeLog*>(own);
    return static_cast<HandshakeLog*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_log_index()));
}

Result<crypto::Certificate> to_certificate(const X509* x509) {
    unsigned char* der = nullptr;
    const int length = i2d_X509(x509, &der);
    if (length < 0) return fail("certificate.malformed", "The certificate cannot be encoded.");
    auto certificate = crypto::Certificate::from_der(ByteView(der, static_cast<std::size_t>(length)));
    OPENSSL_free(der);
    return certificate;
}

Result<> judge(X509_STORE_CTX* store, const PeerCheck& check) {
    BUDKAVLE_TRY(const auto leaf, to_certificate(X509_STORE_CTX_get0_cert(store)));
    std::vector<crypto::Certificate> extra;
    const auto* untrusted = X509_STORE_CTX_get0_untrusted(store);
    for (int i = 0; i < sk_X509_num(untrusted); ++i) {
        BUDKAVLE_TRY(auto certificate, to_certificate(sk_X509_value(untrusted, i)));
        extra.push_back(std::move(certificate));
    }
    crypto::TrustPolicy policy;
    policy.at = system_clock().now();
    policy.revocation = check.revocation;
    static const crypto::CrlStore kNone;
    return check.trust->check(leaf, extra, check.crls ? *check.crls : kNone, policy);
}

/// The alert that the peer gets follows from this code.
int verify_code(const std::string& tls_code) {
    if (tls_code == "tls.expired") return X509_V_ERR_CERT_HAS_EXPIRED;
    if (tls_code == "tls.revoked") return X509_V_ERR_CERT_REVOKED;
    if (tls_code == "tls.untrusted") return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    return X509_V_ERR_CERT_REJECTED;
}

int verify_peer(X509_STORE_CTX* store, void* check) {
    const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto verdict = judge(store, *static_cast<const PeerCheck*>(check));
    if (verdict) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    auto error = std::move(verdict).error();
    constexpr std::string_view kTrust = "trust.";
    error.code =
        "tls." + (error.code.starts_with(kTrust) ? error.code.substr(kTrust.size()) : std::string("untrusted"));
    X509_STORE_CTX_set_error(store, verify_code(error.code));
    if (auto* log = log_of(ssl)) log->refusal = std::move(error);
    return 0;
}

void watch_alerts(const SSL* ssl, int where, int value) {
    // OpenSSL answers a ClientHello on a standing connection with this warning and goes on; we end the connection.
    if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && (value & 0xff) == SSL_AD_NO_RENEGOTIATION) {
        if (auto* log = log_of(ssl)) log->renegotiation = true;
    }
    if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT || (value >> 8) != SSL3_AL_FATAL) return;
    if (auto* log = log_of(ssl)) log->alert = SSL_alert_desc_string_long(value);
}

}  // namespace

void SslContextDeleter::operator()(ssl_ctx_st* context) const {
    SSL_CTX_free(context);
}
void SslDeleter::operator()(ssl_st* ssl) const {
    SSL_free(ssl);
}

void harden(ssl_ctx_st* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, kSuites12);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_info_callback(context, watch_alerts);
}

Result<> install_identity(ssl_ctx_st* context, const crypto::Identity& identity) {
    const auto bad = [] {
        ERR_clear_error();
        return fail("tls.identity", "The private key and certificate cannot be used for TLS.");
    };
    if (!identity.key || identity.chain.empty() || identity.key->raw() == nullptr) return bad();
    if (SSL_CTX_use_certificate(context, identity.certificate().raw()) != 1) return bad();
    if (SSL_CTX_use_PrivateKey(context, identity.key->raw()) != 1) return bad();
    for (std::size_t i = 1; i < identity.chain.size(); ++i)
        if (SSL_CTX_add1_chain_cert(context, identity.chain[i].raw()) != 1) return bad();
    return {};
}

void install_peer_check(ssl_ctx_st* context, const PeerCheck& check) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_verify_callback(context, verify_peer, const_cast<PeerCheck*>(&check));
}

void set_log(ssl_ctx_st* context, HandshakeLog* log) {
    SSL_CTX_set_ex_data(context, context_log_index(), log);
}
void set_log(ssl_st* ssl, HandshakeLog* log) {
    SSL_set_ex_data(ssl, ssl_log_index(), log);
}

Result<SslContext> make_server_context(const TlsServer& tls, const PeerCheck& check) {
    SslContext context(SSL_CTX_new(TLS_server_method()));
    if (!context) return fail("tls.identity", "No TLS context could be made.");
    harden(context.get());
    // A read takes what the socket has, not a record head and then its rest; buffers stay with their connection, whose number is bounded.
    SSL_CTX_set_read_ahead(context.get(), 1);
    SSL_CTX_clear_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    BUDKAVLE_CHECK(install_identity(context.get(), tls.identity));
    if (!check.trust) return context;
    install_peer_check(context.get(), check);
    for (const auto& anchor : check.trust->anchors()) SSL_CTX_add_client_CA(context.get(), anchor.raw());
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context.get(), 0);
    return context;
}

std::optional<crypto::Certificate> peer_certificate(const ssl_st* ssl) {
    const X509* x509 = SSL_get0_peer_certificate(ssl);
    if (x509 == nullptr) return std::nullopt;
    auto certificate = to_certificate(x509);
    if (!certificate) return std::nullopt;
    return std::move(*certificate);
}

Error handshake_error(const HandshakeLog& log) {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (log.refusal) return *log.refusal;
    const auto make = [](std::string name, std::string text, std::string remedy = {}) {
        return Error{std::move(name), "AP-12", {}, std::move(text), std::move(remedy), Retry::later};
    };
    if (!log.alert.empty())
        return make("tls.handshake", "The peer ended the handshake with the alert \"" + log.alert + "\".",
                    "Check that the peer trusts our certificate and that it is valid and not revoked.");
    switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0) {
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return {"tls.no_certificate",
                    "AP-10",
                    {},
                    "The client sent no certificate.",
                    "Configure a client certificate there.",
                    Retry::never};
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_WRONG_SSL_VERSION:
            return {"tls.version",
                    "AP-12",
                    {},
                    "The peer offers no TLS version from 1.2 on.",
                    "Enable TLS 1.2 or 1.3 there.",
                    Retry::never};
        case SSL_R_NO_SHARED_CIPHER:
            return {"tls.cipher", "AP-12",     {}, "The peer offers no forward-secret AEAD cipher suite.",
                    {},           Retry::never};
        case SSL_R_HTTP_REQUEST:
        case SSL_R_WRONG_VERSION_NUMBER:
            return {"tls.not_tls", "SEC-41", {}, "The peer does not speak TLS.", {}, Retry::never};
        default:
            return make("tls.handshake", "The TLS handshake was not completed.");
    }
}

Error renegotiation_error() {
    return {"tls.renegotiation",
            "AP-12",
            {},
            "The peer asked for a renegotiation; the connection was ended.",
            "Open a new connection instead.",
            Retry::never};
}

NoSigpipe::NoSigpipe() {
    sigset_t pipe, before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    was_blocked_ = sigismember(&before, SIGPIPE) == 1;
}

NoSigpipe::~NoSigpipe() {
    if (was_blocked_) return;
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    const timespec now{};
    while (sigtimedwait(&pipe, nullptr, &now) == SIGPIPE) {
    }
    pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);
}

}  // namespace budkavle::net
