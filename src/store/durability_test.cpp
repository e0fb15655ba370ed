/// What is promised as durable was synced before the promise: the sync calls of this program are counted here, in place
/// of the C library's.

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>

#include "base/random.hpp"
#include "store/blob.hpp"
#include "store/database.hpp"

namespace {

std::mutex g_lock;
std::vector<std::string> g_synced;  // NOLINT: the interposed functions below have no object to hold it

int note_and_sync(long call, int fd) {
    std::error_code code;
    const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), code);
    {
        const std::lock_guard lock(g_lock);
        g_synced.push_back(path.string());
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
