#include "store/queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "store/lease_keeper.hpp"
#include "store/test_cluster.hpp"

namespace budkavle::store {
namespace {

constexpr Time kStart{milliseconds{1'700'000'000'000}};
constexpr auto kLease = seconds(30);

class QueueTest : public test::OnEngine {
protected:
    void SetUp() override {
        OnEngine::SetUp();
        if (!HasFatalFailure()) database_ = open({{1, queue_schema()}});
    }
    void TearDown() override {
        database_.reset();
        OnEngine::TearDown();
    }
    Result<> add(const std::string& subject, Time due) {
        return database_->write([&](Transaction& tx) { return enqueue(tx, "send", subject, kStart, due); });
    }
    std::vector<Job> take(Time now, unsigned limit = 10) {
        std::vector<Job> jobs;
        EXPECT_TRUE(database_->write([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(jobs, claim(tx, "send", now, now + kLease, limit));
            return {};
        }));
        return jobs;
    }
    Result<> finish(const Job& job) {
        return database_->write([&](Transaction& tx) { return complete(tx, job); });
    }
    std::unique_ptr<Database> database_;
};

TEST_P(QueueTest, HandsOutDueJobsOnceUntilTheLeaseEnds) {
    ASSERT_TRUE(add("a", kStart));
    ASSERT_TRUE(add("b", kStart + seconds(60)));
    const auto first = take(kStart);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0].subject, "a");
    EXPECT_EQ(first[0].attempt, 1);
    EXPECT_EQ(first[0].created, kStart);
    EXPECT_TRUE(take(kStart + seconds(29)).empty());
    const auto again = take(kStart + kLease);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].attempt, 2);
}

TEST_P(QueueTest, ALateWorkerCannotFinishWhatAnotherHasClaimed) {
    ASSERT_TRUE(add("a", kStart));
    const auto late = take(kStart).at(0);
    const auto now = take(kStart + kLease).at(0);
    const auto refused = finish(late);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "queue.lease_lost");
    EXPECT_TRUE(finish(now));
    EXPECT_FALSE(finish(now));
}

TEST_P(QueueTest, WorkAddedDuringAClaimIsNotLost) {
    ASSERT_TRUE(add("a", kStart));
    const auto job = take(kStart).at(0);
    ASSERT_TRUE(add("a", kStart + seconds(1)));
    EXPECT_TRUE(take(kStart + seconds(2)).empty()) << "the claim still holds";
    ASSERT_TRUE(finish(job));
    EXPECT_EQ(take(kStart + seconds(2)).size(), 1U);
}

TEST_P(QueueTest, ReschedulesAndTellsWhenTheNextIsDue) {
    ASSERT_TRUE(add("a", kStart));
    const auto job = take(kStart).at(0);
    const auto next = [&] {
        std::optional<Time> at;
        EXPECT_TRUE(database_->read([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(at, next_due(tx, "send"));
            return {};
        }));
        return at;
    };
    EXPECT_EQ(next(), kStart + kLease);
    ASSERT_TRUE(database_->write([&](Transaction& tx) { return reschedule(tx, job, kStart + seconds(240)); }));
    EXPECT_EQ(next(), kStart + seconds(240));
    EXPECT_TRUE(take(kStart + seconds(239)).empty());
    EXPECT_EQ(take(kStart + seconds(240)).at(0).attempt, 2);
}

TEST_P(QueueTest, AJobCanBeClaimedAtItsBirth) {
    const Job mine{"id-1", "send", "a", 1, kStart, kStart};
    ASSERT_TRUE(database_->write([&](Transaction& tx) { return enqueue_claimed(tx, mine, kStart + kLease); }));
    EXPECT_TRUE(take(kStart + seconds(29)).empty());
    EXPECT_TRUE(finish(mine));
    EXPECT_TRUE(take(kStart + kLease).empty());
    const Job lost{"id-2", "send", "b", 1, kStart, kStart};
    ASSERT_TRUE(database_->write([&](Transaction& tx) { return enqueue_claimed(tx, lost, kStart + kLease); }));
    EXPECT_EQ(take(kStart + kLease).at(0).attempt, 2);
    EXPECT_EQ(finish(lost).error().code, "queue.lease_lost");
}

TEST_P(QueueTest, AddingTwiceKeepsOneJob) {
    ASSERT_TRUE(add("a", kStart + seconds(100)));
    ASSERT_TRUE(add("a", kStart));
    EXPECT_EQ(take(kStart).size(), 1U);
    EXPECT_TRUE(take(kStart + seconds(20)).empty());
}

TEST_P(QueueTest, StartUpVoidsTheLeasesOfTheProcessBefore) {
    ASSERT_TRUE(add("a", kStart));
    ASSERT_EQ(take(kStart).size(), 1U);
    ASSERT_TRUE(database_->write([](Transaction& tx) { return release_leases(tx); }));
    EXPECT_EQ(take(kStart).size(), 1U);
}

TEST_P(QueueTest, TakesNoMoreThanAskedOldestFirst) {
    ASSERT_TRUE(add("later", kStart + seconds(1)));
    ASSERT_TRUE(add("sooner", kStart));
    const auto one = take(kStart + seconds(5), 1);
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].subject, "sooner");
}

TEST_P(QueueTest, LongWorkKeepsItsClaim) {
    ASSERT_TRUE(add("a", kStart));
    const auto job = take(kStart).at(0);
    const auto lease_end = [&] {
        std::int64_t end = 0;
        EXPECT_TRUE(database_->read([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto rows, tx.query("SELECT lease_until FROM job"));
            end = rows.at(0).integer(0);
            return {};
        }));
        return end;
    };
    const auto before = lease_end();
    LeaseKeeper keeper(*database_, system_clock(), milliseconds(150));
    {
        const auto held = keeper.hold(job);
        while (lease_end() == before) std::this_thread::sleep_for(milliseconds(10));
    }
    ASSERT_TRUE(finish(job)) << "renewing does not make it another claim";
    // Over is over: a late renewal brings nothing back.
    ASSERT_TRUE(add("b", kStart));
    const auto other = take(kStart).at(0);
    ASSERT_TRUE(database_->write([&](Transaction& tx) { return reschedule(tx, other, kStart); }));
    ASSERT_TRUE(database_->write([&](Transaction& tx) { return renew(tx, other, kStart + kLease); }));
    EXPECT_EQ(take(kStart).size(), 1U);
}

/// Two database objects on one store stand for two processes: nothing is shared but the store.
TEST_P(QueueTest, TwoWorkersNeverClaimTheSameJob) {
    constexpr int kJobs = 60;
    for (int i = 0; i < kJobs; ++i) ASSERT_TRUE(add("job-" + std::to_string(i), kStart));
    std::mutex lock;
    std::multiset<std::string> claimed;
    std::vector<std::thread> threads;
    for (int worker = 0; worker < 2; ++worker) {
        threads.emplace_back([&] {
            const auto own = open({{1, queue_schema()}});
            while (true) {
                std::vector<Job> jobs;
                ASSERT_TRUE(own->write([&](Transaction& tx) -> Result<> {
                    BUDKAVLE_TRY(jobs, claim(tx, "send", kStart, kStart + kLease, 3));
                    return {};
                }));
                if (jobs.empty()) return;
                const std::lock_guard guard(lock);
                for (const auto& job : jobs) claimed.insert(job.subject);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(claimed.size(), std::size_t{kJobs});
    EXPECT_EQ(std::set<std::string>(claimed.begin(), claimed.end()).size(), std::size_t{kJobs});
}

BUDKAVLE_ON_BOTH_ENGINES(QueueTest);

}  // namespace
}  // namespace budkavle::store
