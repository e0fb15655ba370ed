#include "store/queue.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace budkavle::store {
namespace {

constexpr Time kStart{milliseconds{1'700'000'000'000}};
constexpr auto kLease = seconds(30);

class QueueTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::filesystem::create_directories(folder_);
        auto opened = Database::open(folder_ / "queue.db", {{1, queue_schema()}});
        ASSERT_TRUE(opened) << opened.error().describe();
        database_ = std::move(*opened);
    }
    void TearDown() override {
        database_.reset();
        std::filesystem::remove_all(folder_);
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
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("budkavle-queue-" + new_uuid());
    std::unique_ptr<Database> database_;
};

TEST_F(QueueTest, HandsOutDueJobsOnceUntilTheLeaseEnds) {
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

TEST_F(QueueTest, ALateWorkerCannotFinishWhatAnotherHasClaimed) {
    ASSERT_TRUE(add("a", kStart));
    const auto late = take(kStart).at(0);
    const auto now = take(kStart + kLease).at(0);
    const auto refused = finish(late);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "queue.lease_lost");
    EXPECT_TRUE(finish(now));
    EXPECT_FALSE(finish(now));
}

TEST_F(QueueTest, WorkAddedDuringAClaimIsNotLost) {
    ASSERT_TRUE(add("a", kStart));
    const auto job = take(kStart).at(0);
    ASSERT_TRUE(add("a", kStart + seconds(1)));
    EXPECT_TRUE(take(kStart + seconds(2)).empty()) << "the claim still holds";
    ASSERT_TRUE(finish(job));
    EXPECT_EQ(take(kStart + seconds(2)).size(), 1U);
}

TEST_F(QueueTest, ReschedulesAndTellsWhenTheNextIsDue) {
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

TEST_F(QueueTest, AddingTwiceKeepsOneJob) {
    ASSERT_TRUE(add("a", kStart + seconds(100)));
    ASSERT_TRUE(add("a", kStart));
    EXPECT_EQ(take(kStart).size(), 1U);
    EXPECT_TRUE(take(kStart + seconds(20)).empty());
}

TEST_F(QueueTest, StartUpVoidsTheLeasesOfTheProcessBefore) {
    ASSERT_TRUE(add("a", kStart));
    ASSERT_EQ(take(kStart).size(), 1U);
    ASSERT_TRUE(database_->write([](Transaction& tx) { return release_leases(tx); }));
    EXPECT_EQ(take(kStart).size(), 1U);
}

TEST_F(QueueTest, TakesNoMoreThanAskedOldestFirst) {
    ASSERT_TRUE(add("later", kStart + seconds(1)));
    ASSERT_TRUE(add("sooner", kStart));
    const auto one = take(kStart + seconds(5), 1);
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].subject, "sooner");
}

}  // namespace
}  // namespace budkavle::store
