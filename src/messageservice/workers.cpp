#include "messageservice/workers.hpp"

#include <algorithm>
#include <array>

namespace budkavle::messageservice {
namespace {

/// Longer than any step takes. A process that died is noticed at the next start, not by this.
constexpr auto kLease = std::chrono::minutes(15);
constexpr milliseconds kLongestRest{5000};
/// Receipts and transport first: they end what was begun.
constexpr std::array kKinds{kHandOver, kFollow, kProcess, kPackage, kReceiptTimeout, kReceiptWarning};

}  // namespace

void Workers::start() {
    for (unsigned i = 0; i < context_.config.workers; ++i) threads_.emplace_back([this] { work(); });
    for (const auto& [key, tenant] : context_.tenants())
        threads_.emplace_back([this, own = tenant.get()] { poll(*own); });
}

void Workers::stop() {
    {
        const std::lock_guard lock(lock_);
        stopping_ = true;
    }
    rung_.notify_all();
    threads_.clear();
}

void Workers::wake() {
    {
        const std::lock_guard lock(lock_);
        ++rings_;
    }
    rung_.notify_all();
}

bool Workers::rest(std::uint64_t seen, milliseconds longest) {
    std::unique_lock lock(lock_);
    rung_.wait_for(lock, longest, [&] { return stopping_ || rings_ != seen; });
    return !stopping_;
}

void Workers::work() {
    while (true) {
        std::uint64_t seen = 0;
        {
            const std::lock_guard lock(lock_);
            if (stopping_) return;
            seen = rings_;
        }
        if (run_one()) continue;
        if (!rest(seen, until_next())) return;
    }
}

milliseconds Workers::until_next() const {
    auto wait = kLongestRest;
    (void)context_.database.read([&](store::Transaction& tx) -> Result<> {
        for (const auto kind : kKinds) {
            BUDKAVLE_TRY(const auto next, store::next_due(tx, kind));
            if (next) wait = std::min(wait, *next - context_.now());
        }
        return {};
    });
    return std::max(wait, milliseconds(1));
}

bool Workers::run_one() {
    return std::ranges::any_of(kKinds, [this](std::string_view kind) { return run_kind(kind); });
}

bool Workers::run_kind(std::string_view kind) {
    const auto now = context_.now();
    std::vector<store::Job> jobs;
    bool due = false;
    const auto looked = context_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto next, store::next_due(tx, kind));
        due = next && *next <= now;
        return {};
    });
    if (!looked || !due) return false;
    const auto claimed = context_.database.write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(jobs, store::claim(tx, kind, now, now + kLease, 1));
        return {};
    });
    if (!claimed || jobs.empty()) return false;
    if (const auto done = dispatch(jobs.front()); !done) postpone(jobs.front(), done.error());
    return true;
}

Result<> Workers::dispatch(const store::Job& job) {
    if (job.kind == kHandOver) return outbound_.hand_over(job);
    if (job.kind == kFollow) return outbound_.follow(job);
    if (job.kind == kPackage) return outbound_.package(job);
    if (job.kind == kReceiptTimeout) return outbound_.time_out(job);
    if (job.kind == kReceiptWarning) return outbound_.warn(job);
    return inbound_.process(job);
}

/// What could not be done is tried again, until the hold limit: nothing is lost by a fault that passes.
void Workers::postpone(const store::Job& job, const Error& error) {
    auto fields = obs::error_fields(error);
    fields.push_back({"job", job.kind});
    fields.push_back({"attempt", job.attempt});
    context_.log.technical(error.retry == Retry::later ? obs::Level::warning : obs::Level::error, "mt.job_failed",
                           fields);
    const auto& schedule = context_.config.schedule;
    const auto now = context_.now();
    // An incoming message gets its last chance before anybody gives up.
    const auto limit = job.kind == kProcess ? 2 * schedule.hold_limit : schedule.hold_limit;
    if (now - job.created > limit) {
        if (job.kind == kProcess ? inbound_.give_up(job, error) : outbound_.give_up(job, error)) return;
    }
    (void)context_.database.write([&](store::Transaction& tx) {
        return store::reschedule(tx, job, now + pause(job.attempt, schedule.retry_first, schedule.retry_last));
    });
}

void Workers::poll(const Tenant& tenant) {
    const auto& schedule = context_.config.schedule;
    std::int64_t failures = 0;
    while (true) {
        {
            const std::lock_guard lock(lock_);
            if (stopping_) return;
        }
        const auto taken = inbound_.collect(tenant, schedule.inbox_wait);
        if (taken) {
            failures = 0;
            continue;
        }
        ++failures;
        auto fields = obs::error_fields(taken.error());
        fields.push_back({"participant", tenant.key()});
        context_.log.technical(obs::Level::warning, "mt.inbox_failed", fields);
        const auto until =
            std::chrono::steady_clock::now() + pause(failures, schedule.retry_first, schedule.retry_last);
        std::unique_lock lock(lock_);
        rung_.wait_until(lock, until, [this] { return stopping_; });
    }
}

}  // namespace budkavle::messageservice
