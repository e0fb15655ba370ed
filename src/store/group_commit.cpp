#include "store/group_commit.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/random.hpp"

namespace budkavle::store {
namespace {

constexpr unsigned kBusyRetries = 6;
/// Bounds what one writer can hold back, and the pages that one transaction keeps in memory.
constexpr std::size_t kLargestGroup = 64;

bool is_busy(const Result<>& outcome) {
    return !outcome && outcome.error().code == "db.busy";
}

/// Runs `step` again after a growing pause while the engine is busy.
Result<> patiently(const std::function<Result<>()>& step) {
    for (unsigned attempt = 0;; ++attempt) {
        auto done = step();
        if (!is_busy(done) || attempt == kBusyRetries) return done;
        std::this_thread::sleep_for(std::chrono::milliseconds((5U << attempt) + random_u64() % 10));
    }
}

}  // namespace

Result<> GroupCommit::write(const Work& work) {
    Writer self{.work = work, .outcome = {}};
    std::unique_lock lock(lock_);
    waiting_.push_back(&self);
    if (led_) self.woken.wait(lock, [&] { return self.done || self.leads; });
    if (!self.done) {
        led_ = true;
        const auto size = std::min(waiting_.size(), kLargestGroup);
        // The leader is at the front: it was first, or everybody before it has been served.
        const Group group(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(size));
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(size));
        lock.unlock();
        run(group);
        lock.lock();
        for (auto* writer : group) {
            writer->done = true;
            if (writer != &self) writer->woken.notify_one();
        }
        led_ = !waiting_.empty();
        if (led_) {
            waiting_.front()->leads = true;
            waiting_.front()->woken.notify_one();
        }
    }
    if (self.thrown) std::rethrow_exception(self.thrown);
    return std::move(self.outcome);
}

std::size_t GroupCommit::waiting() {
    const std::lock_guard lock(lock_);
    return waiting_.size();
}

void GroupCommit::run(const Group& group) {
    if (group.size() == 1) return run_alone(*group.front());
    if (const auto together = run_together(group); together) return;
    // The whole transaction is gone (disk full, I/O, busy): nobody of the group must pay for another's fault.
    for (auto* writer : group) run_alone(*writer);
}

void GroupCommit::run_alone(Writer& writer) {
    writer.thrown = nullptr;
    writer.outcome = patiently([&] {
        return connection_.in_transaction("BEGIN IMMEDIATE", [&](Transaction& tx) -> Result<> {
            try {
                return writer.work(tx);
            } catch (...) {
                writer.thrown = std::current_exception();
                return fail("db.failed", "The work was given up.");
            }
        });
    });
}

Result<> GroupCommit::run_together(const Group& group) {
    return patiently([&] { return try_together(group); });
}

Result<> GroupCommit::try_together(const Group& group) {
    return connection_.in_transaction("BEGIN IMMEDIATE", [&](Transaction& tx) -> Result<> {
        for (auto* writer : group) {
            BUDKAVLE_CHECK(tx.execute("SAVEPOINT writer"));
            writer->thrown = nullptr;
            try {
                writer->outcome = writer->work(tx);
            } catch (...) {
                writer->thrown = std::current_exception();
            }
            const bool failed = !writer->outcome || writer->thrown;
            if (failed) BUDKAVLE_CHECK(tx.execute("ROLLBACK TO writer"));  // an error when the engine has ended it all
            BUDKAVLE_CHECK(tx.execute("RELEASE writer"));
        }
        return {};
    });
}

}  // namespace budkavle::store
