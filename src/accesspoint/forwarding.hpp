#pragma once
/// TLS that is terminated in front of the access point (AP-13): a proxy verifies the peers' client certificates and
/// hands each on in a header, over a TLS connection of its own that it opens with a certificate named in the
/// configuration. What it hands on is judged here again, by the same trust and revocation as a handshake on interface
/// A: the proxy is believed about who holds the key, about nothing else.

#include <string>

#include "accesspoint/config.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

class Forwarding {
public:
    Forwarding(const InterfaceA& a, const crypto::CrlStore& crls) : a_(a), crls_(crls) {}

    /// What the TLS connections of interface A are judged by: peers by their CA and the proxy by its own certificate.
    [[nodiscard]] std::shared_ptr<const crypto::TrustStore> client_trust() const;

    /// On the proxy's connection: takes the peer's certificate from the header and puts it where that of the connection
    /// stood, so that whoever asks for the peer gets the peer. On any other: the header is dropped unread. Without a
    /// configured proxy nothing happens.
    /// Errors, rule AP-13: "tls.no_certificate" (no header, two, none in it), and what a handshake says of a
    /// certificate: "tls.untrusted", "tls.expired", "tls.revoked", "tls.revocation_unavailable" (later) …
    [[nodiscard]] Result<> admit(net::Request& request, Time now) const;

private:
    const InterfaceA& a_;
    const crypto::CrlStore& crls_;
};

/// One certificate as a header carries it: RFC 9440 (`:base64 of DER:`), or PEM with percent escapes, as nginx writes
/// it ($ssl_client_escaped_cert). Error "tls.no_certificate".
[[nodiscard]] Result<crypto::Certificate> read_forwarded_certificate(std::string_view value);

}  // namespace budkavle::accesspoint
