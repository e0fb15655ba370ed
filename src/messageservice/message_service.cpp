#include "messageservice/message_service.hpp"

#include "messageservice/api.hpp"
#include "messageservice/schema.hpp"
#include "messageservice/workers.hpp"

namespace budkavle::messageservice {
namespace {

class RunningService final : public MessageService {
public:
    RunningService(MessageServiceConfig config, Outside outside, obs::Log& log, const Clock& clock)
        : config_(std::move(config)), outside_(std::move(outside)), log_(log), clock_(clock) {}
    ~RunningService() override { stop(); }

    Result<> begin(std::unique_ptr<smp::Outside> world) {
        world_ = std::move(world);
        std::error_code code;
        std::filesystem::create_directories(config_.data, code);
        if (!code) std::filesystem::create_directories(config_.keys, code);
        if (code) return fail("mt.folder", {}, config_.data.string(), code.message());
        BUDKAVLE_TRY(const auto guard, net::AddressGuard::from_ranges(config_.environment.permitted_addresses));
        client_ = net::Client::create(client_options(guard));
        access_point_.emplace(config_.access_point.url, *client_);
        BUDKAVLE_TRY(database_, store::Database::open(config_.data / "messageservice.db", migrations()));
        context_.emplace(config_, *database_, *access_point_, outside_.lookup, *config_.environment.o2o_trust,
                         *outside_.crls, log_, clock_);
        // The locks of the blob folders keep a second process away; only then leases of the process before are void.
        BUDKAVLE_CHECK(context_->open_tenants());
        BUDKAVLE_CHECK(database_->write([](store::Transaction& tx) { return store::release_leases(tx); }));
        workers_.emplace(*context_);
        context_->wake = [this] { workers_->wake(); };
        api_.emplace(*context_);
        router_ = api_->router();
        BUDKAVLE_TRY(server_, start_server());
        workers_->start();
        log_.technical(obs::Level::info, "mt.started",
                       {{"environment", config_.environment.name}, {"port", std::int64_t{port()}}});
        return {};
    }

    [[nodiscard]] std::uint16_t port() const override { return server_->port(); }

    void stop() override {
        if (server_) server_->stop();
        if (workers_) workers_->stop();
    }

private:
    net::ClientOptions client_options(const net::AddressGuard& guard) const {
        net::ClientOptions options;
        options.tls = {.server_trust = config_.access_point.server_trust,
                       .crls = outside_.crls,
                       .revocation = config_.environment.revocation,
                       .identity = config_.access_point.identity};
        options.resolve = outside_.resolve;
        options.guard = guard;
        return options;
    }

    Result<std::unique_ptr<net::Server>> start_server() {
        const auto& api = config_.api;
        return net::Server::start(
            api.address, api.port,
            net::TlsServer{.identity = api.identity,
                           .client_trust = api.client_trust,
                           .crls = outside_.crls,
                           .revocation = api.revocation},
            api.limits, [this](net::Request& request) { return router_.dispatch(request); },
            [this](const std::string& peer, const Error& error) {
                log_.audit("anonymous", "mt.tls_refused", {{"peer", peer}, {"code", error.code}, {"text", error.text}});
            });
    }

    const MessageServiceConfig config_;
    Outside outside_;
    obs::Log& log_;
    const Clock& clock_;
    std::unique_ptr<smp::Outside> world_;
    std::unique_ptr<net::Client> client_;
    std::optional<ApClient> access_point_;
    std::unique_ptr<store::Database> database_;
    std::optional<Context> context_;
    std::optional<Workers> workers_;
    std::optional<Api> api_;
    net::Router router_;
    std::unique_ptr<net::Server> server_;
};

Result<std::unique_ptr<MessageService>> launch(MessageServiceConfig config, Outside outside,
                                               std::unique_ptr<smp::Outside> world, obs::Log& log, const Clock& clock) {
    auto service = std::make_unique<RunningService>(std::move(config), std::move(outside), log, clock);
    BUDKAVLE_CHECK(service->begin(std::move(world)));
    return service;
}

}  // namespace

Result<std::unique_ptr<MessageService>> MessageService::start(MessageServiceConfig config, obs::Log& log,
                                                              const Clock& clock) {
    BUDKAVLE_CHECK(check(config));
    BUDKAVLE_TRY(auto world, start_outside(config, log, clock));
    auto outside = seen_by_message_service(*world);
    return launch(std::move(config), std::move(outside), std::move(world), log, clock);
}

Result<std::unique_ptr<MessageService>> MessageService::start(MessageServiceConfig config, Outside outside,
                                                              obs::Log& log, const Clock& clock) {
    BUDKAVLE_CHECK(check(config));
    return launch(std::move(config), std::move(outside), nullptr, log, clock);
}

}  // namespace budkavle::messageservice
