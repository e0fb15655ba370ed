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

TEST_P(SendQueueTest, WhoEndsAJobHasTheNextOfItsLaneUnlessAnotherWaits) {
    SendQueue queue(*database_, clock_, limits_);
    const auto add = [&](const OutgoingMessage& m) {
        ASSERT_TRUE(database_->write([&](store::Transaction& tx) { return enqueue_to_send(tx, m, clock_.at); }));
        queue.added(m.recipient);
    };
    const auto end = [&](const SendQueue::Claim& claim) {
        std::optional<store::Job> next;
        EXPECT_TRUE(database_->write([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(store::complete(tx, claim.job));
            BUDKAVLE_TRY(next, queue.claim_following(tx, claim.job));
            return {};
        }));
        queue.ended(claim.job);
        return next;
    };
    for (const auto* id : {"1", "2", "3"}) add(message(id));
    clock_.at += kLease * 10;  // they have waited long
    const auto first = queue.claim().value();
    ASSERT_TRUE(first);
    auto next = end(*first);
    ASSERT_TRUE(next);
    queue.hand_following(*next);
    (void)queue.release(*first);
    const auto second = queue.claim().value();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->job.id, next->id);

    auto elsewhere = message("4");
    elsewhere.recipient = federation::ParticipantId::parse("0203:c.example.se").value();
    add(elsewhere);
    EXPECT_FALSE(end(*second)) << "the other lane has its turn";
    (void)queue.release(*second);
    const auto third = queue.claim().value();
    ASSERT_TRUE(third);
    EXPECT_EQ(third->lane, lane_of(elsewhere.recipient));
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
