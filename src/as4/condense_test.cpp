/// Texts compressed with a dictionary; zlib is the foreign reader.

#include "as4/condense.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include "as4/test_support.hpp"
#include "base/random.hpp"

namespace budkavle::as4::testing {
namespace {

Bytes read_by_zlib(ByteView condensed, ByteView dictionary, std::size_t size) {
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, -15), Z_OK);
    EXPECT_EQ(inflateSetDictionary(&stream, dictionary.data(), static_cast<unsigned>(dictionary.size())), Z_OK);
    Bytes out(size + 1);
    stream.next_in = const_cast<std::uint8_t*>(condensed.data());
    stream.avail_in = static_cast<unsigned>(condensed.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<unsigned>(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

TEST(Condense, ZlibReadsItUnderTheSameDictionary) {
    const auto dictionary = to_bytes("<eb:Messaging xmlns:eb=\"http://docs.oasis-open.org/ebxml-msg/\">");
    for (const std::size_t size : {0U, 1U, 63U, 4000U, 70'000U}) {
        Bytes random(size);
        random_bytes(random);
        auto clear = to_bytes(std::string(as_text(dictionary)) + base64_encode(random));
        const auto condensed = condense(clear, dictionary).value();
        EXPECT_EQ(read_by_zlib(condensed, dictionary, clear.size()), clear) << size;
        EXPECT_EQ(expand(condensed, dictionary, clear.size()).value(), clear) << size;
        EXPECT_FALSE(expand(condensed, dictionary, clear.size() - 1)) << size;
        for (std::size_t cut = 0; cut < condensed.size(); cut += condensed.size() / 16 + 1)
            EXPECT_FALSE(expand(ByteView(condensed).first(cut), dictionary, clear.size())) << size << " " << cut;
        auto longer = condensed;
        longer.push_back(0);
        EXPECT_FALSE(expand(longer, dictionary, clear.size())) << size;
    }
}

TEST(Condense, TheDictionaryCounts) {
    Bytes random(1500);
    random_bytes(random);
    const auto known = base64_encode(random);
    EXPECT_LT(condense(as_bytes(known), as_bytes(known)).value().size(), 100U);
    EXPECT_GT(condense(as_bytes(known), {}).value().size(), 1400U);
}

}  // namespace
}  // namespace budkavle::as4::testing
