#include "accesspoint/send_queue.hpp"

#include <gtest/gtest.h>

#include "accesspoint/schema.hpp"
#include "store/test_cluster.hpp"

namespace budkavle::accesspoint {
namespace {

class SettableClock final : public Clock {
public:
    [[nodiscard]] Time now() const override { return at; }
    Time at{milliseconds{1'700'000'000'000}};
};

constexpr auto kLease = seconds(60);

class SendQueueTest : public store::test::OnEngine {
protected:
    void SetUp() override {
        OnEngine::SetUp();
        if (!HasFatalFailure()) database_ = open(migrations());
    }
    void TearDown() override {
        database_.reset();
        OnEngine::TearDown();
    }
    [[nodiscard]] OutgoingMessage message(const std::string& id) const {
        return {.participant = federation::ParticipantId::parse("0203:a.example.se").value(),
                .as4_id = id,
                .recipient = federation::ParticipantId::parse("0203:b.example.se").value()};
    }
    Result<> keep(const SendQueue& queue, const store::Job& job) {
        return database_->write([&](store::Transaction& tx) { return queue.store_promised(tx, job); });
    }
    Result<> finish(const store::Job& job) {
        return database_->write([&](store::Transaction& tx) { return store::complete(tx, job); });
    }
    SettableClock clock_;
    SendQueue::Limits limits_{.per_peer = 2, .lease = kLease, .longest_wait = std::chrono::hours(1)};
    std::unique_ptr<store::Database> database_;
};

TEST_P(SendQueueTest, PromisesNoMoreThanSendersRestAndLanesHavePlaces) {
    SendQueue queue(*database_, clock_, limits_);
    EXPECT_FALSE(queue.promise(message("1"), clock_.at)) << "nobody rests";
    const SendQueue::Rest one(queue);
    const auto first = queue.promise(message("1"), clock_.at);
    ASSERT_TRUE(first);
    EXPECT_FALSE(queue.promise(message("2"), clock_.at)) << "only one rests";
    const SendQueue::Rest two(queue);
    const SendQueue::Rest three(queue);
    EXPECT_TRUE(queue.promise(message("2"), clock_.at));
    EXPECT_FALSE(queue.promise(message("3"), clock_.at)) << "the lane has two places";
    queue.withdraw(*first);
    EXPECT_TRUE(queue.promise(message("3"), clock_.at));
}

TEST_P(SendQueueTest, WhatIsHandedIsTakenOnce) {
    SendQueue queue(*database_, clock_, limits_);
    const SendQueue::Rest rest(queue);
    const auto job = queue.promise(message("1"), clock_.at);
    ASSERT_TRUE(job);
    ASSERT_TRUE(keep(queue, *job));
    queue.hand(*job);
    const auto claimed = queue.claim();
    ASSERT_TRUE(claimed && *claimed);
    EXPECT_EQ((*claimed)->job.id, job->id);
    EXPECT_FALSE(queue.claim().value());
    EXPECT_TRUE(finish((*claimed)->job));
    queue.ended((*claimed)->job);
    (void)queue.release(**claimed);
    EXPECT_TRUE(queue.promise(message("2"), clock_.at)) << "its place is free again";
}

TEST_P(SendQueueTest, AHandedJobThatLayTooLongIsLeftToItsLease) {
    SendQueue queue(*database_, clock_, limits_);
    const SendQueue::Rest rest(queue);
    const auto job = queue.promise(message("1"), clock_.at);
    ASSERT_TRUE(job);
    ASSERT_TRUE(keep(queue, *job));
    queue.hand(*job);
    clock_.at += kLease / 2;
    EXPECT_FALSE(queue.claim().value());
    clock_.at += kLease;
    const auto claimed = queue.claim();
    ASSERT_TRUE(claimed && *claimed);
    EXPECT_EQ((*claimed)->job.attempt, 2);
}

TEST_P(SendQueueTest, TheEndOfTheSendersFreesWhatWasHanded) {
    SendQueue queue(*database_, clock_, limits_);
    const SendQueue::Rest one(queue);
    const SendQueue::Rest two(queue);
    const auto first = queue.promise(message("1"), clock_.at);
    const auto late = queue.promise(message("2"), clock_.at);
    ASSERT_TRUE(first && late);
    ASSERT_TRUE(keep(queue, *first));
    ASSERT_TRUE(keep(queue, *late));
    queue.hand(*first);
    ASSERT_TRUE(queue.give_back());
    queue.hand(*late);
    EXPECT_FALSE(queue.promise(message("3"), clock_.at));
    SendQueue next(*database_, clock_, limits_);
    ASSERT_TRUE(next.refresh());
    EXPECT_TRUE(next.claim().value());
    EXPECT_TRUE(next.claim().value());
}

BUDKAVLE_ON_BOTH_ENGINES(SendQueueTest);

}  // namespace
}  // namespace budkavle::accesspoint
