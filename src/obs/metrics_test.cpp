#include "obs/metrics.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace budkavle::obs {
namespace {

TEST(Metrics, ExposesCountersGaugesAndHistograms) {
    Metrics metrics;
    auto& sent = metrics.counter({.name = "ap_sent_total", .help = "Messages sent.", .labels = {"cause"}});
    auto& queue = metrics.gauge({.name = "ap_queue", .help = "Messages waiting.", .labels = {}});
    auto& took = metrics.histogram({.name = "ap_seconds", .help = "Seconds.", .labels = {"side"}}, {0.5, 1, 10});
    sent.add({"EBMS:0101"});
    sent.add({"EBMS:0101"}, 2);
    queue.set(7.5);
    for (const double value : {0.1, 0.5, 3.0, 20.0}) took.observe({"a"}, value);
    EXPECT_EQ(metrics.exposition(),
              "# HELP ap_queue Messages waiting.\n# TYPE ap_queue gauge\nap_queue 7.5\n"
              "# HELP ap_seconds Seconds.\n# TYPE ap_seconds histogram\n"
              "ap_seconds_bucket{side=\"a\",le=\"0.5\"} 2\nap_seconds_bucket{side=\"a\",le=\"1\"} 2\n"
              "ap_seconds_bucket{side=\"a\",le=\"10\"} 3\nap_seconds_bucket{side=\"a\",le=\"+Inf\"} 4\n"
              "ap_seconds_sum{side=\"a\"} 23.6\nap_seconds_count{side=\"a\"} 4\n"
              "# HELP ap_sent_total Messages sent.\n# TYPE ap_sent_total counter\n"
              "ap_sent_total{cause=\"EBMS:0101\"} 3\n");
}

TEST(Metrics, CounterOnlyGrows) {
    Metrics metrics;
    auto& sent = metrics.counter({.name = "sent_total", .help = "x", .labels = {}});
    sent.add({}, -5);
    sent.add({}, std::nan(""));
    sent.add();
    EXPECT_EQ(sent.value(), 1);
}

TEST(Metrics, Sec03CardinalityIsBoundedAgainstHostileValues) {
    Metrics metrics;
    auto& refused = metrics.counter({.name = "refused_total", .help = "x", .labels = {"cause"}, .max_series = 8});
    for (int i = 0; i < 10'000; ++i) refused.add({"cause" + std::to_string(i)});
    refused.add({std::string(4000, 'x')});
    refused.add({"line\nbreak"});
    refused.add({"r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s"});
    const auto text = metrics.exposition();
    EXPECT_EQ(std::ranges::count(text, '\n'), 2 + 8);
    EXPECT_EQ(refused.value({"other"}), 10'000 - 7 + 3);
    EXPECT_LT(text.size(), 1000U);
}

TEST(Metrics, LooksAreTakenBeforeEachExposition) {
    Metrics metrics;
    auto& gauge = metrics.gauge({.name = "looked", .help = "x", .labels = {}});
    int n = 0;
    metrics.on_collect([&] { gauge.set(++n); });
    (void)metrics.exposition();
    EXPECT_NE(metrics.exposition().find("looked 2\n"), std::string::npos);
}

TEST(Metrics, SeveralThreadsLoseNothing) {
    Metrics metrics;
    auto& counter = metrics.counter({.name = "n_total", .help = "x", .labels = {"t"}});
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 5000; ++i) counter.add({"same"});
            });
        }
    }
    EXPECT_EQ(counter.value({"same"}), 20'000);
}

/// Foreign reader: Prometheus' own checker (Debian package prometheus) or the parser of its Python client.
TEST(Metrics, ForeignReaderTakesTheExposition) {
    Metrics metrics;
    auto& hostile = metrics.counter({.name = "hostile_total", .help = "Back\\slash and \"quotes\".", .labels = {"v"}});
    hostile.add({"a\\b\"c{}=,"}, 3);
    metrics.histogram({.name = "h_seconds", .help = "Seconds.", .labels = {"v"}}).observe({"x"}, 0.3);
    metrics.gauge({.name = "g", .help = "x", .labels = {}}).set(-0.125);
    char name[] = "/tmp/metrics-XXXXXX";
    const int fd = ::mkstemp(name);
    ASSERT_GE(fd, 0);
    ::close(fd);
    std::ofstream(name) << metrics.exposition();
    const std::string file = name;
    const auto python =
        "/usr/bin/python3 -c \"import sys; from prometheus_client.parser import text_string_to_metric_families as p; "
        "f={m.name:m for m in p(open(sys.argv[1]).read())}; "
        "s=f['hostile'].samples[0]; assert s.labels=={'v':'a'+chr(92)+'b'+chr(34)+'c{}=,'} and s.value==3, s; "
        "assert f['g'].samples[0].value==-0.125; assert f['h_seconds'].type=='histogram'\" " +
        file;
    const bool promtool = std::system("command -v promtool >/dev/null 2>&1") == 0;
    const bool client = std::system("/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null") == 0;
    if (promtool) {
        EXPECT_EQ(std::system(("promtool check metrics < " + file).c_str()), 0);
    }
    if (client) {
        EXPECT_EQ(std::system(python.c_str()), 0);
    }
    ::unlink(name);
    ASSERT_TRUE(promtool || client) << "install python3-prometheus-client or prometheus: ./run test does";
}

}  // namespace
}  // namespace budkavle::obs
