// What must hold in the register whatever failed: planted faults are found by name and mended by the worker (`smp.md` 1.10).
#include "smpserver/invariants.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "smpserver/test_support.hpp"

namespace budkavle::smpserver {
namespace {

using testing::Bench;
using testing::must;

class SmpInvariants : public ::testing::Test {
protected:
    SmpInvariants() { bench_.fill(); }
    [[nodiscard]] std::vector<std::string> found() {
        std::vector<std::string> out;
        for (const auto& one : must(check_invariants(*database_, bench_.clock.now(), std::chrono::seconds(60))))
            out.push_back(one.invariant);
        std::ranges::sort(out);
        out.erase(std::unique(out.begin(), out.end()), out.end());
        return out;
    }
    void plant(const std::string& sql) {
        Bench::ok(database_->write([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(tx.execute(sql));
            return {};
        }));
    }
    void mend(bool anew) {
        Bench::ok(queue_repair(*database_, bench_.id.text(), anew, bench_.clock.now()));
        while (must(bench_.registry->work())) {
        }
    }
    using Names = std::vector<std::string>;

    Bench bench_;
    std::unique_ptr<store::Database> database_ = bench_.database();
};

TEST_F(SmpInvariants, SoundRegisterHasNone) {
    EXPECT_EQ(found(), Names{});
    const auto all = must(read_published(*database_, "", 10));
    ASSERT_EQ(all.size(), 1U);
    EXPECT_TRUE(all[0].visible && all[0].settled);
    EXPECT_EQ(all[0].answers.size(), 3U) << "group and two documents";
    EXPECT_TRUE(must(read_wishes(*database_)).at(bench_.id.folded()).wanted);
    EXPECT_EQ(must(read_endpoints(*database_)).size(), 2U);
}

TEST_F(SmpInvariants, PlantedFaultsAreFoundAndMended) {
    const std::vector<std::pair<std::string, Names>> faults{
        {"UPDATE members SET publish_state = 'none'", {"answers", "state", "wish"}},
        {"UPDATE answers SET body = NULL WHERE document = ''", {"answers"}},
        {"DELETE FROM answers WHERE document <> ''", {"answers"}},
        {"DELETE FROM answer_bodies", {"body"}},
        {"UPDATE answers SET etag = '\"00\"' WHERE document = ''", {"body"}},
        {"DELETE FROM locator_queue", {"wish"}},
        {"UPDATE locator_queue SET wanted = 0", {"wish"}},
        {"UPDATE members SET publish_state = 'failed', publish_error = 'x'", {"publishing"}},
        {"UPDATE locator_queue SET state = 'failed', error = 'x'", {"registering"}},
    };
    for (const auto& [sql, names] : faults) {
        plant(sql);
        EXPECT_EQ(found(), names) << sql;
        mend(true);
        EXPECT_EQ(found(), Names{}) << sql;
        EXPECT_EQ(must(read_published(*database_, "", 10)).at(0).answers.size(), 3U) << sql;
    }
}

TEST_F(SmpInvariants, WhatShouldNotBeSeenIsWithdrawn) {
    plant("UPDATE members SET suspended = 1");
    EXPECT_EQ(found(), Names{"state"});
    mend(false);
    EXPECT_EQ(found(), Names{});
    const auto all = must(read_published(*database_, "", 10));
    EXPECT_TRUE(all.at(0).answers.empty());
    EXPECT_EQ(all.at(0).gone.size(), 3U);
    EXPECT_FALSE(must(read_wishes(*database_)).at(bench_.id.folded()).wanted);
    plant("DELETE FROM members");
    EXPECT_EQ(found(), Names{});
    EXPECT_EQ(must(read_removed(*database_)).size(), 1U) << "nodes are asked for it still";
}

TEST_F(SmpInvariants, WhatWaitsTooLongIsFound) {
    plant("UPDATE members SET publish_state = 'queued', publish_due = 1");
    plant("UPDATE locator_queue SET state = 'queued', due = 1");
    EXPECT_EQ(found(), (Names{"publishing", "registering"}));
}

}  // namespace
}  // namespace budkavle::smpserver
