#include "accesspoint/state.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace budkavle::accesspoint {
namespace {

constexpr std::array kAll{Outgoing::queued, Outgoing::sending, Outgoing::delivered, Outgoing::failed,
                          Outgoing::unconfirmed};

TEST(StateTest, NamesAreUniqueAndReadBack) {
    std::set<std::string_view> names;
    for (const auto state : kAll) {
        names.insert(to_string(state));
        EXPECT_EQ(outgoing_from(to_string(state)), state);
    }
    EXPECT_EQ(names.size(), kAll.size());
    EXPECT_FALSE(outgoing_from("lost"));
}

TEST(StateTest, NothingLeavesAFinalState) {
    for (const auto from : kAll) {
        for (const auto to : kAll) {
            if (is_final(from)) EXPECT_FALSE(check_transition(from, to)) << to_string(from) << " to " << to_string(to);
        }
    }
    EXPECT_FALSE(check_transition(Incoming::acknowledged, Incoming::available));
    EXPECT_TRUE(check_transition(Incoming::available, Incoming::acknowledged));
}

TEST(StateTest, DeliveryAndMissingEvidenceNeedAnAttempt) {
    EXPECT_FALSE(check_transition(Outgoing::queued, Outgoing::delivered));
    EXPECT_FALSE(check_transition(Outgoing::queued, Outgoing::unconfirmed));
    EXPECT_TRUE(check_transition(Outgoing::queued, Outgoing::failed));
    EXPECT_TRUE(check_transition(Outgoing::sending, Outgoing::sending));
    EXPECT_FALSE(check_transition(Outgoing::sending, Outgoing::queued));
}

}  // namespace
}  // namespace budkavle::accesspoint
