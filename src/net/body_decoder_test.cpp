// Chunks cut at every place: the content and the end do not depend on how the octets arrive.
#include "net/body_decoder.hpp"

#include <gtest/gtest.h>

#include <array>

namespace budkavle::net {
namespace {

constexpr std::string_view kChunks = "3;name=\"v\"\r\nabc\r\n0A\r\n0123456789\r\n00\r\nTrailer: t\r\n\r\n";

/// Feeds `pieces`, two output octets at a time; gives the content, and how much was not taken.
std::pair<std::string, std::size_t> decode(BodyDecoder decoder, std::initializer_list<std::string_view> pieces) {
    std::string content;
    std::size_t rest = 0;
    for (auto piece : pieces) {
        while (!piece.empty() && !decoder.done()) {
            std::array<std::uint8_t, 2> out{};
            const auto step = decoder.decode(as_bytes(piece), out);
            if (!step) return {step.error().code, 0};
            content += as_text(ByteView(out).first(step->produced));
            piece.remove_prefix(step->consumed);
        }
        rest += piece.size();
    }
    return {decoder.done() ? content : "unfinished " + content, rest};
}

TEST(BodyDecoder, ChunksCutAnywhere) {
    const auto expected = std::pair<std::string, std::size_t>("abc0123456789", 3);
    for (std::size_t cut = 0; cut <= kChunks.size(); ++cut)
        ASSERT_EQ(decode(BodyDecoder::of_chunks(13), {kChunks.substr(0, cut), kChunks.substr(cut), "GET"}), expected)
            << cut;
    for (std::size_t length = 0; length < kChunks.size(); ++length)
        ASSERT_TRUE(decode(BodyDecoder::of_chunks(13), {kChunks.substr(0, length)}).first.starts_with("unfinished"))
            << length;
}

TEST(BodyDecoder, LengthsAndLimits) {
    EXPECT_EQ(decode(BodyDecoder::of_length(5), {"ab", "cdefg"}), std::pair(std::string("abcde"), std::size_t{2}));
    EXPECT_EQ(decode(BodyDecoder::of_length(5), {"abc"}).first, "unfinished abc");
    EXPECT_TRUE(BodyDecoder::of_length(0).done());
    EXPECT_TRUE(BodyDecoder().done());
    EXPECT_EQ(decode(BodyDecoder::of_chunks(12), {kChunks}).first, "http.body_too_long");
    EXPECT_EQ(decode(BodyDecoder::of_chunks(12), {"ffffffffffffffff\r\n"}).first, "http.body_too_long");
}

}  // namespace
}  // namespace budkavle::net
