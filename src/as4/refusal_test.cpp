#include "as4/refusal.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace budkavle::as4 {
namespace {

TEST(Refusal, EveryCauseHasItsRow) {
    ASSERT_EQ(all_causes().size(), static_cast<std::size_t>(Cause::invalid_receipt) + 1);
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < all_causes().size(); ++i) {
        const auto& row = all_causes()[i];
        EXPECT_EQ(static_cast<std::size_t>(row.cause), i) << row.name;
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_TRUE(row.code.starts_with("EBMS:0") && row.code.size() == 9) << row.name;
        EXPECT_FALSE(row.detail.empty() || row.rule.empty()) << row.name;
        EXPECT_EQ(facts(row.cause).name, row.name);
    }
}

// as4-wire.md 1.7: short description, severity and category belong to the code, not to the cause.
TEST(Refusal, OneCodeHasOneDescription) {
    std::map<std::string_view, const CauseFacts*> seen;
    for (const auto& row : all_causes()) {
        const auto [first, fresh] = seen.emplace(row.code, &row);
        EXPECT_EQ(first->second->short_description, row.short_description) << row.name;
        EXPECT_EQ(first->second->severity, row.severity) << row.name;
        EXPECT_EQ(first->second->category, row.category) << row.name;
    }
}

// as4-wire.md 1.6: no oracle, whatever the caller says.
TEST(Refusal, DecryptionIsConstant) {
    const Refusal plain(Cause::decryption);
    const Refusal talkative(Cause::decryption, "The padding was wrong.");
    EXPECT_EQ(plain.detail, talkative.detail);
    EXPECT_EQ(plain.code, "EBMS:0102");
}

// access-point.md 5, AP-18.
TEST(Refusal, TextsOfTheFederation) {
    EXPECT_EQ(Refusal(Cause::not_serviced).detail, "NOT_SERVICED");
    EXPECT_EQ(Refusal(Cause::xhe_not_conformant).detail, "XHE_NOT_CONFORMANT");
    EXPECT_EQ(Refusal(Cause::revocation_unavailable).http_status, 503);
    EXPECT_EQ(Refusal(Cause::revocation_unavailable).retry, Retry::later);
}

}  // namespace
}  // namespace budkavle::as4
