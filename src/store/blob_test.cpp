#include "store/blob.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/random.hpp"
#include "store/chunk_cipher.hpp"
#include "store/test_pattern.hpp"

namespace budkavle::store {
namespace {

namespace fs = std::filesystem;

using test::pattern;

class BlobTest : public ::testing::Test {
protected:
    void SetUp() override { reopen(); }
    void TearDown() override {
        store_.reset();
        fs::remove_all(folder_);
    }
    void reopen() {
        store_.reset();
        auto opened = BlobStore::open(folder_ / "blobs", key_);
        ASSERT_TRUE(opened) << opened.error().describe();
        store_ = std::move(*opened);
    }
    std::string put(ByteView octets) {
        auto writer = store_->create();
        EXPECT_TRUE(writer);
        EXPECT_TRUE((*writer)->write(octets));
        EXPECT_EQ((*writer)->size(), octets.size());
        return (*writer)->commit().value();
    }
    Result<Bytes> get(const std::string& id) {
        BUDKAVLE_TRY(auto source, store_->read(id));
        return read_all(*source, std::size_t{1} << 30);
    }
    [[nodiscard]] fs::path path(const std::string& id) const { return folder_ / "blobs" / (id + ".blob"); }
    Bytes raw(const std::string& id) { return read_file(path(id)).value(); }
    void overwrite(const std::string& id, ByteView octets) {
        std::ofstream out(path(id), std::ios::binary | std::ios::trunc);
        out.write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
    }
    fs::path folder_ = fs::temp_directory_path() / ("budkavle-blob-" + new_uuid());
    SecretBytes key_ = SecretBytes(Bytes(32, 0x42));
    std::unique_ptr<BlobStore> store_;
};

TEST(ChunkCipherTest, AgreesWithThePublishedGcmVectors) {
    // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13 and 14 (AES-256, zero key and nonce).
    ChunkCipher cipher{SecretBytes(32)};
    EXPECT_EQ(hex_encode(cipher.seal(Nonce{}, {}, {}).value()), "530f8afbc74536b9a963b4f1c4cb738b");
    EXPECT_EQ(hex_encode(cipher.seal(Nonce{}, {}, Bytes(16)).value()),
              "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
    EXPECT_EQ(
        cipher.open(Nonce{}, {}, hex_decode("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919").value())
            .value(),
        Bytes(16));
}

TEST_F(BlobTest, GivesBackWhatWasWrittenAtEverySizeAroundAChunk) {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, kChunk - 1, kChunk, kChunk + 1, 2 * kChunk, 3 * kChunk + 17}) {
        const auto octets = pattern(size);
        const auto id = put(octets);
        EXPECT_EQ(get(id).value(), octets) << size;
        EXPECT_EQ(store_->size(id).value(), size);
    }
}

TEST_F(BlobTest, NothingIsStoredInClear) {
    const auto id = put(as_bytes("canary-7f3a canary-7f3a"));
    const auto stored = raw(id);
    EXPECT_EQ(as_text(stored).find("canary"), std::string_view::npos);
    struct stat status{};
    ASSERT_EQ(::stat(path(id).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(BlobTest, EveryChangedOctetIsFound) {
    const auto id = put(pattern(1000));
    const auto good = raw(id);
    for (std::size_t i = 0; i < good.size(); i += 13) {
        auto bad = good;
        bad[i] ^= 1;
        overwrite(id, bad);
        const auto got = get(id);
        ASSERT_FALSE(got) << i;
        EXPECT_EQ(got.error().code, "blob.damaged");
    }
}

TEST_F(BlobTest, CuttingSwappingAndAppendingChunksIsFound) {
    const auto id = put(pattern(3 * kChunk));
    const auto good = raw(id);
    const std::size_t header = 64;
    const std::size_t sealed = kChunk + kTag;
    ASSERT_EQ(good.size(), header + 3 * sealed);
    const auto chunk = [&](std::size_t n) { return good.begin() + static_cast<std::ptrdiff_t>(header + n * sealed); };
    const std::vector<std::pair<const char*, Bytes>> bad = {
        {"cut at a chunk", Bytes(good.begin(), chunk(2))},
        {"cut inside a chunk", Bytes(good.begin(), chunk(2) + 100)},
        {"header only", Bytes(good.begin(), chunk(0))},
        {"swapped",
         [&] {
             Bytes b(good.begin(), chunk(0));
             b.insert(b.end(), chunk(1), chunk(2));
             b.insert(b.end(), chunk(0), chunk(1));
             b.insert(b.end(), chunk(2), good.end());
             return b;
         }()},
        {"appended",
         [&] {
             Bytes b = good;
             b.insert(b.end(), chunk(2), good.end());
             return b;
         }()},
        {"one octet more",
         [&] {
             Bytes b = good;
             b.push_back(0);
             return b;
         }()},
    };
    for (const auto& [what, octets] : bad) {
        overwrite(id, octets);
        const auto got = get(id);
        ASSERT_FALSE(got) << what;
        EXPECT_EQ(got.error().code, "blob.damaged") << what;
    }
}

TEST_F(BlobTest, AFileUnderAnotherIdOrKeyIsDamage) {
    const auto a = put(pattern(10));
    const auto b = put(pattern(10));
    overwrite(b, raw(a));
    EXPECT_EQ(get(b).error().code, "blob.damaged");
    key_ = SecretBytes(Bytes(32, 0x43));
    reopen();
    EXPECT_EQ(get(a).error().code, "blob.damaged");
}

TEST_F(BlobTest, UncommittedWritesLeaveNothing) {
    {
        auto writer = store_->create();
        ASSERT_TRUE(writer);
        ASSERT_TRUE((*writer)->write(pattern(200000)));
    }
    EXPECT_TRUE(fs::is_empty(folder_ / "blobs"));
    // What a killed process leaves behind goes at the next start.
    std::ofstream(folder_ / "blobs" / (new_uuid() + ".part")) << "half";
    reopen();
    EXPECT_TRUE(fs::is_empty(folder_ / "blobs"));
}

TEST_F(BlobTest, SweepRemovesOnlyWhatNobodyKnows) {
    const auto kept = put(pattern(5));
    const auto orphan = put(pattern(6));
    EXPECT_EQ(store_->sweep([&](const std::string& id) { return id == kept; }).value(), 1U);
    EXPECT_TRUE(get(kept));
    EXPECT_EQ(get(orphan).error().code, "blob.missing");
    ASSERT_TRUE(store_->remove(kept));
    ASSERT_TRUE(store_->remove(kept));
}

TEST_F(BlobTest, IdsNeverBecomePaths) {
    std::ofstream(folder_ / "secret.blob") << "outside";
    EXPECT_EQ(store_->read("../secret").error().code, "blob.missing");
    EXPECT_EQ(store_->size("../secret").error().code, "blob.missing");
    EXPECT_FALSE(store_->remove("../secret"));
    EXPECT_TRUE(fs::exists(folder_ / "secret.blob"));
}

TEST_F(BlobTest, OneProcessAtATime) {
    const auto second = BlobStore::open(folder_ / "blobs", key_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "blob.in_use");
}

TEST_F(BlobTest, SeveralProcessesShareAFolderWithoutSweepingEachOthersWork) {
    store_.reset();
    const auto blobs = folder_ / "blobs";
    const auto one = BlobStore::open(blobs, key_, Sharing::several_processes).value();
    auto writer = one->create().value();
    ASSERT_TRUE(writer->write(pattern(100000)));
    const auto two = BlobStore::open(blobs, key_, Sharing::several_processes, milliseconds{0}).value();
    EXPECT_EQ(BlobStore::open(blobs, key_).error().code, "blob.in_use") << "nobody gets it for himself";
    const auto nobody = [](const std::string&) { return false; };
    EXPECT_EQ(two->sweep(nobody).value(), 0U) << "perhaps somebody is writing it";
    const auto id = writer->commit().value();
    EXPECT_EQ(two->sweep(nobody).value(), 0U) << "perhaps its row comes next";
    EXPECT_EQ(two->sweep([&](const std::string& name) { return name == id; }).value(), 0U);
    EXPECT_TRUE(read_all(*two->read(id).value(), 1U << 20U));
    EXPECT_EQ(two->sweep(nobody).value(), 0U) << "it had a keeper: the time begins again";
    EXPECT_EQ(two->sweep(nobody).value(), 1U);
    EXPECT_TRUE(fs::is_empty(blobs));
    EXPECT_EQ(one->sweep(nobody).value(), 0U);
}

TEST_F(BlobTest, WhatADeadProcessLeftHalfWrittenGoesAfterASecondLook) {
    store_.reset();
    const auto blobs = folder_ / "blobs";
    const auto store = BlobStore::open(blobs, key_, Sharing::several_processes, milliseconds{0}).value();
    const auto part = blobs / (new_uuid() + ".part");
    std::ofstream(part) << "half";
    const auto all = [](const std::string&) { return true; };
    EXPECT_EQ(store->sweep(all).value(), 0U);
    std::ofstream(part, std::ios::app) << "more";
    EXPECT_EQ(store->sweep(all).value(), 0U) << "it grows";
    EXPECT_EQ(store->sweep(all).value(), 1U);
}

TEST_F(BlobTest, KeyFileIsMadeOncePrivateAndWhole) {
    const auto file = folder_ / "store.key";
    const auto made = load_or_create_key(file);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->size(), 32U);
    const auto again = load_or_create_key(file);
    EXPECT_TRUE(equal_constant_time(made->view(), again->view()));
    ::chmod(file.c_str(), 0640);
    EXPECT_EQ(load_or_create_key(file).error().code, "key.permissions");
    ::chmod(file.c_str(), 0600);
    fs::resize_file(file, 31);
    EXPECT_EQ(load_or_create_key(file).error().code, "key.malformed");
}

}  // namespace
}  // namespace budkavle::store
