#include "smpserver/locator.hpp"

#include <gtest/gtest.h>

#include "smpserver/test_support.hpp"

namespace budkavle::smpserver {
namespace {

using namespace testing;

class LocatorTest : public ::testing::Test {
protected:
    LocatorTest() {
        std::filesystem::create_directories(folder_);
        config_.zone = "lab.example.se";
        config_.file = folder_ / "zone";
        config_.smp_url = "https://smp.lab.example.se/";
        config_.name_server = {"ns1.lab.example.se", {"127.0.0.1"}};
        config_.hosts = {{"smp.lab.example.se", {"127.0.0.1", "::1"}}};
        config_.reload = [this]() -> Result<> {
            ++reloads_;
            if (failing_) return fail("reload.failed", "x", Retry::later);
            return {};
        };
    }
    ~LocatorTest() override { std::filesystem::remove_all(folder_); }
    std::string text() const { return read_text(config_.file); }
    unsigned long serial() const {
        const auto octets = text();
        return std::stoul(std::string(split(split(octets, '\n')[0], ' ')[6]));
    }
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("locator-" + new_uuid());
    MovableClock clock_;
    LocatorConfig config_;
    unsigned reloads_ = 0;
    bool failing_ = false;
    std::vector<federation::ParticipantId> one_{must(federation::ParticipantId::parse("0203:digg-test1.example.se"))};
};

TEST_F(LocatorTest, RecordsAreTheLiteralOnes_FED08) {
    EXPECT_EQ(must(zone_text(config_, one_, 7)),
              "lab.example.se. 60 IN SOA ns1.lab.example.se. hostmaster.lab.example.se. 7 3600 600 604800 60\n"
              "lab.example.se. 60 IN NS ns1.lab.example.se.\n"
              "ns1.lab.example.se. 60 IN A 127.0.0.1\n"
              "smp.lab.example.se. 60 IN A 127.0.0.1\n"
              "smp.lab.example.se. 60 IN AAAA ::1\n"
              "V5SU5WHV23H2ILOUEZYGUPWX5MNEFCNMJYKVQQSFIBLQ5KDECUHA.iso6523-actorid-upis.lab.example.se. 60 IN NAPTR "
              "100 10 \"U\" \"Meta:SMP\" "
              "\"!.*!https://smp.lab.example.se/!\" .\n");
}

TEST_F(LocatorTest, SerialGrowsWithEveryChangeOnly) {
    Locator locator(config_, clock_);
    Bench::ok(locator.publish({}));
    const auto first = serial();
    Bench::ok(locator.publish({}));
    EXPECT_EQ(serial(), first);
    EXPECT_EQ(reloads_, 1U);
    Bench::ok(locator.publish(one_));
    EXPECT_EQ(serial(), first + 1) << "the same second";
    clock_.at -= std::chrono::hours(5);
    Bench::ok(locator.publish({}));
    EXPECT_EQ(serial(), first + 2) << "a clock that was set back";
    EXPECT_EQ(reloads_, 3U);
}

TEST_F(LocatorTest, FailedReloadsAreRepeated) {
    Locator locator(config_, clock_);
    failing_ = true;
    EXPECT_EQ(code_of(locator.publish(one_)), "reload.failed");
    failing_ = false;
    Bench::ok(locator.publish(one_));
    EXPECT_EQ(reloads_, 2U);
}

TEST_F(LocatorTest, NothingForeignGetsIntoTheZone) {
    auto bad = config_;
    bad.zone = "lab.example.se\n@ A 192.0.2.66";
    EXPECT_FALSE(zone_text(bad, one_, 1));
    bad = config_;
    bad.hosts = {{"other.example.se", {"127.0.0.1"}}};
    EXPECT_FALSE(zone_text(bad, one_, 1));
    bad.hosts = {{"a.lab.example.se", {"127.0.0.1 ; x"}}};
    EXPECT_FALSE(zone_text(bad, one_, 1));
    bad = config_;
    bad.smp_url = "http://smp.lab.example.se/";
    EXPECT_FALSE(zone_text(bad, one_, 1));
}

}  // namespace
}  // namespace budkavle::smpserver
