/// Every request vector of `as4-wire.md` 2.2 with what INDEX.tsv says it must yield.

#include <gtest/gtest.h>

#include <sstream>

#include "as4/test_support.hpp"

namespace budkavle::as4::testing {
namespace {

struct Row {
    std::string name;
    std::string expected;
    std::string message_id;
    std::string payloads;
};

std::vector<Row> rows(std::string_view kind) {
    std::vector<Row> found;
    std::istringstream index(text(vectors() / "INDEX.tsv"));
    for (std::string line; std::getline(index, line);) {
        const auto cells = split(line, '\t');
        if (cells.size() >= 4 && cells[0].starts_with(kind))
            found.push_back(
                {std::string(cells[0]), std::string(cells[1]), std::string(cells[2]), std::string(cells[3])});
    }
    EXPECT_FALSE(found.empty()) << kind;
    return found;
}

std::string described(const std::vector<Payload>& payloads) {
    std::string all;
    for (const auto& payload : payloads)
        all += (all.empty() ? "" : " ") + payload.info.cid + "=" + std::to_string(payload.bytes) + ":" + payload.sha256;
    return all;
}

TEST(Vectors, PositiveMessagesOpen) {
    for (const auto& row : rows("pos-")) {
        SCOPED_TRACE(row.name);
        MemoryStore store(std::size_t{1} << 20);
        const auto opened = open_octets(octets(vectors() / (row.name + ".body")), content_type_of(row.name),
                                        laboratory().receiver(), store);
        ASSERT_TRUE(opened) << opened.error().code << " " << opened.error().detail;
        EXPECT_EQ(opened->message.message_id, row.message_id);
        EXPECT_EQ(described(opened->payloads), row.payloads);
        EXPECT_EQ(opened->signer, laboratory().a.certificate());
        EXPECT_EQ(opened->deliver(), row.expected.find("not delivered") == std::string::npos);
        EXPECT_EQ(opened->references.size(), opened->payloads.size() + (row.name.starts_with("pos-12") ? 3U : 2U));
        for (const auto& payload : opened->payloads)
            EXPECT_EQ(store.payloads().at(payload.info.cid).size(), payload.bytes);
    }
}

// "0102/0011", "0103/0101", "0003 (phase4) / 0052 (Domibus)", "HTTP 400": one of the codes named, or the status.
bool is_expected(const Refusal& refusal, const std::string& expected) {
    if (expected.find("HTTP " + std::to_string(refusal.http_status)) != std::string::npos) return true;
    return expected.find(refusal.code.substr(5)) != std::string::npos;
}

TEST(Vectors, NegativeMessagesAreRefused) {
    for (const auto& row : rows("neg-")) {
        SCOPED_TRACE(row.name + ": " + row.expected);
        MemoryStore store(std::size_t{160} << 20);
        const auto opened = open_octets(octets(vectors() / (row.name + ".body")), content_type_of(row.name),
                                        laboratory().receiver(), store);
        ASSERT_FALSE(opened);
        EXPECT_TRUE(is_expected(opened.error(), row.expected)) << opened.error().code << " " << opened.error().detail;
        EXPECT_TRUE(store.payloads().empty()) << "a finished payload although refused";
        if (opened.error().http_status != 400) EXPECT_EQ(opened.error().message_id, row.message_id);
    }
}

}  // namespace
}  // namespace budkavle::as4::testing
