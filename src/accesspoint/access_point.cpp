#include "accesspoint/access_point.hpp"

#include <list>
#include <mutex>

#include "accesspoint/clock_watch.hpp"
#include "accesspoint/generation.hpp"
#include "accesspoint/maintenance.hpp"
#include "accesspoint/refusal_record.hpp"
#include "accesspoint/refusing.hpp"
#include "accesspoint/restoration.hpp"
#include "accesspoint/schema.hpp"
#include "store/small_blob.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr auto kMaintenanceInterval = std::chrono::hours(1);
constexpr auto kClockInterval = std::chrono::seconds(1);

class RunningAccessPoint final : public AccessPoint {
public:
    RunningAccessPoint(obs::Log& log, const Clock& clock) : log_(log), clock_(clock) {}
    ~RunningAccessPoint() override { stop(); }

    Result<> begin(AccessPointConfig config, Outside outside, std::unique_ptr<smp::Outside> world) {
        std::error_code code;
        std::filesystem::create_directories(config.folder / "spool", code);
        if (code) return fail("ap.folder", {}, config.folder.string(), code.message());
        BUDKAVLE_TRY(const auto key, store::load_or_create_key(config.key_file));
        // The blobs first: with SQLite their lock keeps a second process away from the database too.
        const auto location = database_location(config);
        BUDKAVLE_TRY(blobs_, store::BlobStore::open(config.folder / "blobs", key,
                                                    store::is_shared(location) ? store::Sharing::several_processes
                                                                               : store::Sharing::one_process));
        BUDKAVLE_TRY(database_, store::Database::open_at(location, migrations()));
        blobs_ = store::with_small_blobs(*database_, std::move(blobs_), key);
        BUDKAVLE_TRY(auto first, make_generation(std::move(config), std::move(outside), std::move(world)));
        BUDKAVLE_CHECK(claim_storage(first->workshop()));
        BUDKAVLE_CHECK(recover(first->workshop()));
        BUDKAVLE_CHECK(tell_of_held_messages());
        current_ = first;
        BUDKAVLE_TRY(server_a_, start_interface_a(*first));
        BUDKAVLE_TRY(server_c_, start_interface_c(*first));
        if (first->config().o) {
            BUDKAVLE_TRY(server_o_, start_interface_o(*first));
        }
        hear_other_processes();
        first->start_senders();
        maintenance_ = std::jthread([this](const std::stop_token&) { maintain(); });
        log_.technical(obs::Level::info, "ap.started",
                       {{"ap", first->config().id},
                        {"environment", first->config().environment.name},
                        {"portA", std::int64_t{port_a()}},
                        {"portC", std::int64_t{port_c()}}});
        return {};
    }

    [[nodiscard]] std::uint16_t port_a() const override { return server_a_->port(); }
    [[nodiscard]] std::uint16_t port_c() const override { return server_c_->port(); }
    [[nodiscard]] std::uint16_t port_o() const override { return server_o_ ? server_o_->port() : std::uint16_t{0}; }

    Result<> reload(AccessPointConfig config) override {
        const std::lock_guard one_at_a_time(reloading_);
        if (stopped_.retired()) return fail("ap.stopped", "The access point ends.");
        const auto old = current();
        BUDKAVLE_CHECK(check(config, clock_.now()));
        BUDKAVLE_CHECK(check_reload(old->config(), config));
        // A reload that fails gives back what the new world has taken over already.
        struct Undo {
            Generation* old;
            ~Undo() {
                if (old != nullptr) old->attend_revocation();
            }
        } undo{old.get()};
        std::unique_ptr<smp::Outside> world;
        auto outside = old->outside();
        if (const auto data = old->revocation()) {
            BUDKAVLE_TRY(world, start_outside(config, log_, clock_, data));
            outside = seen_by_access_point(*world);
        }
        BUDKAVLE_TRY(auto fresh, make_generation(std::move(config), std::move(outside), std::move(world)));
        // What can fail comes first: until here the old generation serves as if nothing had happened.
        if (const auto taken = take_tls(*fresh); !taken) {
            (void)take_tls(*old);
            return taken;
        }
        {
            const std::lock_guard lock(mutex_);
            current_ = fresh;
        }
        undo.old = nullptr;
        fresh->start_senders();
        retire(old);
        log_.audit("system", "ap.reloaded",
                   {{"ap", fresh->config().id},
                    {"as4Sha256", fresh->config().as4.certificate().sha256_hex()},
                    {"tlsSha256", fresh->config().a.identity.certificate().sha256_hex()},
                    {"participants", static_cast<std::int64_t>(fresh->config().participants.size())}});
        return {};
    }

    void stop() override {
        const std::lock_guard no_reload(reloading_);
        const auto last = current();
        if (!last || stopped_.retired()) return;
        database_->listen({});
        last->retire();
        stopped_.retire();
        {
            // Each gives what runs some time to end; together, so that the whole takes no longer than the longest.
            std::vector<std::jthread> ending;
            for (auto* server : {server_a_.get(), server_c_.get(), server_o_.get()}) {
                if (server != nullptr) ending.emplace_back([server] { server->stop(); });
            }
            last->stop_senders(last->config().stop_grace);
        }
        if (maintenance_.joinable()) maintenance_.join();
        for (const auto& one : retired_) one.generation->cut_senders();
        retired_.clear();
    }

private:
    Result<std::shared_ptr<Generation>> make_generation(AccessPointConfig config, Outside outside,
                                                        std::unique_ptr<smp::Outside> world) {
        auto made =
            std::make_shared<Generation>(std::move(config), std::move(outside), std::move(world), *database_, *blobs_,
                                         log_, clock_, [this](std::string_view topic) { rung(topic); });
        BUDKAVLE_CHECK(made->open());
        return made;
    }

    Result<> take_tls(const Generation& generation) {
        BUDKAVLE_CHECK(server_a_->set_tls(generation.tls_a()));
        BUDKAVLE_CHECK(server_c_->set_tls(generation.tls_c()));
        return server_o_ ? server_o_->set_tls(generation.tls_o()) : Result<>();
    }

    /// SEC-102: an operator must know that messages wait for a decision.
    Result<> tell_of_held_messages() {
        std::vector<Held> waiting;
        BUDKAVLE_CHECK(database_->read([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(waiting, list_held(tx, 10'000));
            return {};
        }));
        if (!waiting.empty()) {
            log_.technical(obs::Level::warning, "restore.held",
                           {{"messages", static_cast<std::int64_t>(waiting.size())},
                            {"text", "Messages are held after a restore: budkavle held list."}});
        }
        return {};
    }

    /// Something has come in, perhaps by a request that an earlier generation finishes: the present one hands over and
    /// sends, and so do other processes on the same database.
    void rung(std::string_view topic) {
        const bool late = topic == kLateDepartures;
        const auto what = late ? kDepartures : topic;
        ring_here(what, late);
        if (database_->shared()) database_->announce(what);
    }

    /// `unknown`: what there is to send was stored elsewhere.
    void ring_here(std::string_view topic, bool unknown) {
        const auto generation = current();
        if (!generation) return;
        if (topic != kDepartures) generation->workshop().arrivals.ring_here();
        if (topic == kArrivals) return;
        if (unknown) generation->send_queue().others_added();
        generation->workshop().departures.ring_here();
    }

    void hear_other_processes() {
        if (database_->shared()) database_->listen([this](std::string_view topic) { ring_here(topic, true); });
    }

    std::shared_ptr<Generation> current() const {
        const std::lock_guard lock(mutex_);
        return current_;
    }

    /// Ends in the background what the old generation had begun: an upload may take minutes.
    void retire(std::shared_ptr<Generation> old) {
        old->retire();
        std::erase_if(retired_, [](const Retired& one) { return one.done->load(); });
        auto done = std::make_shared<std::atomic<bool>>(false);
        retired_.push_back({done, old, std::jthread([done, old = std::move(old)](const std::stop_token&) {
                                old->stop_senders();
                                *done = true;
                            })});
    }

    /// Refused handshakes are attempts at access (SEC-10).
    auto on_refused(const char* interface) {
        return [this, interface](const std::string& peer, const Error& error) {
            const auto generation = current();
            generation->figures().handshake_refused(interface, error.code);
            generation->refusals().note(refusal_record(interface, peer, error, clock_.now()));
            log_.audit("anonymous", "tls.refused",
                       {{"interface", interface}, {"peer", peer}, {"code", error.code}, {"text", error.text}});
        };
    }

    template <class Serve>
    net::Response serve(net::Request& request, Serve serve) const {
        return ((*current()).*serve)(request);
    }

    Result<std::unique_ptr<net::Server>> start_interface_a(const Generation& first) {
        const auto& config = first.config();
        auto limits = config.limits;
        limits.body_bytes = std::max(limits.body_bytes, config.max_message / 3 * 4 + (std::uint64_t{4} << 20));
        return net::Server::start(
            config.a.address, config.a.port, first.tls_a(), limits,
            [this](net::Request& request) {
                const auto generation = current();
                const auto admitted = generation->admit(request);
                if (admitted) return generation->interface_a(request);
                on_refused("a")(request.peer_address, admitted.error());
                return admitted.error().retry == Retry::later ? come_again(admitted.error())
                                                              : net::problem(403, admitted.error());
            },
            on_refused("a"));
    }

    Result<std::unique_ptr<net::Server>> start_interface_c(const Generation& first) {
        const auto& config = first.config();
        auto limits = config.limits;
        limits.body_bytes = std::max(limits.body_bytes, config.max_message + 1);
        return net::Server::start(
            config.c.address, config.c.port, first.tls_c(), limits,
            [this](net::Request& request) { return serve(request, &Generation::interface_c); }, on_refused("c"));
    }

    Result<std::unique_ptr<net::Server>> start_interface_o(const Generation& first) {
        const auto& o = *first.config().o;
        return net::Server::start(
            o.address, o.port, first.tls_o(),
            net::ServerLimits{.connections = 32, .body_bytes = std::uint64_t{1} << 20},
            [this](net::Request& request) { return serve(request, &Generation::interface_o); }, on_refused("o"));
    }

    void tell_of_jump(milliseconds step) {
        const auto by = std::chrono::duration_cast<std::chrono::seconds>(step).count();
        log_.technical(obs::Level::error, "clock.jumped",
                       {{"seconds", std::int64_t{by}},
                        {"text",
                         "The wall clock was set. What is due, valid or old is judged by it; nothing is deleted "
                         "before it has run undisturbed for an hour."},
                        {"remedy", "Check the time synchronisation of the machine."}});
        // What waits for a time that is now far away is looked at again.
        current()->workshop().departures.ring();
    }

    void maintain() {
        ClockWatch watch(clock_);
        auto due = std::chrono::steady_clock::now() + kMaintenanceInterval;
        while (!stopped_.retired()) {
            // Nothing rings: the wait is only ended early by `stop`.
            (void)stopped_.wait(stopped_.rings(), kClockInterval);
            if (stopped_.retired()) return;
            if (const auto step = watch.look()) tell_of_jump(*step);
            if (std::chrono::steady_clock::now() < due) continue;
            due += kMaintenanceInterval;
            if (!watch.believed()) continue;  // a wrong clock must not make what is kept for days look old
            auto& workshop = current()->workshop();
            auto done = forget_old(workshop);
            // Alone, this was done at the start; beside others it takes two looks.
            if (done && database_->shared()) done = sweep_blobs(workshop);
            if (!done) log_.technical(obs::Level::error, "ap.maintenance", obs::error_fields(done.error()));
        }
    }

    struct Retired {
        std::shared_ptr<std::atomic<bool>> done;
        std::shared_ptr<Generation> generation;
        std::jthread thread;
    };

    obs::Log& log_;
    const Clock& clock_;
    std::unique_ptr<store::BlobStore> blobs_;
    std::unique_ptr<store::Database> database_;
    mutable std::mutex mutex_;
    std::shared_ptr<Generation> current_;
    std::mutex reloading_;        ///< a reload or the end, one at a time
    std::list<Retired> retired_;  ///< guarded by `reloading_`
    std::unique_ptr<net::Server> server_a_;
    std::unique_ptr<net::Server> server_c_;
    std::unique_ptr<net::Server> server_o_;
    Bell stopped_;
    std::jthread maintenance_;
};

Result<std::unique_ptr<AccessPoint>> launch(AccessPointConfig config, Outside outside,
                                            std::unique_ptr<smp::Outside> world, obs::Log& log, const Clock& clock) {
    auto point = std::make_unique<RunningAccessPoint>(log, clock);
    BUDKAVLE_CHECK(point->begin(std::move(config), std::move(outside), std::move(world)));
    return point;
}

}  // namespace

Result<std::unique_ptr<AccessPoint>> AccessPoint::start(AccessPointConfig config, obs::Log& log, const Clock& clock) {
    BUDKAVLE_CHECK(check(config, clock.now()));
    BUDKAVLE_TRY(auto world, start_outside(config, log, clock));
    auto outside = seen_by_access_point(*world);
    return launch(std::move(config), std::move(outside), std::move(world), log, clock);
}

Result<std::unique_ptr<AccessPoint>> AccessPoint::start(AccessPointConfig config, Outside outside, obs::Log& log,
                                                        const Clock& clock) {
    BUDKAVLE_CHECK(check(config, clock.now()));
    return launch(std::move(config), std::move(outside), nullptr, log, clock);
}

}  // namespace budkavle::accesspoint
