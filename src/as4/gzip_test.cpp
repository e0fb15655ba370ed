/// zlib is the foreign implementation here: what it makes we read, what we make it reads, and both refuse the same.

#include "as4/gzip.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

namespace budkavle::as4 {
namespace {

constexpr std::size_t kMost = std::size_t{64} << 20;

Bytes text(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    Bytes out(size);
    for (auto& octet : out) octet = static_cast<std::uint8_t>("ABCDEFGHabcdefgh0123<>/ \n="[random() % 26]);
    return out;
}

Bytes zlib_gzip(ByteView clear, int level = 6) {
    z_stream stream{};
    deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    Bytes out(deflateBound(&stream, clear.size()) + 32);
    stream.next_in = const_cast<Bytef*>(clear.data());
    stream.avail_in = static_cast<uInt>(clear.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

/// Members one after the other, as Java reads them; nothing when the stream is not whole and sound.
std::optional<Bytes> zlib_gunzip(ByteView packed) {
    z_stream stream{};
    inflateInit2(&stream, 15 + 16);
    Bytes out(1 << 20);
    stream.next_in = const_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    int status = Z_OK;
    while ((status = inflate(&stream, Z_FINISH)) == Z_STREAM_END && stream.avail_in > 0) inflateReset(&stream);
    out.resize(out.size() - stream.avail_out);
    inflateEnd(&stream);
    return status == Z_STREAM_END ? std::optional(out) : std::nullopt;
}

Result<Bytes> ours_gunzip(ByteView packed, std::size_t piece = SIZE_MAX, const GunzipLimits& limits = {}) {
    MemorySink sink(kMost);
    GunzipSink gunzip(sink, limits);
    while (!packed.empty()) {
        const auto n = std::min(piece, packed.size());
        BUDKAVLE_CHECK(gunzip.write(packed.first(n)));
        packed = packed.subspan(n);
    }
    BUDKAVLE_CHECK(gunzip.finish());
    return sink.take();
}

Bytes ours_gzip(ByteView clear, std::size_t piece) {
    MemorySink sink(kMost);
    GzipSink gzip(sink);
    for (auto rest = clear; !rest.empty(); rest = rest.subspan(std::min(piece, rest.size())))
        EXPECT_TRUE(gzip.write(rest.first(std::min(piece, rest.size()))));
    EXPECT_TRUE(gzip.finish());
    return sink.take();
}

TEST(GzipTest, ZlibReadsWhatWeWrite) {
    for (const std::size_t size : {0, 1, 17, 10'000, 65'536, 65'537, 1'000'000})
        for (const std::size_t piece : {std::size_t{1000}, std::size_t{65'536}, SIZE_MAX}) {
            const auto clear = text(size, static_cast<unsigned>(size));
            EXPECT_EQ(zlib_gunzip(ours_gzip(clear, piece)), clear) << size << " in pieces of " << piece;
        }
}

TEST(GzipTest, WeReadWhatZlibWritesHoweverItIsCut) {
    for (const std::size_t size : {0, 1, 300, 100'000})
        for (const int level : {0, 1, 6, 9})
            for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, SIZE_MAX}) {
                const auto clear = text(size, static_cast<unsigned>(size));
                EXPECT_EQ(ours_gunzip(zlib_gzip(clear, level), piece).value(), clear) << size << " " << level << " " << piece;
            }
}

TEST(GzipTest, SeveralMembersAreOneStream) {
    Bytes packed;
    Bytes clear;
    for (unsigned i = 0; i < 40; ++i) {
        const auto part = text(i % 5, i);
        const auto member = zlib_gzip(part, i % 2 == 0 ? 0 : 9);
        packed.insert(packed.end(), member.begin(), member.end());
        clear.insert(clear.end(), part.begin(), part.end());
    }
    ASSERT_EQ(zlib_gunzip(packed), clear);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{19}, SIZE_MAX})
        EXPECT_EQ(ours_gunzip(packed, piece).value(), clear) << piece;
}

TEST(GzipTest, AWholeStreamIsDemanded) {
    const auto packed = zlib_gzip(text(5000, 1));
    for (std::size_t n = 0; n < packed.size(); ++n)
        ASSERT_FALSE(ours_gunzip(ByteView(packed).first(n))) << "cut off after " << n;
    auto longer = packed;
    longer.push_back(0);
    EXPECT_EQ(ours_gunzip(longer).error().code, "gzip.damaged") << "something behind the stream";
    longer.back() = 0x1f;
    EXPECT_EQ(ours_gunzip(longer).error().code, "gzip.damaged") << "the beginning of a member";
}

TEST(GzipTest, ChecksumLengthAndReservedBitsCount) {
    const auto packed = zlib_gzip(text(5000, 2));
    for (std::size_t from_end = 1; from_end <= 8; ++from_end) {
        auto changed = packed;
        changed[changed.size() - from_end] ^= 1;
        EXPECT_FALSE(ours_gunzip(changed)) << from_end;
    }
    for (const int bit : {0x20, 0x40, 0x80}) {
        auto changed = packed;
        changed[3] = static_cast<std::uint8_t>(changed[3] | bit);
        EXPECT_FALSE(ours_gunzip(changed)) << bit;
    }
}

TEST(GzipTest, LimitsHold) {
    const Bytes zeros(std::size_t{8} << 20);
    const auto bomb = zlib_gzip(zeros);
    EXPECT_EQ(ours_gunzip(bomb, SIZE_MAX, {.bytes = zeros.size() - 1}).error().code, "gzip.limit");
    EXPECT_TRUE(ours_gunzip(bomb, SIZE_MAX, {.bytes = zeros.size()}));
    EXPECT_EQ(ours_gunzip(bomb, SIZE_MAX, {.ratio = 100}).error().code, "gzip.limit");
}

TEST(GzipTest, WhatZlibRefusesWeRefuse) {
    std::mt19937 random(42);
    unsigned accepted = 0;
    for (unsigned round = 0; round < 30'000; ++round) {
        auto packed = zlib_gzip(text(random() % 600, round), static_cast<int>(random() % 10));
        for (unsigned flips = 1 + random() % 3; flips > 0; --flips)
            packed[random() % packed.size()] ^= static_cast<std::uint8_t>(1U << random() % 8);
        if (random() % 4 == 0) packed.resize(random() % packed.size());
        const auto theirs = zlib_gunzip(packed);
        const auto ours = ours_gunzip(packed, 1 + random() % 50);
        if (theirs) ++accepted;
        if (ours) {
            ASSERT_TRUE(theirs) << "round " << round;
            ASSERT_EQ(*ours, *theirs) << "round " << round;
        } else {
            ASSERT_FALSE(theirs) << "round " << round;
        }
    }
    EXPECT_GT(accepted, 100U) << "time, system and extra flags may change";
}

}  // namespace
}  // namespace budkavle::as4
