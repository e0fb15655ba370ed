#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <set>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/stream.hpp"
#include "base/time.hpp"

namespace budkavle {
namespace {

// RFC 4648 section 10 holds these pairs.
TEST(Bytes, Rfc4648Vectors) {
    const std::pair<std::string_view, std::string_view> base64[] = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
    for (const auto& [clear, coded] : base64) {
        EXPECT_EQ(base64_encode(as_bytes(clear)), coded);
        ASSERT_TRUE(base64_decode(coded)) << coded;
        EXPECT_EQ(as_text(*base64_decode(coded)), clear);
    }
    EXPECT_EQ(base32_encode(as_bytes("foobar")), "MZXW6YTBOI");
    EXPECT_EQ(base32_encode(as_bytes("fooba")), "MZXW6YTB");
    EXPECT_EQ(hex_encode(as_bytes("foobar")), "666f6f626172");
}

TEST(Bytes, Base64IsStrict) {
    for (const auto* bad : {"Zg", "Zg=", "Zg===", "Z", "Zh==", "Zm9=", "Zm 9v", "Zm9v=", "=",
                            "====", "Zg==Zg==", "Zm9\n", "Zm-v", "Zm9v\n"}) {
        EXPECT_FALSE(base64_decode(bad)) << bad;
    }
    EXPECT_TRUE(base64_decode(" Zm\r\n9v\t", Base64Space::xml));
    EXPECT_FALSE(base64_decode("Zm9v\f", Base64Space::xml));
}

TEST(Bytes, Base64InPiecesEqualsWhole) {
    Bytes clear(1000);
    random_bytes(clear);
    const auto coded = base64_encode(clear);
    for (std::size_t piece = 1; piece < 9; ++piece) {
        Base64Decoder decoder(Base64Space::none);
        Bytes out;
        for (std::size_t at = 0; at < coded.size(); at += piece)
            ASSERT_TRUE(decoder.update(std::string_view(coded).substr(at, piece), out));
        ASSERT_TRUE(decoder.finish());
        EXPECT_EQ(out, clear);
    }
}

TEST(Bytes, Utf8) {
    EXPECT_TRUE(is_valid_utf8("Åäö 😀"));
    EXPECT_EQ(utf8_length("Åäö 😀"), 5U);
    for (const auto* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82", "\x80"})
        EXPECT_FALSE(is_valid_utf8(bad));
}

TEST(Bytes, PercentDecodingHappensOnceAndStrictly) {
    EXPECT_EQ(percent_encode("a::b#c/ö"), "a%3A%3Ab%23c%2F%C3%B6");
    EXPECT_EQ(percent_decode("a%3a%3Ab%23").value(), "a::b#");
    EXPECT_EQ(percent_decode("%2541").value(), "%41");
    for (const auto* bad : {"%", "%4", "%zz", "a%", "%00", "%ff"}) EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(Bytes, CollapseAndSplit) {
    EXPECT_EQ(collapse_space(" a \t b\r\nc "), "a b c");
    EXPECT_EQ(split("a//b", '/').size(), 3U);
    EXPECT_TRUE(equal_ignore_case_ascii("aBc", "AbC"));
    EXPECT_FALSE(equal_ignore_case_ascii("Ä", "ä"));
}

TEST(Time, FormatsAndParses) {
    EXPECT_EQ(format_utc(parse_time("2026-03-02T09:15:03.9Z").value()), "2026-03-02T09:15:03.900Z");
    EXPECT_EQ(format_utc(parse_time("2024-02-29T23:59:59+02:00").value()), "2024-02-29T21:59:59.000Z");
    EXPECT_EQ(format_utc(parse_time("2026-01-01T24:00:00Z").value()), "2026-01-02T00:00:00.000Z");
    for (const auto* bad :
         {"2026-03-02T09:15:03", "2025-02-29T00:00:00Z", "2026-03-02t09:15:03Z", "2026-03-02T09:15:03,9Z",
          "2026-03-02T09:15:03.Z", "2026-03-02T25:00:00Z", "2026-03-02T09:15:03Z ", "2026-03-02",
          "0000-01-01T00:00:00Z", "2026-01-01T00:00:00+15:00"}) {
        EXPECT_FALSE(parse_time(bad)) << bad;
    }
}

TEST(Random, UuidsHaveTheirFormAndDiffer) {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto id = new_uuid();
        EXPECT_TRUE(is_uuid(id));
        EXPECT_EQ(id[14], '4');
        EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
        EXPECT_TRUE(seen.insert(id).second);
    }
    EXPECT_FALSE(is_uuid("5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b1"));
    EXPECT_FALSE(is_uuid("5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11 "));
    EXPECT_FALSE(is_uuid("5b0d3c1e8-f0a-4a5e-9a53-0c6f6f7d2b11"));
}

TEST(Stream, LimitsHold) {
    MemorySource source(std::string_view("0123456789"));
    const auto all = read_all(source, 9);
    ASSERT_FALSE(all);
    EXPECT_EQ(all.error().code, "stream.too_long");
}

TEST(Stream, AtomicFileReplacesWhole) {
    const auto dir = std::filesystem::temp_directory_path() / new_uuid();
    std::filesystem::create_directory(dir);
    ASSERT_TRUE(write_file_atomic(dir / "a", as_bytes("first")));
    ASSERT_TRUE(write_file_atomic(dir / "a", as_bytes("second")));
    EXPECT_EQ(as_text(read_file(dir / "a").value()), "second");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir), {}), 1);
    EXPECT_EQ(read_file(dir / "b").error().code, "file.open");
    std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace budkavle
