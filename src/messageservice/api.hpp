#pragma once
/// The service's own API for message clients. Every route names the participant and is denied unless the client
/// certificate may act for it; the answer is the same whether the participant exists or not (SEC-31, API-06).
///
///     POST /m/v1/participants/{id}/messages                      messagePayload → 202, or 400 with findings
///     GET  /m/v1/participants/{id}/messages?direction=in|out&function=…
///     GET  /m/v1/participants/{id}/messages/{messageId}          status, result, events; ?direction= when both exist
///     GET  …/{messageId}/content | /receipt | /envelope | /trace
///     GET  /health

#include "messageservice/context.hpp"
#include "net/http.hpp"

namespace budkavle::messageservice {

class Api {
public:
    explicit Api(Context& context) : context_(context) {}
    [[nodiscard]] net::Router router();

private:
    /// What a request is about: an outgoing or an incoming message of the tenant. `visible`: a client may read its
    /// content.
    struct Found {
        std::optional<Outgoing> out;
        std::optional<Incoming> in;
    };
    [[nodiscard]] const Tenant* authorise(const net::Request& request, const std::string& participant) const;
    [[nodiscard]] net::Response send(net::Request& request, const Tenant& tenant);
    [[nodiscard]] net::Response list(const net::Request& request, const Tenant& tenant) const;
    [[nodiscard]] net::Response show(const net::Request& request, const Tenant& tenant,
                                     const std::string& message_id) const;
    [[nodiscard]] net::Response content(const net::Request& request, const Tenant& tenant,
                                        const std::string& message_id) const;
    [[nodiscard]] net::Response receipt(const net::Request& request, const Tenant& tenant,
                                        const std::string& message_id) const;
    [[nodiscard]] net::Response envelope(const net::Request& request, const Tenant& tenant,
                                         const std::string& message_id) const;
    [[nodiscard]] net::Response trace(const net::Request& request, const Tenant& tenant,
                                      const std::string& message_id) const;
    /// Error "mt.unknown".
    [[nodiscard]] Result<Found> find(const net::Request& request, const Tenant& tenant,
                                     const std::string& message_id) const;
    [[nodiscard]] net::Response blob(const Tenant& tenant, const std::optional<std::string>& id) const;
    [[nodiscard]] net::Response answer_for(const Error& error) const;
    Context& context_;
};

}  // namespace budkavle::messageservice
