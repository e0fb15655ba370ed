// SEC-120, AP-19: warnings at 90, 30 and 7 days, each once, then daily.
#include "crypto/expiry.hpp"

#include <gtest/gtest.h>

#include "crypto/issue.hpp"

namespace budkavle::crypto {
namespace {

using std::chrono::hours;

Certificate ending(Time at) {
    static const auto key = generate_rsa(2048).value();
    CertificateTemplate what;
    what.subject = {{"O", "Exempelkommun"}, {"CN", "ap.example.se"}};
    what.not_before = at - hours(24 * 730);
    what.not_after = at;
    return issue_self_signed(what, key).value();
}

TEST(Expiry, SEC120_EachThresholdOnceThenDaily) {
    const auto end = parse_time("2027-01-01T12:00:00Z").value();
    const std::vector inventory{inventory_item("ap.as4", true, ending(end))};
    ExpiryWatch watch;
    std::vector<std::pair<std::int64_t, int>> told;
    for (auto now = end - hours(24 * 100); now < end + hours(60); now += hours(1)) {
        for (const auto& notice : watch.due(inventory, now)) told.emplace_back(notice.days, notice.threshold);
    }
    const std::vector<std::pair<std::int64_t, int>> expected{{89, 90}, {29, 30}, {6, 7}, {5, 7}, {4, 7}, {3, 7},
                                                             {2, 7},   {1, 7},   {0, 7}, {-1, 0}, {-2, 0}, {-3, 0}};
    EXPECT_EQ(told, expected);
    EXPECT_EQ(inventory.front().owner, "Exempelkommun");
}

TEST(Expiry, SEC120_ARestartAndANewCertificateStartAnew) {
    const auto now = parse_time("2027-01-01T12:00:00Z").value();
    const std::vector old{inventory_item("ap.as4", true, ending(now + hours(24 * 20)))};
    ExpiryWatch watch;
    EXPECT_EQ(watch.due(old, now).size(), 1U);
    EXPECT_EQ(watch.due(old, now).size(), 0U);
    const std::vector renewed{inventory_item("ap.as4", true, ending(now + hours(24 * 700)))};
    EXPECT_EQ(watch.due(renewed, now).size(), 0U) << "nothing to tell";
    EXPECT_EQ(watch.due(old, now).size(), 1U) << "the old one came back: told again";
    EXPECT_EQ(ExpiryWatch().due(old, now).size(), 1U) << "a restart tells where things stand";
}

}  // namespace
}  // namespace budkavle::crypto
