#include "base/base64_sink.hpp"

#include <gtest/gtest.h>

namespace budkavle {
namespace {

/// RFC 4648 section 10, in every way of cutting the input.
TEST(Base64Sink, GivesTheVectorsOfRfc4648HoweverTheInputIsCut) {
    const std::string clear = "foobar";
    const std::string expected[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (std::size_t length = 0; length <= clear.size(); ++length)
        for (std::size_t cut = 0; cut <= length; ++cut) {
            MemorySink sink(64);
            Base64Sink encoder(sink);
            ASSERT_TRUE(encoder.write(as_bytes(clear.substr(0, cut))).has_value());
            ASSERT_TRUE(encoder.write(as_bytes(clear.substr(cut, length - cut))).has_value());
            ASSERT_TRUE(encoder.finish().has_value());
            EXPECT_EQ(as_text(sink.bytes()), expected[length]);
        }
}

TEST(Base64Sink, LongInputEqualsTheWholeEncoding) {
    Bytes bytes(200'001);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
    MemorySink sink(400'000);
    Base64Sink encoder(sink);
    ASSERT_TRUE(encoder.write(ByteView(bytes).first(100'000)).has_value());
    ASSERT_TRUE(encoder.write(ByteView(bytes).subspan(100'000)).has_value());
    ASSERT_TRUE(encoder.finish().has_value());
    EXPECT_EQ(as_text(sink.bytes()), base64_encode(bytes));
}

}  // namespace
}  // namespace budkavle
