#include "store/database.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "base/random.hpp"
#include "store/connection.hpp"

namespace budkavle::store {
namespace {

class Folder : public ::testing::Test {
protected:
    void SetUp() override { std::filesystem::create_directories(folder_); }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    [[nodiscard]] std::filesystem::path file() const { return folder_ / "test.db"; }
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("budkavle-store-" + new_uuid());
};
using DatabaseTest = Folder;

const std::vector<Migration> kOne = {{1, "CREATE TABLE thing (id TEXT PRIMARY KEY, amount INTEGER, octets BLOB);"}};

std::int64_t count(Database& database) {
    std::int64_t n = -1;
    EXPECT_TRUE(database.read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT COUNT(*) FROM thing"));
        n = rows.at(0).integer(0);
        return {};
    }));
    return n;
}

Result<> insert(Transaction& tx, const std::string& id) {
    BUDKAVLE_CHECK(tx.execute("INSERT INTO thing (id, amount) VALUES (?1, ?2)", {id, std::int64_t{1}}));
    return {};
}

TEST_F(DatabaseTest, KeepsEveryKindOfValue) {
    auto database = Database::open(file(), kOne);
    ASSERT_TRUE(database) << database.error().describe();
    const Bytes octets{0, 1, 0xff};
    ASSERT_TRUE((*database)->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES (?1, ?2, ?3)", {"å", std::int64_t{-7}, octets}));
        BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES (?1, ?2, ?3)", {"empty", std::monostate{}, Bytes{}}));
        return {};
    }));
    ASSERT_TRUE((*database)->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT id, amount, octets FROM thing ORDER BY amount DESC"));
        EXPECT_EQ(rows.size(), 2U);
        EXPECT_EQ(rows[0].text(0), "å");
        EXPECT_EQ(rows[0].integer(1), -7);
        EXPECT_EQ(rows[0].blob(2), octets);
        EXPECT_TRUE(rows[1].is_null(1));
        EXPECT_FALSE(rows[1].is_null(2));
        return {};
    }));
}

TEST_F(DatabaseTest, RollsBackWhenTheWorkFails) {
    auto database = Database::open(file(), kOne);
    ASSERT_TRUE(database);
    const auto done = (*database)->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(insert(tx, "a"));
        return fail("test.refused", "no");
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "test.refused");
    EXPECT_EQ(count(**database), 0);
}

TEST_F(DatabaseTest, UniqueKeyIsAnErrorOfItsOwnAndLeavesTheTransactionUsable) {
    auto database = Database::open(file(), kOne);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(insert(tx, "a"));
        const auto again = insert(tx, "a");
        EXPECT_EQ(again.error().code, "db.constraint");
        return insert(tx, "b");
    }));
    EXPECT_EQ(count(**database), 2);
}

TEST_F(DatabaseTest, ErrorTextNeverHoldsValues) {
    auto database = Database::open(file(), kOne);
    ASSERT_TRUE(database);
    const auto done = (*database)->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(insert(tx, "canary-7f3a"));
        return insert(tx, "canary-7f3a");
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().describe().find("canary"), std::string::npos);
}

TEST_F(DatabaseTest, MigratesFurtherAndRefusesANewerSchema) {
    {
        ASSERT_TRUE(Database::open(file(), kOne));
    }
    auto two = kOne;
    two.push_back({2, "ALTER TABLE thing ADD COLUMN colour TEXT; CREATE TABLE other (id TEXT);"});
    {
        ASSERT_TRUE(Database::open(file(), two));
    }
    {
        ASSERT_TRUE(Database::open(file(), two));
    }
    const auto old = Database::open(file(), kOne);
    ASSERT_FALSE(old);
    EXPECT_EQ(old.error().code, "db.newer");
}

TEST_F(DatabaseTest, AFailedMigrationLeavesNothingBehind) {
    const std::vector<Migration> bad = {{1, "CREATE TABLE thing (id TEXT); CREATE NONSENSE;"}};
    ASSERT_FALSE(Database::open(file(), bad));
    ASSERT_TRUE(Database::open(file(), kOne));
}

TEST_F(DatabaseTest, CommitsAreSyncedToTheDisk) {
    auto writer = Connection::open(file(), Access::write);
    ASSERT_TRUE(writer);
    const auto one = [&](std::string_view sql) { return (*writer)->query(sql, {}).value().at(0); };
    EXPECT_EQ(one("PRAGMA journal_mode").text(0), "wal");
    EXPECT_EQ(one("PRAGMA synchronous").integer(0), 2) << "FULL";
    EXPECT_EQ(one("PRAGMA secure_delete").integer(0), 1);
    EXPECT_EQ(one("PRAGMA foreign_keys").integer(0), 1);
}

TEST_F(DatabaseTest, OnlyTheOwnerMayReadTheFiles) {
    auto database = Database::open(file(), kOne);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->write([&](Transaction& tx) { return insert(tx, "a"); }));
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
        struct stat status{};
        ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U) << entry.path();
    }
}

TEST_F(DatabaseTest, ReadersCannotWrite) {
    auto database = Database::open(file(), kOne);
    ASSERT_TRUE(database);
    EXPECT_FALSE((*database)->read([&](Transaction& tx) { return insert(tx, "a"); }));
    EXPECT_EQ(count(**database), 0);
}

TEST_F(DatabaseTest, ManyThreadsWriteAndRead) {
    auto database = Database::open(file(), kOne);
    ASSERT_TRUE(database);
    std::atomic<int> failures = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 10; ++i) {
                const auto id = std::to_string(t) + "-" + std::to_string(i);
                if (!(*database)->write([&](Transaction& tx) { return insert(tx, id); })) ++failures;
                (void)count(**database);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(count(**database), 80);
}

TEST_F(DatabaseTest, FullDatabaseIsReportedAsLater) {
    auto database = Database::open(file(), kOne);
    ASSERT_TRUE(database);
    const auto done = (*database)->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(tx.query("PRAGMA max_page_count=8"));
        BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES (?1, 1, ?2)", {"big", Bytes(200000)}));
        return {};
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "db.full");
    EXPECT_EQ(done.error().retry, Retry::later);
    EXPECT_EQ(count(**database), 0);
}

TEST_F(DatabaseTest, SurvivesReopening) {
    {
        auto database = Database::open(file(), kOne);
        ASSERT_TRUE(database);
        ASSERT_TRUE((*database)->write([&](Transaction& tx) { return insert(tx, "a"); }));
    }
    auto database = Database::open(file(), kOne);
    ASSERT_TRUE(database);
    EXPECT_EQ(count(**database), 1);
}

}  // namespace
}  // namespace budkavle::store
