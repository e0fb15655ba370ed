#include "obs/log.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/random.hpp"

namespace budkavle::obs {
namespace {

namespace fs = std::filesystem;

class LogTest : public ::testing::Test {
protected:
    void SetUp() override { fs::create_directories(folder_); }
    void TearDown() override { fs::remove_all(folder_); }
    std::unique_ptr<Log> open() { return Log::open(folder_, "ap1", clock_).value(); }
    [[nodiscard]] fs::path file(const char* name) const { return folder_ / name; }
    [[nodiscard]] std::string text(const char* name) const {
        std::ifstream in(file(name), std::ios::binary);
        std::ostringstream out;
        out << in.rdbuf();
        return out.str();
    }
    [[nodiscard]] std::vector<boost::json::object> lines(const char* name) const {
        std::vector<boost::json::object> out;
        std::istringstream in(text(name));
        for (std::string line; std::getline(in, line);) out.push_back(boost::json::parse(line).as_object());
        return out;
    }
    void write(const char* name, const std::string& octets) const {
        std::ofstream(file(name), std::ios::binary | std::ios::trunc) << octets;
    }
    fs::path folder_ = fs::temp_directory_path() / ("budkavle-log-" + new_uuid());
    FixedClock clock_{Time(milliseconds{1'772'442'903'900})};
};

TEST_F(LogTest, WritesThreeStreamsApart) {  // SEC-15
    auto log = open();
    log->technical(Level::warning, "tls.refused",
                   {{"peer", "127.0.0.1:4711"}, {"count", std::int64_t{3}}, {"final", true}});
    log->transfer("as4.sent", {{"participant", "0203:kommunen.example.se"}});
    log->audit("operator", "config.changed", {{"what", "retry"}});
    const auto technical = lines("technical.jsonl");
    ASSERT_EQ(technical.size(), 1U);
    EXPECT_EQ(technical[0].at("time").as_string(), "2026-03-02T09:15:03.900Z");  // SEC-11, SEC-71
    EXPECT_EQ(technical[0].at("component").as_string(), "ap1");
    EXPECT_EQ(technical[0].at("level").as_string(), "warning");
    EXPECT_EQ(technical[0].at("count").as_int64(), 3);
    EXPECT_TRUE(technical[0].at("final").as_bool());
    EXPECT_EQ(lines("transfer.jsonl").at(0).at("participant").as_string(), "0203:kommunen.example.se");
    EXPECT_EQ(lines("audit.jsonl").at(0).at("who").as_string(), "operator");
}

TEST_F(LogTest, HostileValuesCannotForgeLines) {
    auto log = open();
    log->technical(Level::info, "x",
                   {{"value", "a\"}\n{\"event\":\"forged\"}"}, {"octets", std::string("\xff\x01\0b", 4)}});
    log->audit("who\"\n", "x\n", {{"k", "\n"}});
    EXPECT_EQ(lines("technical.jsonl").size(), 1U);
    EXPECT_EQ(lines("audit.jsonl").size(), 1U);
    log->technical(Level::info, "long", {{"value", std::string(100000, 'x')}});
    EXPECT_LT(text("technical.jsonl").size(), 4000U);
}

TEST_F(LogTest, ErrorFieldsCarryOnlyWhatIsSafe) {  // SEC-03
    auto log = open();
    const Error error{"xml.doctype", "SEC-64", "/", "The document has a DOCTYPE.", "canary-remedy", Retry::never};
    log->technical(Level::warning, "refused", error_fields(error));
    EXPECT_EQ(text("technical.jsonl").find("canary"), std::string::npos);
    EXPECT_EQ(lines("technical.jsonl").at(0).at("rule").as_string(), "SEC-64");
}

TEST_F(LogTest, AuditChainSurvivesRestarts) {  // SEC-12
    for (int run = 0; run < 3; ++run) {
        auto log = open();
        log->audit("operator", "a");
        log->audit("operator", "b",
                   {{"long", std::string(2000, 'x')},
                    {"longer", std::string(2000, 'y')},
                    {"longest", std::string(2000, 'z')}});
    }
    EXPECT_EQ(verify_audit(file("audit.jsonl")).value(), 6U);
}

TEST_F(LogTest, AuditChainShowsEveryChange) {  // SEC-12
    {
        auto log = open();
        for (int i = 0; i < 4; ++i) log->audit("operator", "event" + std::to_string(i));
    }
    const auto good = text("audit.jsonl");
    const auto second = good.find('\n') + 1;
    const auto third = good.find('\n', second) + 1;
    const std::vector<std::pair<const char*, std::string>> bad = {
        {"line removed", good.substr(0, second) + good.substr(third)},
        {"first line removed", good.substr(second)},
        {"line changed", std::string(good).replace(good.find("event1"), 6, "eventX")},
        {"lines swapped", good.substr(second, third - second) + good.substr(0, second) + good.substr(third)},
        {"line repeated", good.substr(0, third) + good.substr(second)},
        {"garbage inserted", good.substr(0, second) + "garbage\n" + good.substr(second)},
        {"garbage at the end", good + "garbage\n"},
    };
    for (const auto& [what, octets] : bad) {
        write("audit.jsonl", octets);
        const auto verdict = verify_audit(file("audit.jsonl"));
        ASSERT_FALSE(verdict) << what;
        EXPECT_EQ(verdict.error().code, "audit.broken") << what;
    }
}

TEST_F(LogTest, ALineCutOffByACrashIsClosedAndRecorded) {
    {
        open()->audit("operator", "a");
    }
    const auto whole = text("audit.jsonl");
    for (std::size_t cut = 1; cut < 60; cut += 7) {
        write("audit.jsonl", whole + whole.substr(0, cut));
        EXPECT_TRUE(verify_audit(file("audit.jsonl"))) << "a torn end alone is no tampering";
        {
            open()->audit("operator", "after");
        }
        const auto after = text("audit.jsonl");
        EXPECT_NE(after.find("log.line_closed"), std::string::npos);
        EXPECT_EQ(verify_audit(file("audit.jsonl")).value(), 4U);
    }
    write("technical.jsonl", "{\"time\":\"20");
    open()->technical(Level::info, "after");
    EXPECT_EQ(text("technical.jsonl").find("{\"time\":\"20\n{"), 0U);
}

TEST_F(LogTest, SeveralWritersShareOneChain) {
    auto one = open();
    auto two = Log::open(folder_, "mt1", clock_).value();
    std::thread other([&] {
        for (int i = 0; i < 50; ++i) two->audit("mt", "event");
    });
    for (int i = 0; i < 50; ++i) one->audit("ap", "event");
    other.join();
    EXPECT_EQ(verify_audit(file("audit.jsonl")).value(), 100U);
}

TEST(TraceTest, TakesOverAValidHeaderAndStartsAnewOtherwise) {  // SEC-13
    const std::string_view good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const auto trace = Trace::from_header(good);
    EXPECT_EQ(trace.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_EQ(trace.header(), good);
    const auto child = trace.child();
    EXPECT_EQ(child.trace_id, trace.trace_id);
    EXPECT_NE(child.span_id, trace.span_id);
    for (const std::string_view bad : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                                       "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                       "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                       "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                                       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
                                       "00-4bf92f3577b34da6a3ce929d0e0e473\n-00f067aa0ba902b7-01"}) {
        const auto fresh = Trace::from_header(bad);
        EXPECT_EQ(fresh.trace_id.size(), 32U) << bad;
        EXPECT_NE(fresh.trace_id, trace.trace_id) << bad;
    }
}

}  // namespace
}  // namespace budkavle::obs
