#pragma once
/// From the register to an authoritative name server (`sml.md` 3.4): one worker per zone drains the queue in batches by
/// RFC 2136, compares the zone with the register every hour and when asked, and queues what differs. Never inside a
/// caller's transaction; what DNS does not take stays queued with the last error and is tried again.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dns/primary.hpp"
#include "sml/sml.hpp"

namespace budkavle::sml {

struct OutboxConfig {
    std::string zone;
    dns::Server server;
    dns::TsigKey key;
    std::vector<std::string> keep{};  ///< names of others in the zone with NAPTR or CNAME records, full
    std::size_t batch = 150;          ///< names in one update
    std::chrono::milliseconds poll{500};
    std::chrono::milliseconds timeout{10'000};        ///< one exchange with the name server
    std::chrono::milliseconds longest_pause{30'000};  ///< between attempts while the server is away
    std::chrono::seconds reconcile_every{3600};
};

struct Finding {
    enum class Kind : std::uint8_t {
        missing,  ///< registered, not in the zone
        wrong,    ///< other content than the register says
        extra,    ///< has the form of our names, but nobody is registered
        foreign,  ///< some other name: told, never touched
    };
    Kind kind;
    std::string name;
    std::string subject;  ///< participant or SMP, when there is one
};
[[nodiscard]] std::string_view name_of(Finding::Kind kind);

struct Reconciliation {
    std::size_t names = 0;    ///< in the zone, ours
    std::size_t pending = 0;  ///< queued: not judged
    std::vector<Finding> findings{};
};

class Outbox {
public:
    Outbox(Register& reg, OutboxConfig config, obs::Log& log, const Clock& clock);
    ~Outbox();  ///< stops
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;

    void start();
    void stop();
    void wake();  ///< something was queued by this process

    /// One batch of what is due; the number of names that DNS took. Errors of dns::Primary, after they stand in the
    /// queue; refusals of single names are no error.
    Result<std::size_t> drain();
    /// Transfers the zone, compares, queues repairs unless `repair` is false. Only the worker may change the zone
    /// meanwhile: call it on a running Outbox through `Register::request_reconciliation`.
    Result<Reconciliation> reconcile(bool repair = true);
    /// For IsAlive: a signed update without changes.
    [[nodiscard]] Result<> alive() const { return primary_.probe(config_.zone); }

private:
    struct Batch;
    void run();
    std::chrono::milliseconds step();
    Result<bool> hold();
    Result<bool> reconciliation_due() const;
    Result<Batch> next_batch() const;
    Result<std::size_t> send(const Batch& batch, std::size_t from, std::size_t to);
    Result<> published(const Batch& batch, std::size_t from, std::size_t to);
    Result<> refused(const Batch& batch, std::size_t at, const Error& error);
    Result<> unreachable(const Error& error);

    Register& register_;
    OutboxConfig config_;
    obs::Log& log_;
    const Clock& clock_;
    dns::Primary primary_;
    std::string holder_;
    Time lease_{};
    std::chrono::milliseconds pause_{0};
    bool told_ = false;  ///< the present outage stands in the log
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stop_ = false;
    bool woken_ = false;
    std::thread thread_;
};

/// What the last comparison found, as JSON text, and when it was; empty before the first.
struct ZoneReport {
    std::string zone;
    Time at;
    bool asked = false;  ///< a comparison was asked for and has not been made
    std::string report;
};
[[nodiscard]] Result<std::vector<ZoneReport>> zone_reports(Register& reg);

}  // namespace budkavle::sml
