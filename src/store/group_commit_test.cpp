#include "store/group_commit.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/random.hpp"

namespace budkavle::store {
namespace {

class GroupCommitTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::filesystem::create_directories(folder_);
        auto opened = Connection::open(folder_ / "group.db", Access::write);
        ASSERT_TRUE(opened);
        connection_ = std::move(*opened);
        ASSERT_TRUE(connection_->script("CREATE TABLE thing (id TEXT PRIMARY KEY, octets BLOB);"));
        group_.emplace(*connection_);
    }
    void TearDown() override {
        group_.reset();
        connection_.reset();
        std::filesystem::remove_all(folder_);
    }
    /// Runs all works in one group: they wait behind a writer that holds the transaction until all are there.
    std::vector<Result<>> together(const std::vector<GroupCommit::Work>& works) {
        std::vector<Result<>> outcomes(works.size());
        std::vector<std::jthread> writers;
        const auto first = group_->write([&](Transaction&) -> Result<> {
            for (std::size_t i = 0; i < works.size(); ++i) {
                writers.emplace_back([&, i] { outcomes[i] = group_->write(works[i]); });
                while (group_->waiting() <= i) std::this_thread::yield();
            }
            return {};
        });
        EXPECT_TRUE(first);
        writers.clear();
        return outcomes;
    }
    static GroupCommit::Work insert(std::string id) {
        return [id = std::move(id)](Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES (?1, NULL)", {id}));
            return {};
        };
    }
    std::vector<std::string> ids() {
        auto rows = connection_->query("SELECT id FROM thing ORDER BY id", {});
        EXPECT_TRUE(rows);
        std::vector<std::string> all;
        for (const auto& row : *rows) all.push_back(row.text(0));
        return all;
    }
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("budkavle-group-" + new_uuid());
    std::unique_ptr<Connection> connection_;
    std::optional<GroupCommit> group_;
};

TEST_F(GroupCommitTest, AFailedWorkUndoesOnlyItsOwnChanges) {
    const auto half = [](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES ('half', NULL)"));
        return fail("test.no", "Changed its mind.");
    };
    const auto outcomes = together({insert("a"), half, insert("b"), insert("a"), insert("c")});
    EXPECT_TRUE(outcomes[0]);
    ASSERT_FALSE(outcomes[1]);
    EXPECT_EQ(outcomes[1].error().code, "test.no");
    EXPECT_TRUE(outcomes[2]);
    ASSERT_FALSE(outcomes[3]) << "the same key within one group";
    EXPECT_EQ(outcomes[3].error().code, "db.constraint");
    EXPECT_TRUE(outcomes[4]);
    EXPECT_EQ(ids(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(GroupCommitTest, WhatAWorkThrowsComesOutAtItsOwnWriter) {
    std::atomic<int> caught = 0;
    std::vector<std::jthread> writers;
    ASSERT_TRUE(group_->write([&](Transaction&) -> Result<> {
        writers.emplace_back([&] {
            try {
                (void)group_->write([](Transaction& tx) -> Result<> {
                    BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES ('thrown', NULL)"));
                    throw std::runtime_error("out of patience");
                });
            } catch (const std::runtime_error&) {
                ++caught;
            }
        });
        writers.emplace_back([&] { EXPECT_TRUE(group_->write(insert("other"))); });
        while (group_->waiting() < 2) std::this_thread::yield();
        return {};
    }));
    writers.clear();
    EXPECT_EQ(caught, 1);
    EXPECT_EQ(ids(), std::vector<std::string>{"other"});
    EXPECT_THROW((void)group_->write([](Transaction&) -> Result<> { throw std::runtime_error("alone"); }),
                 std::runtime_error);
    EXPECT_TRUE(group_->write(insert("afterwards"))) << "the transaction of the thrower is over";
}

TEST_F(GroupCommitTest, WhenTheEngineGivesUpTheGroupEachIsTriedAlone) {
    ASSERT_TRUE(connection_->script("PRAGMA max_page_count = 12;"));
    const auto large = [](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES ('large', zeroblob(200000))"));
        return {};
    };
    const auto outcomes = together({insert("a"), large, insert("b")});
    EXPECT_TRUE(outcomes[0]);
    ASSERT_FALSE(outcomes[1]);
    EXPECT_EQ(outcomes[1].error().code, "db.full");
    EXPECT_TRUE(outcomes[2]);
    EXPECT_EQ(ids(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(GroupCommitTest, EveryWriterGetsItsOutcomeUnderLoad) {
    std::atomic<int> written = 0;
    std::atomic<int> refused = 0;
    {
        std::vector<std::jthread> writers;
        for (int t = 0; t < 12; ++t)
            writers.emplace_back([&, t] {
                // Every id is tried by two threads: exactly one may have it.
                for (int i = 0; i < 100; ++i)
                    ++(group_->write(insert(std::to_string(t / 2) + "-" + std::to_string(i))) ? written : refused);
            });
    }
    EXPECT_EQ(written, 600);
    EXPECT_EQ(refused, 600);
    EXPECT_EQ(ids().size(), 600U);
}

}  // namespace
}  // namespace budkavle::store
