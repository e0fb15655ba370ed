#include "smpserver/locator_queue.hpp"

#include <algorithm>

#include "smpserver/schema.hpp"
#include "smpserver/worker.hpp"
#include "store/database.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::size_t kBatch = 100;  ///< what a list call of the SML takes (`sml.md` 3.3)
constexpr std::chrono::seconds kFirstPause{5};
constexpr int kMostDoublings = 7;

struct Due {
    federation::ParticipantId id;
    bool wanted;
    std::int64_t version;
    std::int64_t attempts;
};

Result<std::vector<Due>> read_due(store::Transaction& tx, Time now) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT id, wanted, version, attempts FROM locator_queue WHERE state IN "
                                           "('queued', 'failed') AND due <= ?1 ORDER BY due, participant LIMIT ?2",
                                           {stored(now), static_cast<std::int64_t>(kBatch)}));
    std::vector<Due> out;
    for (const auto& row : rows) {
        BUDKAVLE_TRY(auto id, federation::ParticipantId::parse(row.text(0)));
        out.push_back({std::move(id), row.integer(1) != 0, row.integer(2), row.integer(3)});
    }
    return out;
}

/// A row that was changed meanwhile stays queued: its version tells.
Result<> write_result(store::Transaction& tx, const Due& due, const Result<>& result, Time now) {
    const auto& key = due.id.folded();
    if (result) {
        BUDKAVLE_CHECK(
            tx.execute("UPDATE locator_queue SET state = 'published', error = '', attempts = 0, done_at = ?3 "
                       "WHERE participant = ?1 AND version = ?2",
                       {key, due.version, stored(now)}));
        return {};
    }
    const auto pause = kFirstPause * (1 << std::min<std::int64_t>(due.attempts, kMostDoublings));
    BUDKAVLE_CHECK(
        tx.execute("UPDATE locator_queue SET state = 'failed', error = ?3, attempts = attempts + 1, due = ?4 "
                   "WHERE participant = ?1 AND version = ?2",
                   {key, due.version, result.error().code + ": " + result.error().describe(), stored(now + pause)}));
    return {};
}

}  // namespace

struct LocatorWorker::State {
    store::Database& database;
    LocatorPort& port;
    obs::Log& log;
    const Clock& clock;
    bool started = false;  ///< the first round flushes even when nothing is due
    Worker worker{};
};

LocatorWorker::LocatorWorker(store::Database& database, LocatorPort& port, obs::Log& log, const Clock& clock)
    : state_(new State{database, port, log, clock}) {}

LocatorWorker::~LocatorWorker() {
    state_->worker.stop();
}

Result<bool> LocatorWorker::work() {
    auto& state = *state_;
    std::vector<Due> due;
    BUDKAVLE_CHECK(state.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(due, read_due(tx, state.clock.now()));
        return {};
    }));
    if (due.empty() && state.started) return false;
    std::vector<Result<>> results(due.size());
    for (const bool wanted : {false, true}) {
        std::vector<federation::ParticipantId> ids;
        std::vector<std::size_t> places;
        for (std::size_t i = 0; i < due.size(); ++i) {
            if (due[i].wanted != wanted) continue;
            ids.push_back(due[i].id);
            places.push_back(i);
        }
        if (ids.empty()) continue;
        auto some = wanted ? state.port.ensure_all(ids) : state.port.withdraw_all(ids);
        for (std::size_t i = 0; i < places.size(); ++i) {
            results[places[i]] =
                i < some.size() ? std::move(some[i]) : fail("locator.port", "The port gave no result.", Retry::later);
        }
    }
    const auto flushed = state.port.flush();
    state.started = state.started || flushed.has_value();
    const auto now = state.clock.now();
    std::size_t failed = 0;
    if (!due.empty()) {
        BUDKAVLE_CHECK(state.database.write([&](store::Transaction& tx) -> Result<> {
            failed = 0;
            for (std::size_t i = 0; i < due.size(); ++i) {
                const auto& result = results[i] && !flushed ? flushed : results[i];
                failed += result ? 0 : 1;
                BUDKAVLE_CHECK(write_result(tx, due[i], result, now));
            }
            return {};
        }));
    }
    if (!flushed) return std::unexpected(flushed.error());
    if (failed > 0) {
        const auto first = std::ranges::find_if(results, [](const auto& one) { return !one.has_value(); });
        auto fields = obs::error_fields(first->error());
        fields.push_back({"rows", static_cast<std::int64_t>(failed)});
        state.log.technical(obs::Level::warning, "smp.locator_failed", fields);
    }
    return due.size() == kBatch;
}

void LocatorWorker::start(std::chrono::milliseconds pause) {
    state_->worker.start([this] { return work(); }, state_->log, "smp.locator_failed", pause);
}

void LocatorWorker::wake() {
    state_->worker.wake();
}

Result<> ZoneFilePort::flush() {
    std::vector<federation::ParticipantId> wanted;
    BUDKAVLE_CHECK(database_.read([&](store::Transaction& tx) -> Result<> {
        wanted.clear();
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT id FROM locator_queue WHERE wanted = 1 ORDER BY participant"));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(auto id, federation::ParticipantId::parse(row.text(0)));
            wanted.push_back(std::move(id));
        }
        return {};
    }));
    return locator_.publish(wanted);
}

}  // namespace budkavle::smpserver
