#include "admin/server.hpp"

#include "admin/routes.hpp"
#include "admin/tables.hpp"

namespace budkavle::admin {

struct AdminServer::State {
    std::unique_ptr<store::Database> database;
    std::shared_ptr<Desk> desk;
    std::unique_ptr<Api> api;
    std::unique_ptr<net::Server> listener;
    std::unique_ptr<net::Server> for_tokens;
};

AdminServer::AdminServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
AdminServer::~AdminServer() {
    stop();
}
std::uint16_t AdminServer::port() const {
    return state_->listener->port();
}
std::uint16_t AdminServer::token_port() const {
    return state_->for_tokens ? state_->for_tokens->port() : 0;
}
void AdminServer::stop() {
    if (state_->listener) state_->listener->stop();
    if (state_->for_tokens) state_->for_tokens->stop();
}

Result<std::unique_ptr<AdminServer>> AdminServer::start(AdminServerConfig config, const ApiOptions& options,
                                                        const Services& services, obs::Log& log, const Clock& clock) {
    if (!config.tls.client_trust)
        return fail("admin.tls", "SEC-51", "client_trust",
                    "Without client certificates nobody can be told from another.", {});
    if (config.token_port && (!options.tokens || options.tokens->sender_constrained))
        return fail("admin.tokens", "SEC-52", "token_port",
                    "A listener without client certificates cannot take tokens that are bound to one.",
                    "Leave it out, or say that tokens are not sender-constrained.");
    auto state = std::make_unique<State>();
    state->desk = services.desk;
    BUDKAVLE_TRY(state->database, store::Database::open_at(config.database, tables()));
    BUDKAVLE_TRY(state->api, Api::make(options, all_routes(services), *state->database, log, clock));
    state->desk->api = state->api.get();
    const auto handler = [api = state->api.get()](net::Request& request) { return api->handle(request); };
    const auto refused = [&log](const std::string& peer, const Error& error) {
        log.audit("anonymous", "admin.handshake_refused", {{"peer", peer}, {"code", error.code}, {"rule", "SEC-10"}});
    };
    BUDKAVLE_TRY(state->listener,
                 net::Server::start(config.address, config.port, config.tls, config.limits, handler, refused));
    if (config.token_port) {
        auto tls = config.tls;
        tls.client_trust.reset();
        BUDKAVLE_TRY(state->for_tokens,
                     net::Server::start(config.address, *config.token_port, tls, config.limits, handler, refused));
    }
    return std::unique_ptr<AdminServer>(new AdminServer(std::move(state)));
}

}  // namespace budkavle::admin
