#pragma once
/// The SOAP services over mutual TLS (`sml.md` 3): the client certificate is the account.

#include <functional>

#include "net/http.hpp"
#include "sml/sml.hpp"

namespace budkavle::sml {

class SoapServer {
public:
    /// `base`: what stands before the service paths ("/edelivery-sml", or empty). `dns_alive` is asked by IsAlive.
    SoapServer(Register& reg, obs::Log& log, std::string base, std::function<Result<>()> dns_alive = {});
    /// POST only. Every answer of a service is SOAP: 200, or 500 with a fault. Certificate headers that a proxy might
    /// set (`Client-Cert`, `SSLClientCert`, …) are never looked at (SEC: only the TLS peer counts).
    [[nodiscard]] net::Response handle(net::Request& request);

private:
    Register& register_;
    obs::Log& log_;
    std::string base_;
    std::function<Result<>()> dns_alive_;
};

}  // namespace budkavle::sml
