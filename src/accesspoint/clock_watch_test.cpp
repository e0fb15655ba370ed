#include "accesspoint/clock_watch.hpp"

#include <gtest/gtest.h>

namespace budkavle::accesspoint {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class SetClock final : public Clock {
public:
    [[nodiscard]] Time now() const override { return at; }
    Time at{hours(24 * 365 * 50)};
};

class ClockWatchTest : public ::testing::Test {
protected:
    void pass(milliseconds time) {
        wall_.at += time;
        monotonic_ += time;
    }
    SetClock wall_;
    std::chrono::steady_clock::time_point monotonic_{hours(7)};
    ClockWatch watch_{wall_, [this] { return monotonic_; }};
};

TEST_F(ClockWatchTest, IsBelievedAfterAnHourUndisturbed) {  // access-point.md 8
    EXPECT_FALSE(watch_.believed()) << "at the start it may be wrong by any amount";
    pass(hours(1));
    EXPECT_FALSE(watch_.look());
    EXPECT_TRUE(watch_.believed());
}

TEST_F(ClockWatchTest, AJumpIsToldOnceAndEndsTheBelief) {
    pass(hours(2));
    for (const auto jump : {hours(24 * 45), hours(-24 * 45), hours(-3)}) {
        wall_.at += jump;
        EXPECT_EQ(watch_.look(), jump);
        EXPECT_FALSE(watch_.look()) << "told once";
        EXPECT_FALSE(watch_.believed());
        pass(hours(1));
        EXPECT_FALSE(watch_.look());
        EXPECT_TRUE(watch_.believed());
    }
}

TEST_F(ClockWatchTest, SmallCorrectionsAreNoJumpHoweverMany) {
    pass(hours(1));
    for (int i = 0; i < 100; ++i) {
        wall_.at += seconds(i % 2 == 0 ? 9 : -5);
        pass(seconds(1));
        EXPECT_FALSE(watch_.look());
    }
    EXPECT_TRUE(watch_.believed());
}

}  // namespace
}  // namespace budkavle::accesspoint
