#include "sml/outbox.hpp"

#include <algorithm>
#include <future>

#include "base/random.hpp"
#include "sml/desired.hpp"

namespace budkavle::sml {
namespace {

constexpr std::size_t kLanes = 4;  ///< messages under way at the same time
constexpr std::size_t kChunk = 50;
constexpr std::chrono::seconds kLease{30};

/// `?1, ?2, …`: one statement text for any number up to kChunk (the list is filled up with its last value).
std::string chunk_marks() {
    std::string out;
    for (std::size_t i = 1; i <= kChunk; ++i) out += (i == 1 ? "?" : ", ?") + std::to_string(i);
    return out;
}

}  // namespace

struct Outbox::Batch {
    std::vector<std::pair<std::string, dns::NameContent>> names;
    std::vector<std::int64_t> attempts;
    std::int64_t change = 0;  ///< nothing queued later is meant
};

Outbox::Outbox(Register& reg, OutboxConfig config, obs::Log& log, const Clock& clock)
    : register_(reg),
      config_(std::move(config)),
      log_(log),
      clock_(clock),
      primary_(config_.server, config_.key, config_.timeout),
      holder_(new_uuid()) {
    config_.zone = to_lower_ascii(config_.zone);
}

Outbox::~Outbox() {
    stop();
}

void Outbox::start() {
    thread_ = std::thread([this] { run(); });
}

void Outbox::stop() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Outbox::wake() {
    {
        const std::lock_guard lock(mutex_);
        woken_ = true;
    }
    changed_.notify_all();
}

void Outbox::run() {
    while (true) {
        const auto pause = step();
        std::unique_lock lock(mutex_);
        if (stop_) return;
        // A wake-up does not end the pause of an outage.
        changed_.wait_for(lock, pause, [&] { return stop_ || (woken_ && pause_.count() == 0); });
        woken_ = false;
        if (stop_) return;
    }
}

std::chrono::milliseconds Outbox::step() {
    const auto failed = [&](const Error& error) {
        if (!told_) log_.technical(obs::Level::warning, "sml.dns.unreachable", obs::error_fields(error));
        told_ = true;
        pause_ = std::clamp(pause_ * 2, config_.poll, config_.longest_pause);
        return pause_;
    };
    const auto held = hold();
    if (!held) return failed(held.error());
    if (!*held) return config_.poll;
    // The queue first: during an outage it shows the error, which a comparison would not leave there.
    const auto done = drain();
    if (!done) return failed(done.error());
    const auto due = reconciliation_due();
    if (!due) return failed(due.error());
    if (*due) {
        if (const auto compared = reconcile(); !compared) return failed(compared.error());
    }
    if (told_) log_.technical(obs::Level::info, "sml.dns.reachable", {{"zone", config_.zone}});
    told_ = false;
    pause_ = std::chrono::milliseconds(0);
    return *done > 0 ? std::chrono::milliseconds(0) : config_.poll;
}

/// One worker per zone over all processes; the only process needs no lease.
Result<bool> Outbox::hold() {
    auto& database = register_.database();
    if (!database.shared()) return true;
    const auto now = clock_.now();
    if (now < lease_ - kLease / 2) return true;
    bool mine = false;
    BUDKAVLE_CHECK(database.write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(
            const auto changed,
            tx.execute("UPDATE sml_zones SET holder = ?2, lease = ?3 WHERE zone = ?1 AND (holder = ?2 OR lease "
                       "< ?4)",
                       {config_.zone, holder_, stamp(now + kLease), stamp(now)}));
        mine = changed > 0;
        return {};
    }));
    lease_ = mine ? now + kLease : Time{};
    return mine;
}

Result<Outbox::Batch> Outbox::next_batch() const {
    Batch out;
    BUDKAVLE_CHECK(register_.database().read([&](Transaction& tx) -> Result<> {
        out = {};
        const auto rules = read_domain(tx, config_.zone);
        if (!rules && rules.error().code == "sml.domain_unknown") return {};  // not set up yet
        if (!rules) return std::unexpected(rules.error());
        BUDKAVLE_TRY(const auto state, tx.query("SELECT change FROM sml_state WHERE id = 1"));
        out.change = state.empty() ? 0 : state.front().integer(0);
        BUDKAVLE_TRY(
            const auto rows,
            tx.query(
                "SELECT q.name, q.kind, q.attempts, p.name, s.id, s.logical_address, t.id, t.logical_address FROM "
                "sml_queue q LEFT JOIN sml_participants p ON p.name = q.name LEFT JOIN sml_publishers s ON s.folded "
                "= p.publisher LEFT JOIN sml_publishers t ON t.folded = q.publisher WHERE q.domain = ?1 AND q.due "
                "<= ?2 ORDER BY q.due, q.change LIMIT CAST(?3 AS INTEGER)",
                {config_.zone, stamp(clock_.now()), static_cast<std::int64_t>(config_.batch * kLanes)}));
        for (const auto& row : rows) {
            dns::NameContent content;
            if (row.text(1) == "publisher") {
                if (!row.is_null(6) && rules->layout == Layout::cname &&
                    row.text(0) == publisher_name(row.text(6), rules->zone))
                    content = address_content(row.text(7));
            } else if (!row.is_null(3)) {
                content = participant_content(*rules, row.text(4), row.text(5));
            }
            out.names.emplace_back(row.text(0), std::move(content));
            out.attempts.push_back(row.integer(2));
        }
        return {};
    }));
    return out;
}

/// Several messages at once: a name server commits, and signs, the updates that wait for one zone together. No name stands
/// in two of them.
Result<std::size_t> Outbox::drain() {
    BUDKAVLE_TRY(const auto batch, next_batch());
    const auto size = batch.names.size();
    const auto end_of = [&](std::size_t from) { return std::min(from + config_.batch, size); };
    std::vector<std::future<Result<>>> answers;  // last of what they use: its end waits for those under way
    for (std::size_t from = 0; from < size; from += config_.batch) {
        answers.push_back(std::async(size > config_.batch ? std::launch::async : std::launch::deferred, [&, from] {
            return primary_.replace(config_.zone, std::span(batch.names).subspan(from, end_of(from) - from));
        }));
    }
    std::size_t taken = 0;
    std::optional<Error> away;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const auto from = i * config_.batch;
        const auto answer = answers[i].get();
        if (answer) {
            BUDKAVLE_CHECK(published(batch, from, end_of(from)));
            taken += end_of(from) - from;
            continue;
        }
        // Refused: one by one what is to blame.
        const auto rest = answer.error().retry == Retry::never ? send(batch, from, end_of(from))
                                                               : Result<std::size_t>(std::unexpected(answer.error()));
        if (!rest) away = rest.error();
        taken += rest.value_or(0);
    }
    if (!away) return taken;
    BUDKAVLE_CHECK(unreachable(*away));
    return std::unexpected(*away);
}

/// A batch that is refused (or too long) is halved until the name that is to blame stands alone.
Result<std::size_t> Outbox::send(const Batch& batch, std::size_t from, std::size_t to) {
    const auto done = primary_.replace(config_.zone, std::span(batch.names).subspan(from, to - from));
    if (done) {
        BUDKAVLE_CHECK(published(batch, from, to));
        return to - from;
    }
    if (done.error().retry == Retry::later) return std::unexpected(done.error());
    if (to - from == 1) {
        BUDKAVLE_CHECK(refused(batch, from, done.error()));
        return 0;
    }
    const auto middle = from + (to - from) / 2;
    BUDKAVLE_TRY(const auto left, send(batch, from, middle));
    BUDKAVLE_TRY(const auto right, send(batch, middle, to));
    return left + right;
}

Result<> Outbox::published(const Batch& batch, std::size_t from, std::size_t to) {
    static const std::string kDelete =
        "DELETE FROM sml_queue WHERE name IN (" + chunk_marks() + ") AND change <= ?" + std::to_string(kChunk + 1);
    static const std::string kUpdate = "UPDATE sml_participants SET published = ?" + std::to_string(kChunk + 1) +
                                       " WHERE name IN (" + chunk_marks() + ")";
    return register_.database().write([&](Transaction& tx) -> Result<> {
        for (auto at = from; at < to; at += kChunk) {
            std::vector<Value> names;
            for (std::size_t i = 0; i < kChunk; ++i) names.emplace_back(batch.names[std::min(at + i, to - 1)].first);
            auto parameters = names;
            parameters.emplace_back(batch.change);
            BUDKAVLE_CHECK(tx.execute(kDelete, parameters));
            parameters = std::move(names);
            parameters.emplace_back(stamp(clock_.now()));
            BUDKAVLE_CHECK(tx.execute(kUpdate, parameters));
        }
        return {};
    });
}

Result<> Outbox::refused(const Batch& batch, std::size_t at, const Error& error) {
    const auto& name = batch.names[at].first;
    constexpr std::int64_t kMostDoublings = 5;
    const auto wait = seconds(30) * (std::int64_t{1} << std::min(batch.attempts[at], kMostDoublings));
    log_.technical(obs::Level::error, "sml.dns.refused", {{"name", name}, {"code", error.code}, {"text", error.text}});
    return register_.database().write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(
            tx.execute("UPDATE sml_queue SET state = 'failed', attempts = attempts + 1, due = ?2, last_error = "
                       "?3 WHERE name = ?1 AND change <= ?4",
                       {name, stamp(clock_.now() + wait), error.code + ": " + error.text, batch.change}));
        return {};
    });
}

/// The server is away: everything that waits for it shows why.
Result<> Outbox::unreachable(const Error& error) {
    return register_.database().write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(
            tx.execute("UPDATE sml_queue SET attempts = attempts + 1, last_error = ?3 WHERE domain = ?1 AND "
                       "due <= ?2",
                       {config_.zone, stamp(clock_.now()), error.code + ": " + error.text}));
        return {};
    });
}

}  // namespace budkavle::sml
