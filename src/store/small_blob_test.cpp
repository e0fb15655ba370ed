#include "store/small_blob.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "store/test_pattern.hpp"

namespace budkavle::store {
namespace {

namespace fs = std::filesystem;

using test::pattern;

class SmallBlobTest : public ::testing::Test {
protected:
    void SetUp() override {
        fs::create_directories(folder_);
        database_ = Database::open(folder_ / "d.db", {{1, small_blob_schema()}}).value();
        store_ = with_small_blobs(*database_, BlobStore::open(folder_ / "blobs", key_).value(), key_);
    }
    void TearDown() override {
        store_.reset();
        database_.reset();
        fs::remove_all(folder_);
    }
    std::unique_ptr<BlobWriter> prepared(ByteView octets) {
        auto writer = store_->create().value();
        // In pieces: the border between small and large may lie within one.
        for (auto rest = octets; !rest.empty(); rest = rest.subspan(std::min<std::size_t>(rest.size(), 1000)))
            EXPECT_TRUE(writer->write(rest.first(std::min<std::size_t>(rest.size(), 1000))));
        EXPECT_TRUE(writer->prepare());
        EXPECT_EQ(writer->size(), octets.size());
        return writer;
    }
    static Result<Bytes> all(Result<std::unique_ptr<Source>> source) {
        if (!source) return std::unexpected(source.error());
        return read_all(**source, std::size_t{1} << 30);
    }
    [[nodiscard]] std::ptrdiff_t files() const {
        return std::distance(fs::directory_iterator(folder_ / "blobs"), fs::directory_iterator());
    }
    Result<> run(std::string_view sql, const std::vector<Value>& parameters = {}) {
        return database_->write([&](Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(tx.execute(sql, parameters));
            return {};
        });
    }
    std::int64_t rows() {
        std::int64_t n = -1;
        EXPECT_TRUE(database_->read([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto found, tx.query("SELECT COUNT(*) FROM small_blob"));
            n = found.at(0).integer(0);
            return {};
        }));
        return n;
    }
    fs::path folder_ = fs::temp_directory_path() / ("budkavle-small-" + new_uuid());
    SecretBytes key_ = SecretBytes(Bytes(32, 0x42));
    std::unique_ptr<Database> database_;
    std::unique_ptr<BlobStore> store_;
};

TEST_F(SmallBlobTest, ComesBackFromWhereItsSizePutsIt) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kSmallBlob - 1, kSmallBlob, kSmallBlob + 1, 3 * kSmallBlob}) {
        const auto octets = pattern(size);
        const auto before = files();
        auto writer = prepared(octets);
        EXPECT_EQ(all(writer->read()).value(), octets) << "before it is stored";
        ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto id, writer->store(tx));
            EXPECT_EQ(id, writer->id());
            return {};
        }));
        EXPECT_EQ(files() - before, size > kSmallBlob ? 1 : 0) << size;
        EXPECT_EQ(all(store_->read(writer->id())).value(), octets);
        EXPECT_EQ(store_->size(writer->id()).value(), size);
    }
}

TEST_F(SmallBlobTest, IsStoredWithTheTransactionOrNotAtAll) {
    const auto writer = prepared(pattern(100));
    EXPECT_EQ(store_->read(writer->id()).error().code, "blob.missing");
    EXPECT_FALSE(database_->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(writer->store(tx));
        return fail("test.no", "Changed its mind.");
    }));
    EXPECT_EQ(rows(), 0);
    ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(writer->store(tx));
        return {};
    })) << "the transaction is run again";
    EXPECT_EQ(all(store_->read(writer->id())).value(), pattern(100));
}

TEST_F(SmallBlobTest, GoesWithTheTransactionThatForgetsIt) {
    const auto small = store_->create().value();
    ASSERT_TRUE(small->write(pattern(10)));
    const auto small_id = small->commit().value();
    const auto large = store_->create().value();
    ASSERT_TRUE(large->write(pattern(kSmallBlob + 1)));
    const auto large_id = large->commit().value();
    ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(store_->remove_within(tx, small_id));
        return store_->remove_within(tx, large_id);
    }));
    EXPECT_EQ(store_->read(small_id).error().code, "blob.missing");
    EXPECT_TRUE(store_->read(large_id)) << "the file is removed after the commit";
    EXPECT_TRUE(store_->remove(small_id)) << "absent is fine";
    EXPECT_TRUE(store_->remove(large_id));
    EXPECT_EQ(store_->read(large_id).error().code, "blob.missing");
}

TEST_F(SmallBlobTest, NoClearOctetsStandInTheDatabase) {
    const std::string canary = "canary-content-of-a-small-blob";
    const auto writer = store_->create().value();
    ASSERT_TRUE(writer->write(as_bytes(canary)));
    ASSERT_TRUE(writer->commit());
    for (const auto* name : {"d.db", "d.db-wal"})
        EXPECT_EQ(as_text(read_file(folder_ / name).value()).find(canary), std::string_view::npos) << name;
}

TEST_F(SmallBlobTest, ChangedMovedOrCutOctetsAreDamaged) {
    const auto first = store_->create().value();
    ASSERT_TRUE(first->write(pattern(50)));
    const auto a = first->commit().value();
    const auto second = store_->create().value();
    ASSERT_TRUE(second->write(pattern(51)));
    const auto b = second->commit().value();
    ASSERT_TRUE(run("UPDATE small_blob SET octets = (SELECT octets FROM small_blob WHERE id = ?2) WHERE id = ?1", {a, b}));
    EXPECT_EQ(store_->read(a).error().code, "blob.damaged") << "the octets of another blob";
    ASSERT_TRUE(run("UPDATE small_blob SET octets = SUBSTR(octets, 1, LENGTH(octets) - 1) WHERE id = ?1", {b}));
    EXPECT_EQ(store_->read(b).error().code, "blob.damaged");
    ASSERT_TRUE(run("UPDATE small_blob SET octets = x'424b5331' WHERE id = ?1", {b}));
    EXPECT_EQ(store_->read(b).error().code, "blob.damaged");
    EXPECT_EQ(store_->size(b).error().code, "blob.damaged");
}

TEST_F(SmallBlobTest, SweepsOrphansThatAreOldEnough) {
    const auto writer = store_->create().value();
    ASSERT_TRUE(writer->write(pattern(10)));
    const auto young = writer->commit().value();
    const auto nobody = [](const std::string&) { return false; };
    EXPECT_EQ(store_->sweep(nobody).value(), 0U) << "another process may just be storing it";
    const std::string old = "s0000000000000001" "0000000000000001";
    ASSERT_TRUE(run("INSERT INTO small_blob (id, octets) VALUES (?1, ?2)", {old, Bytes(40)}));
    EXPECT_EQ(store_->sweep([&](const std::string& id) { return id == old; }).value(), 0U) << "a row names it";
    EXPECT_EQ(store_->sweep(nobody).value(), 1U);
    EXPECT_TRUE(store_->read(young));
}

TEST_F(SmallBlobTest, SEC43_OnlyCiphertextIsLeftBehind) {
    const auto file_holds = [&](ByteView what) {
        database_.reset();  // the log is copied into the file
        const auto octets = read_file(folder_ / "d.db", std::size_t{1} << 24).value();
        const bool holds = as_text(octets).find(as_text(what)) != std::string_view::npos;
        store_.reset();
        database_ = Database::open(folder_ / "d.db", {{1, small_blob_schema()}}).value();
        store_ = with_small_blobs(*database_, BlobStore::open(folder_ / "blobs", key_).value(), key_);
        return holds;
    };
    ASSERT_TRUE(run("CREATE TABLE note (text TEXT)"));
    const std::string word = "a word that nobody may find again";
    ASSERT_TRUE(run("INSERT INTO note VALUES (?1)", {word}));
    auto blob = prepared(pattern(30000));
    ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(blob->store(tx));
        return {};
    }));
    EXPECT_TRUE(file_holds(as_bytes(word)));
    // What is deleted beside a sealed blob, in one transaction with it, is overwritten all the same.
    ASSERT_TRUE(database_->write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(store_->remove_within(tx, blob->id()));
        BUDKAVLE_CHECK(tx.execute("DELETE FROM note"));
        return {};
    }));
    EXPECT_EQ(rows(), 0);
    EXPECT_FALSE(file_holds(as_bytes(word)));
    EXPECT_FALSE(file_holds(ByteView(pattern(30000)).first(64)));
}

}  // namespace
}  // namespace budkavle::store
