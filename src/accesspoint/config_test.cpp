#include "accesspoint/test_support.hpp"

namespace budkavle::accesspoint::test {
namespace {

class ConfigTest : public World {
protected:
    std::string code(const AccessPointConfig& config) {
        const auto checked = check(config, clock_.now());
        return checked ? "" : checked.error().code;
    }
};

TEST_F(ConfigTest, AGoodOneIsAccepted) {
    EXPECT_EQ(code(config(1)), "");
    EXPECT_EQ(config(1).send_retries.wait_after(1), milliseconds(100));
    EXPECT_EQ((RetrySchedule{4, std::chrono::minutes(12)}.wait_after(1)), std::chrono::minutes(4));
    EXPECT_EQ((RetrySchedule{1, std::chrono::minutes(12)}.wait_after(1)), milliseconds(0));
}

TEST_F(ConfigTest, WhatTheFederationForbidsDoesNotStart) {
    auto c = config(1);
    c.id = "AP0009-SDK-TEST";
    EXPECT_EQ(code(c), "config.as4_certificate") << "AP-04";
    c = config(2);
    c.as4 = keys().stranger;
    EXPECT_EQ(code(c), "config.as4_certificate") << "AP-14, AP-19: of another environment";
    c = config(1);
    c.a.client_trust = nullptr;
    EXPECT_EQ(code(c), "config.trust") << "AP-10, K24";
    c = config(1);
    c.c.client_trust = nullptr;
    EXPECT_EQ(code(c), "config.trust") << "SEC-40";
    c = config(1);
    c.duplicate_memory = std::chrono::hours(24 * 29);
    EXPECT_EQ(code(c), "config.duplicate_memory");
    c = config(1);
    c.log_retention = std::chrono::hours(24 * 300);
    EXPECT_EQ(code(c), "config.log_retention") << "SEC-02";
    c = config(1);
    c.profiles = {"digg-transport-as4-v9"};
    EXPECT_EQ(code(c), "config.profile") << "AP-01";
    c = config(1);
    c.c.clients["00"] = {kRegion};
    EXPECT_EQ(code(c), "config.client") << "AP-31";
    c = config(1);
    c.environment.federation_ids.clear();
    EXPECT_EQ(code(c), "config.federation");
    c = config(1);
    c.send_retries.attempts = 0;
    EXPECT_EQ(code(c), "config.attempts");
}

}  // namespace
}  // namespace budkavle::accesspoint::test
