#include "store/database.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "base/random.hpp"
#include "store/connection.hpp"
#include "store/test_cluster.hpp"

namespace budkavle::store {
namespace {

using DatabaseTest = test::OnEngine;

class SqliteTest : public ::testing::Test {
protected:
    void SetUp() override { std::filesystem::create_directories(folder_); }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    [[nodiscard]] std::filesystem::path file() const { return folder_ / "test.db"; }
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("budkavle-store-" + new_uuid());
};

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

TEST_P(DatabaseTest, KeepsEveryKindOfValue) {
    auto database = Database::open_at(location_, kOne);
    ASSERT_TRUE(database) << database.error().describe();
    const Bytes octets{0, 1, 0xff};
    ASSERT_TRUE((*database)->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES (?1, ?2, ?3)", {"å", std::int64_t{-7}, octets}));
        BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES (?1, ?2, ?3)", {"empty", std::monostate{}, Bytes{}}));
        return {};
    }));
    ASSERT_TRUE((*database)->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT id, amount, octets FROM thing ORDER BY id DESC"));
        EXPECT_EQ(rows.size(), 2U);
        EXPECT_EQ(rows[0].text(0), "å");
        EXPECT_EQ(rows[0].integer(1), -7);
        EXPECT_EQ(rows[0].blob(2), octets);
        EXPECT_TRUE(rows[1].is_null(1));
        EXPECT_FALSE(rows[1].is_null(2));
        return {};
    }));
}

TEST_P(DatabaseTest, RollsBackWhenTheWorkFails) {
    auto database = Database::open_at(location_, kOne);
    ASSERT_TRUE(database);
    const auto done = (*database)->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(insert(tx, "a"));
        return fail("test.refused", "no");
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "test.refused");
    EXPECT_EQ(count(**database), 0);
}

TEST_P(DatabaseTest, UniqueKeyIsAnErrorOfItsOwnAndLeavesTheTransactionUsable) {
    auto database = Database::open_at(location_, kOne);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(insert(tx, "a"));
        const auto again = insert(tx, "a");
        EXPECT_EQ(again.error().code, "db.constraint");
        return insert(tx, "b");
    }));
    EXPECT_EQ(count(**database), 2);
}

TEST_P(DatabaseTest, ErrorTextNeverHoldsValues) {
    auto database = Database::open_at(location_, kOne);
    ASSERT_TRUE(database);
    const auto done = (*database)->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(insert(tx, "canary-7f3a"));
        return insert(tx, "canary-7f3a");
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().describe().find("canary"), std::string::npos);
}

TEST_P(DatabaseTest, MigratesFurtherAndRefusesANewerSchema) {
    {
        ASSERT_TRUE(Database::open_at(location_, kOne));
    }
    auto two = kOne;
    two.push_back({2, "ALTER TABLE thing ADD COLUMN colour TEXT; CREATE TABLE other (id TEXT);"});
    {
        ASSERT_TRUE(Database::open_at(location_, two));
    }
    {
        ASSERT_TRUE(Database::open_at(location_, two));
    }
    const auto old = Database::open_at(location_, kOne);
    ASSERT_FALSE(old);
    EXPECT_EQ(old.error().code, "db.newer");
}

TEST_P(DatabaseTest, AFailedMigrationLeavesNothingBehind) {
    const std::vector<Migration> bad = {{1, "CREATE TABLE thing (id TEXT); CREATE NONSENSE;"}};
    ASSERT_FALSE(Database::open_at(location_, bad));
    ASSERT_TRUE(Database::open_at(location_, kOne));
}

TEST_F(SqliteTest, CommitsAreSyncedToTheDisk) {
    auto writer = Connection::open(file(), Access::write);
    ASSERT_TRUE(writer);
    const auto one = [&](std::string_view sql) { return (*writer)->query(sql, {}).value().at(0); };
    EXPECT_EQ(one("PRAGMA journal_mode").text(0), "wal");
    EXPECT_EQ(one("PRAGMA synchronous").integer(0), 2) << "FULL";
    EXPECT_EQ(one("PRAGMA secure_delete").integer(0), 1);
    EXPECT_EQ(one("PRAGMA foreign_keys").integer(0), 1);
}

TEST_F(SqliteTest, OnlyTheOwnerMayReadTheFiles) {
    auto database = Database::open(file(), kOne);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->write([&](Transaction& tx) { return insert(tx, "a"); }));
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
        struct stat status{};
        ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U) << entry.path();
    }
}

TEST_P(DatabaseTest, ReadersCannotWrite) {
    auto database = Database::open_at(location_, kOne);
    ASSERT_TRUE(database);
    EXPECT_FALSE((*database)->read([&](Transaction& tx) { return insert(tx, "a"); }));
    EXPECT_EQ(count(**database), 0);
}

TEST_P(DatabaseTest, ManyThreadsWriteAndRead) {
    auto database = Database::open_at(location_, kOne);
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

TEST_F(SqliteTest, FullDatabaseIsReportedAsLater) {
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

TEST_P(DatabaseTest, SurvivesReopening) {
    {
        auto database = Database::open_at(location_, kOne);
        ASSERT_TRUE(database);
        ASSERT_TRUE((*database)->write([&](Transaction& tx) { return insert(tx, "a"); }));
    }
    auto database = Database::open_at(location_, kOne);
    ASSERT_TRUE(database);
    EXPECT_EQ(count(**database), 1);
}

TEST_P(DatabaseTest, TextIsOrderedOctetByOctet) {
    const auto database = open(kOne);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->write([&](Transaction& tx) -> Result<> {
        for (const auto* id : {"b", "å", "B", "a-1", "a1"}) BUDKAVLE_CHECK(insert(tx, id));
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT id FROM thing WHERE id > ?1 ORDER BY id", {"A"}));
        std::string order;
        for (const auto& row : rows) order += row.text(0) + " ";
        EXPECT_EQ(order, "B a-1 a1 b å ");
        return {};
    }));
}

TEST_P(DatabaseTest, SumsAndCountsAreIntegers) {
    const auto database = open(kOne);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->write([&](Transaction& tx) -> Result<> {
        for (const std::int64_t n : {std::int64_t{-70'000}, std::int64_t{9'000'000'000'000'000}, std::int64_t{0}})
            BUDKAVLE_CHECK(tx.execute("INSERT INTO thing (id, amount) VALUES (?1, ?2)", {std::to_string(n), n}));
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT SUM(amount), COUNT(*), MIN(amount), SUM(amount - amount) FROM thing"));
        EXPECT_EQ(rows.at(0).integer(0), 8'999'999'999'930'000);
        EXPECT_EQ(rows.at(0).integer(1), 3);
        EXPECT_EQ(rows.at(0).integer(2), -70'000);
        EXPECT_EQ(rows.at(0).integer(3), 0);
        return {};
    }));
}

/// Two objects on one store stand for two processes. Each adds to what it has read: a lost update would show.
TEST_P(DatabaseTest, NoUpdateOfTwoProcessesIsLost) {
    const auto first = open(kOne);
    const auto second = open(kOne);
    ASSERT_TRUE(first && second);
    ASSERT_TRUE(first->write([](Transaction& tx) { return insert(tx, "sum"); }));
    std::atomic<int> failures = 0;
    std::vector<std::thread> threads;
    for (auto* database : {first.get(), second.get(), first.get(), second.get()}) {
        threads.emplace_back([&, database] {
            for (int i = 0; i < 25; ++i) {
                const auto done = database->write([](Transaction& tx) -> Result<> {
                    BUDKAVLE_TRY(const auto rows, tx.query("SELECT amount FROM thing WHERE id = 'sum'"));
                    BUDKAVLE_CHECK(
                        tx.execute("UPDATE thing SET amount = ?1 WHERE id = 'sum'", {rows.at(0).integer(0) + 1}));
                    return {};
                });
                if (!done) ++failures;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(failures, 0);
    ASSERT_TRUE(second->read([](Transaction& tx) -> Result<> {
        EXPECT_EQ(tx.query("SELECT amount FROM thing").value().at(0).integer(0), 101);
        return {};
    }));
}

TEST_P(DatabaseTest, AReaderSeesOneStateWhileAnotherWrites) {
    const auto reader = open(kOne);
    const auto writer = open(kOne);
    ASSERT_TRUE(reader && writer);
    ASSERT_TRUE(reader->read([&](Transaction& tx) -> Result<> {
        EXPECT_EQ(tx.query("SELECT COUNT(*) FROM thing").value().at(0).integer(0), 0);
        EXPECT_TRUE(writer->write([](Transaction& other) { return insert(other, "a"); }));
        EXPECT_EQ(tx.query("SELECT COUNT(*) FROM thing").value().at(0).integer(0), 0);
        return {};
    }));
    EXPECT_EQ(count(*reader), 1);
}

TEST_P(DatabaseTest, TwoProcessesThatStartAtOnceMigrateOnce) {
    std::vector<Migration> many = kOne;
    for (int version = 2; version <= 12; ++version)
        many.push_back({version, "CREATE TABLE extra (id TEXT); DROP TABLE extra;"});
    std::atomic<int> failures = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            const auto opened = Database::open_at(location_, many);
            if (opened) return;
            ++failures;
            ADD_FAILURE() << opened.error().describe();
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(Database::schema_state(location_, many).value().present, 12);
}

TEST_P(DatabaseTest, PendingMigrationsAreNamedWithoutBeingApplied) {
    EXPECT_EQ(Database::schema_state(location_, kOne).value().pending, std::vector<int>{1});
    ASSERT_TRUE(open(kOne));
    auto two = kOne;
    two.push_back({2, "ALTER TABLE thing ADD COLUMN colour TEXT"});
    const auto state = Database::schema_state(location_, two).value();
    EXPECT_EQ(state.present, 1);
    EXPECT_EQ(state.pending, std::vector<int>{2});
    EXPECT_EQ(Database::schema_state(location_, two).value().present, 1);
    ASSERT_TRUE(open(two));
    EXPECT_EQ(Database::schema_state(location_, kOne).error().code, "db.newer");
}

BUDKAVLE_ON_BOTH_ENGINES(DatabaseTest);

}  // namespace
}  // namespace budkavle::store
