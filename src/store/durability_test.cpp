/// What is promised as durable was synced before the promise: the sync calls of this program are counted here, in place
/// of the C library's.

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/random.hpp"
#include "store/blob.hpp"
#include "store/database.hpp"
#include "store/group_commit.hpp"

namespace {

std::mutex g_lock;
std::atomic<bool> g_failing = false;  // NOLINT: as below
std::vector<std::string> g_synced;    // NOLINT: the interposed functions below have no object to hold it

int note_and_sync(long call, int fd) {
    std::error_code code;
    const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), code);
    {
        const std::lock_guard lock(g_lock);
        g_synced.push_back(path.string());
    }
    if (g_failing) {
        errno = EIO;
        return -1;
    }
    return static_cast<int>(::syscall(call, fd));
}

}  // namespace

extern "C" int fsync(int fd) {
    return note_and_sync(SYS_fsync, fd);
}
extern "C" int fdatasync(int fd) {
    return note_and_sync(SYS_fdatasync, fd);
}

namespace budkavle::store {
namespace {

class DurabilityTest : public ::testing::Test {
protected:
    void SetUp() override { std::filesystem::create_directories(folder_); }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    static void forget() {
        const std::lock_guard lock(g_lock);
        g_synced.clear();
    }
    /// Position of the first sync of a path that ends so; -1 when there was none.
    static std::ptrdiff_t synced(const std::string& ending) {
        const std::lock_guard lock(g_lock);
        for (std::size_t i = 0; i < g_synced.size(); ++i) {
            if (g_synced[i].ends_with(ending)) return static_cast<std::ptrdiff_t>(i);
        }
        return -1;
    }
    static std::ptrdiff_t syncs_of(const std::string& ending) {
        const std::lock_guard lock(g_lock);
        return std::ranges::count_if(g_synced, [&](const auto& path) { return path.ends_with(ending); });
    }
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("budkavle-durable-" + new_uuid());
};

TEST_F(DurabilityTest, ACommitSyncsTheLogOfTheDatabase) {
    forget();
    auto database = Database::open(folder_ / "d.db", {{1, "CREATE TABLE thing (id TEXT);"}});
    ASSERT_TRUE(database);
    EXPECT_GE(synced(folder_.filename().string()), 0) << "the name of the new file is durable";
    for (int i = 0; i < 3; ++i) {
        forget();
        ASSERT_TRUE((*database)->write([](Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES ('a')"));
            EXPECT_LT(synced("d.db-wal"), 0);
            return {};
        }));
        EXPECT_GE(synced("d.db-wal"), 0);
    }
}

// The caller must keep what a committed row would need: after a crash the row may be there.
TEST_F(DurabilityTest, ACommitWhoseSyncFailsIsOfUnknownOutcome) {
    auto database = Database::open(folder_ / "d.db", {{1, "CREATE TABLE thing (id TEXT);"}});
    ASSERT_TRUE(database);
    const auto insert = [](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES ('a')"));
        return {};
    };
    const auto count = [](Database& in) {
        std::int64_t rows = -1;
        (void)in.read([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto found, tx.query("SELECT COUNT(*) FROM thing"));
            rows = found.at(0).integer(0);
            return {};
        });
        return rows;
    };
    g_failing = true;
    const auto done = (*database)->write(insert);
    g_failing = false;
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "db.unknown");
    EXPECT_EQ(done.error().retry, Retry::later);
    EXPECT_EQ(count(**database), 0);

    // What a process finds that starts after a crash at this moment.
    const auto after = folder_ / "after";
    std::filesystem::create_directories(after);
    for (const auto* name : {"d.db", "d.db-wal"}) std::filesystem::copy_file(folder_ / name, after / name);
    auto crashed = Database::open(after / "d.db", {{1, "CREATE TABLE thing (id TEXT);"}});
    ASSERT_TRUE(crashed);
    EXPECT_EQ(count(**crashed), 1) << "not promised, but there";

    EXPECT_TRUE((*database)->write(insert)) << "and without a crash everything goes on";
    EXPECT_EQ(count(**database), 1);
}

TEST_F(DurabilityTest, WritersThatWaitTogetherShareOneSync) {
    auto connection = Connection::open(folder_ / "g.db", Access::write);
    ASSERT_TRUE(connection);
    ASSERT_TRUE((*connection)->script("CREATE TABLE thing (id TEXT PRIMARY KEY);"));
    GroupCommit group(**connection);
    constexpr std::size_t kWriters = 8;
    std::vector<std::jthread> writers;
    std::atomic<int> told = 0;
    forget();
    const auto first = group.write([&](Transaction& tx) -> Result<> {
        for (std::size_t i = 0; i < kWriters; ++i) {
            writers.emplace_back([&, i] {
                const auto done = group.write([&](Transaction& own) -> Result<> {
                    BUDKAVLE_CHECK(own.execute("INSERT INTO thing VALUES (?1)", {std::to_string(i)}));
                    return {};
                });
                EXPECT_TRUE(done);
                EXPECT_EQ(syncs_of("g.db-wal"), 2) << "success is told after the sync of the group";
                ++told;
            });
        }
        while (group.waiting() < kWriters) std::this_thread::yield();
        EXPECT_EQ(told, 0);
        BUDKAVLE_CHECK(tx.execute("INSERT INTO thing VALUES ('leader')"));
        return {};
    });
    EXPECT_TRUE(first);
    writers.clear();
    EXPECT_EQ(told, static_cast<int>(kWriters));
    EXPECT_EQ(syncs_of("g.db-wal"), 2) << "one for the leader, one for all who waited";
}

TEST_F(DurabilityTest, ABlobSyncsItsOctetsThenItsName) {
    auto store = BlobStore::open(folder_ / "blobs", SecretBytes(32));
    ASSERT_TRUE(store);
    auto writer = (*store)->create();
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write(Bytes(100000)));
    forget();
    ASSERT_TRUE((*writer)->commit());
    const auto octets = synced(".part");
    const auto name = synced("/blobs");
    EXPECT_GE(octets, 0);
    EXPECT_GT(name, octets);
}

}  // namespace
}  // namespace budkavle::store
