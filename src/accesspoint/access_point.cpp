#include "accesspoint/access_point.hpp"

#include "accesspoint/evidence_keeper.hpp"
#include "accesspoint/interface_c.hpp"
#include "accesspoint/maintenance.hpp"
#include "accesspoint/operator_interface.hpp"
#include "accesspoint/receiver.hpp"
#include "accesspoint/refusal_record.hpp"
#include "accesspoint/schema.hpp"
#include "accesspoint/sender.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr auto kMaintenanceInterval = std::chrono::hours(1);

class RunningAccessPoint final : public AccessPoint {
public:
    RunningAccessPoint(AccessPointConfig config, Outside outside, obs::Log& log, const Clock& clock)
        : config_(std::move(config)),
          outside_(std::move(outside)),
          log_(log),
          journal_(config_.id, config_.environment.name, config_.environment.federation_ids.front(), log),
          clock_(clock) {}
    ~RunningAccessPoint() override { stop(); }

    Result<> begin(std::unique_ptr<Platform> platform) {
        platform_ = std::move(platform);
        std::error_code code;
        std::filesystem::create_directories(config_.folder / "spool", code);
        if (code) return fail("ap.folder", {}, config_.folder.string(), code.message());
        BUDKAVLE_TRY(const auto key, store::load_or_create_key(config_.key_file));
        // The blobs first: with SQLite their lock keeps a second process away from the database too.
        const auto location = database_location(config_);
        BUDKAVLE_TRY(blobs_, store::BlobStore::open(config_.folder / "blobs", key,
                                                    store::is_shared(location) ? store::Sharing::several_processes
                                                                               : store::Sharing::one_process));
        BUDKAVLE_TRY(database_, store::Database::open_at(location, migrations()));
        workshop_.emplace(config_, *database_, *blobs_, journal_, clock_, *outside_.crls, outside_.lookup);
        figures_.emplace(config_, *database_, *outside_.crls, clock_);
        workshop_->figures = &*figures_;
        refusals_.emplace(*database_, log_, config_.refused_per_hour);
        workshop_->refusals = &*refusals_;
        evidence_.emplace(config_, *database_, *outside_.crls);
        workshop_->evidence = &*evidence_;
        journal_.count_with([this](const TransferEvent& event) { figures_->count(event); });
        BUDKAVLE_CHECK(recover(*workshop_));
        BUDKAVLE_CHECK(forget_old(*workshop_));
        BUDKAVLE_TRY(const auto guard, net::AddressGuard::from_ranges(config_.environment.permitted_addresses));
        client_ = net::Client::create(client_options(guard));
        receiver_.emplace(*workshop_);
        outbox_.emplace(*workshop_);
        inbox_.emplace(*workshop_);
        sender_.emplace(*workshop_, *client_);
        BUDKAVLE_TRY(server_a_, start_interface_a());
        BUDKAVLE_TRY(server_c_, start_interface_c());
        if (config_.o) {
            BUDKAVLE_TRY(server_o_, start_interface_o());
        }
        hear_other_processes();
        sender_->start();
        maintenance_ = std::jthread([this](const std::stop_token&) { maintain(); });
        log_.technical(obs::Level::info, "ap.started",
                       {{"ap", config_.id},
                        {"environment", config_.environment.name},
                        {"portA", std::int64_t{port_a()}},
                        {"portC", std::int64_t{port_c()}}});
        return {};
    }

    [[nodiscard]] std::uint16_t port_a() const override { return server_a_->port(); }
    [[nodiscard]] std::uint16_t port_c() const override { return server_c_->port(); }
    [[nodiscard]] std::uint16_t port_o() const override { return server_o_ ? server_o_->port() : std::uint16_t{0}; }

    void stop() override {
        if (!workshop_) return;
        database_->listen({});
        workshop_->arrivals.retire();
        workshop_->departures.retire();
        if (server_a_) server_a_->stop();
        if (server_c_) server_c_->stop();
        if (server_o_) server_o_->stop();
        if (sender_) sender_->stop();
        if (maintenance_.joinable()) maintenance_.join();
    }

private:
    net::ClientOptions client_options(const net::AddressGuard& guard) const {
        net::ClientOptions options;
        options.tls = {.server_trust = config_.a.server_trust, .crls = outside_.crls, .identity = config_.a.identity};
        options.resolve = outside_.resolve;
        options.guard = guard;
        options.total_timeout = config_.answer_timeout;
        return options;
    }

    /// What one process stores, the others hand over and send.
    void hear_other_processes() {
        if (!database_->shared()) return;
        workshop_->arrivals.connect([this] { database_->announce("arrivals"); });
        workshop_->departures.connect([this] { database_->announce("departures"); });
        database_->listen([this](std::string_view topic) {
            if (topic != "departures") workshop_->arrivals.ring_here();
            if (topic != "arrivals") workshop_->departures.ring_here();
        });
    }

    /// Refused handshakes are attempts at access (SEC-10).
    auto on_refused(const char* interface) {
        return [this, interface](const std::string& peer, const Error& error) {
            figures_->handshake_refused(interface, error.code);
            refusals_->note(refusal_record(interface, peer, error, clock_.now()));
            log_.audit("anonymous", "tls.refused",
                       {{"interface", interface}, {"peer", peer}, {"code", error.code}, {"text", error.text}});
        };
    }

    Result<std::unique_ptr<net::Server>> start_interface_a() {
        router_a_.add("POST", config_.a.path, [this](net::Request& request, const net::Router::Parameters&) {
            const auto begun = std::chrono::steady_clock::now();
            auto response = receiver_->receive(request);
            figures_->exchange("in", std::chrono::steady_clock::now() - begun);
            return response;
        });
        router_a_.add("GET", "/health", [](net::Request&, const net::Router::Parameters&) {
            return net::json_response(200, R"({"status":"ok"})");
        });
        auto limits = config_.limits;
        limits.body_bytes = std::max(limits.body_bytes, config_.max_message / 3 * 4 + (std::uint64_t{4} << 20));
        return net::Server::start(
            config_.a.address, config_.a.port,
            net::TlsServer{
                .identity = config_.a.identity, .client_trust = config_.a.client_trust, .crls = outside_.crls},
            limits, [this](net::Request& request) { return router_a_.dispatch(request); }, on_refused("a"));
    }

    Result<std::unique_ptr<net::Server>> start_interface_c() {
        router_c_ = interface_c(*workshop_, *outbox_, *inbox_);
        auto limits = config_.limits;
        limits.body_bytes = std::max(limits.body_bytes, config_.max_message + 1);
        return net::Server::start(
            config_.c.address, config_.c.port,
            net::TlsServer{.identity = config_.c.identity,
                           .client_trust = config_.c.client_trust,
                           .crls = outside_.crls,
                           .revocation = config_.c.revocation},
            limits, [this](net::Request& request) { return router_c_.dispatch(request); }, on_refused("c"));
    }

    Result<std::unique_ptr<net::Server>> start_interface_o() {
        router_o_ = interface_o({.workshop = *workshop_, .figures = *figures_, .resolve = outside_.resolve});
        // Operators must get in when revocation data is what is missing: certificates are listed one by one, and a
        // list that is at hand still counts.
        return net::Server::start(
            config_.o->address, config_.o->port,
            net::TlsServer{.identity = config_.o->identity,
                           .client_trust = config_.o->client_trust,
                           .crls = outside_.crls,
                           .revocation = crypto::RevocationPolicy::when_present},
            net::ServerLimits{.connections = 32, .body_bytes = std::uint64_t{1} << 20},
            [this](net::Request& request) { return router_o_.dispatch(request); }, on_refused("o"));
    }

    /// AP-19, SEC-120.
    void warn_of_expiry() const {
        const auto look = [&](const char* use, const crypto::Certificate& certificate) {
            const auto days =
                std::chrono::duration_cast<std::chrono::days>(certificate.not_after() - clock_.now()).count();
            if (days > 90) return;
            log_.technical(
                days > 30 ? obs::Level::warning : obs::Level::error, "certificate.expires",
                {{"use", use}, {"days", std::int64_t{days}}, {"certificateSha256", certificate.sha256_hex()}});
        };
        look("as4", config_.as4.certificate());
        look("interface_a", config_.a.identity.certificate());
        look("interface_c", config_.c.identity.certificate());
        if (config_.o) look("interface_o", config_.o->identity.certificate());
    }

    void maintain() {
        warn_of_expiry();
        while (!workshop_->arrivals.retired()) {
            // Nothing rings this often: the wait is only ended early by `stop`.
            const auto until = std::chrono::steady_clock::now() + kMaintenanceInterval;
            while (!workshop_->arrivals.retired() && std::chrono::steady_clock::now() < until) {
                (void)workshop_->arrivals.wait(workshop_->arrivals.rings(), std::chrono::minutes(5));
            }
            if (workshop_->arrivals.retired()) return;
            warn_of_expiry();
            auto done = forget_old(*workshop_);
            // Alone, this was done at the start; beside others it takes two looks.
            if (done && database_->shared()) done = sweep_blobs(*workshop_);
            if (!done)
                log_.technical(obs::Level::error, "ap.maintenance", obs::error_fields(done.error()));
        }
    }

    const AccessPointConfig config_;
    Outside outside_;
    obs::Log& log_;
    Journal journal_;
    const Clock& clock_;
    std::unique_ptr<Platform> platform_;
    std::unique_ptr<store::BlobStore> blobs_;
    std::unique_ptr<store::Database> database_;
    std::optional<Workshop> workshop_;
    std::optional<Figures> figures_;
    std::optional<Refusals> refusals_;
    std::optional<EvidenceKeeper> evidence_;
    std::unique_ptr<net::Client> client_;
    std::optional<Receiver> receiver_;
    std::optional<Outbox> outbox_;
    std::optional<Inbox> inbox_;
    std::optional<Sender> sender_;
    net::Router router_a_;
    net::Router router_c_;
    net::Router router_o_;
    std::unique_ptr<net::Server> server_a_;
    std::unique_ptr<net::Server> server_c_;
    std::unique_ptr<net::Server> server_o_;
    std::jthread maintenance_;
};

Result<std::unique_ptr<AccessPoint>> launch(AccessPointConfig config, Outside outside,
                                            std::unique_ptr<Platform> platform, obs::Log& log, const Clock& clock) {
    auto point = std::make_unique<RunningAccessPoint>(std::move(config), std::move(outside), log, clock);
    BUDKAVLE_CHECK(point->begin(std::move(platform)));
    return point;
}

}  // namespace

Result<std::unique_ptr<AccessPoint>> AccessPoint::start(AccessPointConfig config, obs::Log& log, const Clock& clock) {
    BUDKAVLE_CHECK(check(config, clock.now()));
    BUDKAVLE_TRY(auto platform, Platform::start(config, log, clock));
    auto outside = platform->outside();
    return launch(std::move(config), std::move(outside), std::move(platform), log, clock);
}

Result<std::unique_ptr<AccessPoint>> AccessPoint::start(AccessPointConfig config, Outside outside, obs::Log& log,
                                                        const Clock& clock) {
    BUDKAVLE_CHECK(check(config, clock.now()));
    return launch(std::move(config), std::move(outside), nullptr, log, clock);
}

}  // namespace budkavle::accesspoint
