// The service over real TLS, asked by curl and by our own client; test names carry the assertions of the CEF list
// (`smp.md` 1.9).
#include "smpserver/smp_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "net/http_date.hpp"
#include "smp/bdxl.hpp"
#include "smp/directory.hpp"
#include "smpserver/rate_limit.hpp"
#include "smpserver/server_test_support.hpp"

namespace budkavle::smpserver {
namespace {

using namespace testing;

class SmpServerTest : public ServerBench {};

TEST_F(SmpServerTest, GetOfMetadata_TA01_TA15_TA17_TA20_TA21_TA22) {
    start();
    const auto answer = curl(message_path(), "--http1.1");
    EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200")) << answer.head;
    EXPECT_EQ(answer.header("Content-Type"), "text/xml; charset=UTF-8");
    EXPECT_TRUE(answer.body.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
    const auto verdict = smp::verify_metadata(as_bytes(answer.body), bench_.lab.expectation());
    EXPECT_EQ(smp::to_string(verdict.decision), "accept") << verdict.error->describe();
    EXPECT_EQ(curl(message_path()).body, answer.body) << "byte for byte";
}

TEST_F(SmpServerTest, GetOfGroup_TA02_TA07_TA16) {
    start();
    const auto answer = curl(group_path());
    EXPECT_EQ(answer.status(), 200);
    EXPECT_NE(answer.body.find("<ParticipantIdentifier scheme=\"iso6523-actorid-upis\">0203:Kommunen.example.se<"),
              std::string::npos);
    EXPECT_NE(answer.body.find("href=\"https://smp.example.se/"), std::string::npos)
        << "from the configuration, not from the request";
}

TEST_F(SmpServerTest, EncodingsOfThePath_TA09a_TA10_TA11_TA12_TA13) {
    start();
    const std::string document = message_path().substr(message_path().find("/services/"));
    auto lower = message_path();
    for (std::size_t i = 0; i + 2 < lower.size(); ++i) {
        if (lower[i] == '%') lower.replace(i, 3, to_lower_ascii(lower.substr(i, 3)));
    }
    EXPECT_EQ(curl(lower).status(), 200) << "%3a, %23";
    EXPECT_EQ(curl("/iso6523-actorid-upis::0203:Kommunen.example.se").status(), 200) << "raw colon";
    EXPECT_EQ(curl("/ISO6523-ACTORID-UPIS%3A%3a0203:KOMMUNEN.EXAMPLE.SE" + document).status(), 200)
        << "participants fold";
    EXPECT_NE(curl("/ISO6523-ACTORID-UPIS::0203:KOMMUNEN.EXAMPLE.SE").body.find("0203:Kommunen.example.se"),
              std::string::npos)
        << "registered spelling";
}

TEST_F(SmpServerTest, DocumentsAreCaseSensitive_TA26) {
    start();
    EXPECT_EQ(curl(to_lower_ascii(message_path())).status(), 404);
    EXPECT_EQ(bench_.log.technical_events(), std::vector<std::string>{"smp.document_with_other_capitals"});
}

TEST_F(SmpServerTest, PathsThatNameNothing_TA09b_TA18) {
    start();
    const auto group = group_path();
    const std::vector<std::pair<std::string, int>> table{
        {"/iso6523-actorid-upis%3A%3A0203%3Aokand.example.se", 404},
        {"/iso6523-actorid-upis%253A%253A0203%253AKommunen.example.se", 404},
        {"/a%2Fb%3A%3Ac", 404},
        {group + "/", 404},
        {group + "/services", 404},
        {group + "/services/", 404},
        {group + "/services/busdox-docid-qns%3A%3Aurn%3Ax%3A%3Ay", 404},
        {"/../etc", 404},
        {"/", 404},
        {"/%00", 400},
        {"/%C0%AE", 400},
        {"/%", 400},
        {"/%zz", 400},
        {"/iso6523-actorid-upis%3A%3A0203%3A%C3%A5.se", 404},
        {"/0203:Kommunen.example.se", 404},
        {"/+iso6523-actorid-upis%3A%3A0203%3AKommunen.example.se", 404},
        {group.substr(0, group.size() - 1), 404}};
    for (const auto& [path, status] : table) {
        const auto answer = curl(path);
        EXPECT_EQ(answer.status(), status) << path;
        EXPECT_TRUE(answer.body.empty());
    }
}

TEST_F(SmpServerTest, Methods) {
    start();
    const auto get = curl(message_path());
    const auto head = curl(message_path(), "-I");
    EXPECT_EQ(head.status(), 200);
    EXPECT_EQ(head.header("Content-Length"), std::to_string(get.body.size()));
    EXPECT_EQ(head.header("ETag"), get.header("ETag"));
    const auto options = curl(message_path(), "-X OPTIONS");
    EXPECT_EQ(options.status(), 200);
    EXPECT_EQ(options.header("Allow"), "GET, HEAD, OPTIONS");
    for (const char* method : {"POST", "PUT", "DELETE", "PATCH"}) {
        const auto answer = curl(message_path(), "-X " + std::string(method));
        EXPECT_EQ(answer.status(), 405) << method;
        EXPECT_EQ(answer.header("Allow"), "GET, HEAD, OPTIONS");
    }
}

TEST_F(SmpServerTest, ConditionalRequests) {
    start();
    const auto answer = curl(message_path());
    EXPECT_EQ(answer.header("Cache-Control"), "max-age=60");
    EXPECT_EQ(answer.header("Last-Modified"), "Mon, 23 Nov 2026 00:00:00 GMT");
    const auto with = [&](const std::string& header) { return curl(message_path(), "-H '" + header + "'").status(); };
    EXPECT_EQ(with("If-None-Match: " + answer.header("ETag")), 304);
    EXPECT_EQ(with("If-None-Match: \"x\", W/" + answer.header("ETag")), 304);
    EXPECT_EQ(with("If-None-Match: \"x\""), 200);
    EXPECT_EQ(with("If-Modified-Since: Mon, 23 Nov 2026 00:00:00 GMT"), 304);
    EXPECT_EQ(with("If-Modified-Since: Sun, 22 Nov 2026 23:59:59 GMT"), 200);
    EXPECT_EQ(with("If-Modified-Since: yesterday"), 200);
    EXPECT_EQ(curl(message_path(), "-H 'If-None-Match: \"x\"' -H 'If-Modified-Since: Mon, 23 Nov 2026 00:00:00 GMT'")
                  .status(),
              200)
        << "the tag decides";
}

TEST_F(SmpServerTest, OnlyConfiguredHostNames) {
    start();
    EXPECT_EQ(curl(group_path(), "-H 'Host: evil.example.se'").status(), 421);
    EXPECT_EQ(curl(group_path(), "-H 'Host:' --http1.0").status(), 400) << "no name at all";
    for (const char* header : {"X-Forwarded-Host: smp.lab.example.se", "Forwarded: host=smp.lab.example.se",
                               "X-Original-Host: smp.lab.example.se", "X-Forwarded-For: 192.0.2.1"}) {
        EXPECT_EQ(curl(group_path(), "-H 'Host: evil.example.se' -H '" + std::string(header) + "'").status(), 421)
            << header;
        const auto answer = curl(group_path(), "-H '" + std::string(header) +
                                                   "' -H 'X-Forwarded-Proto: http' -H "
                                                   "'X-Rewrite-URL: /' -H 'X-Original-URL: /'");
        EXPECT_EQ(answer.status(), 200) << header;
        EXPECT_NE(answer.body.find("href=\"https://smp.example.se/"), std::string::npos) << header;
    }
    EXPECT_EQ(curl(group_path(), "-H 'Host: SMP.lab.example.se'").status(), 200);
    const auto plain_http = std::system(
        ("curl -s -m 5 -o /dev/null http://127.0.0.1:" + std::to_string(server_->port()) + "/ >/dev/null 2>&1")
            .c_str());
    EXPECT_NE(plain_http, 0) << "http answers nothing";
}

TEST_F(SmpServerTest, ChangesOfTheRegisterAppear) {
    start();
    bench_.must_change(bench_.federation, SetStatus{bench_.id.text(), Status::pending});
    wait_for_status(group_path(), 404);
    bench_.must_change(bench_.federation, SetStatus{bench_.id.text(), Status::approved});
    wait_for_status(group_path(), 200);
}

TEST_F(SmpServerTest, HttpDates) {
    EXPECT_EQ(net::http_date(must(parse_time("1994-11-06T08:49:37Z"))), "Sun, 06 Nov 1994 08:49:37 GMT")
        << "the example of RFC 9110";
    EXPECT_EQ(net::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), must(parse_time("1994-11-06T08:49:37Z")));
    for (const char* text : {"", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
                             "Sun, 31 Feb 2021 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"}) {
        EXPECT_FALSE(net::parse_http_date(text)) << text;
    }
}

// The whole way of a sender: real DNS server, real TLS, real answer.
TEST_F(SmpServerTest, LookUpThroughKnotAndTls_FED07_FED08) {
    const std::string zone = "lab.example.se";
    dns::testing::Knot knot(zone);
    LocatorConfig locator;
    locator.zone = zone;
    locator.file = knot.zone_file();
    locator.name_server = {"ns1." + zone, {"127.0.0.1"}};
    locator.hosts = {{kHost, {"127.0.0.1"}}};
    // The zone names the port, so it is found first.
    start();
    config_.port = server_->port();
    locator.smp_url = base() + "/";
    server_.reset();
    std::atomic<bool> started{false};
    locator.reload = [&]() -> Result<> {
        if (started) knot.reload();
        return {};
    };
    config_.locator = locator;
    start();
    knot.start("ns1." + zone);
    started = true;

    const auto resolver = dns::make_resolver("127.0.0.1", knot.port());
    net::ClientOptions options;
    options.tls.server_trust = std::make_shared<crypto::TrustStore>(crypto::Purpose::tls_server, tls_root_.chain);
    options.tls.crls = std::make_shared<crypto::CrlStore>();
    options.tls.revocation = crypto::RevocationPolicy::when_present;
    options.resolve = [&](const std::string& host) { return resolver->addresses(host); };
    options.guard = must(net::AddressGuard::from_ranges({"127.0.0.0/8"}));
    const auto client = net::Client::create(options);
    smp::DirectoryConfig directory_config;
    directory_config.zone = zone;
    directory_config.smp_trust = bench_.lab.smp_trust;
    directory_config.ap_trust = bench_.lab.ap_trust;
    directory_config.crls = bench_.lab.crls;
    directory_config.cache = seconds(0);
    directory_config.not_registered_cache = seconds(0);
    smp::Directory directory(directory_config, *resolver, *client, bench_.clock);
    const auto look = [&](const std::string& document) {
        const auto found = directory.lookup(bench_.id, document);
        return found ? found->endpoint.uri : found.error().code + " " + found.error().text;
    };
    EXPECT_EQ(look(kMessage), "https://ap.example.se/as4");
    bench_.must_change(bench_.anna, RemoveService{bench_.id.text(), kReceipt});
    wait_for_status(smp::url_path(smp::participant(bench_.id), smp::document(kReceipt)), 404);
    EXPECT_TRUE(look(kReceipt).starts_with("smp.no_document"));

    bench_.must_change(bench_.federation, SetStatus{bench_.id.text(), Status::rejected});
    for (int i = 0; i < 200 && !look(kMessage).starts_with("smp.not_registered"); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(look(kMessage).starts_with("smp.not_registered")) << look(kMessage);
    bench_.must_change(bench_.federation, SetStatus{bench_.id.text(), Status::approved});
    for (int i = 0; i < 200 && look(kMessage) != "https://ap.example.se/as4"; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(look(kMessage), "https://ap.example.se/as4");
}

// What a node serves does not depend on the database: it keeps answering, and starts from its own signed file.
TEST_F(SmpServerTest, StartsFromItsSnapshotWhenTheDatabaseIsAway) {
    config_.snapshot = bench_.folder / "node.snapshot";
    config_.snapshot_interval = seconds(1);
    start();
    const auto before = curl(message_path());
    for (int i = 0; i < 200 && !std::filesystem::exists(config_.snapshot); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    server_.reset();
    const auto true_place = config_.database;
    config_.database = store::PostgresLocation{.server = "host=" + (bench_.folder / "nowhere").string()};
    start();
    const auto after = curl(message_path());
    EXPECT_EQ(after.body, before.body);
    EXPECT_EQ(after.header("ETag"), before.header("ETag"));
    EXPECT_EQ(after.header("Last-Modified"), before.header("Last-Modified"));
    server_.reset();

    bench_.clock.at += config_.snapshot_max_age + std::chrono::hours(1);
    start();
    EXPECT_EQ(curl(message_path()).status(), 503) << "too old";
    EXPECT_EQ(curl(message_path()).header("Retry-After"), "5");
    server_.reset();
    bench_.clock.at = kNow;
    auto octets = read_text(config_.snapshot);
    octets[octets.find("https://ap.example.se") + 10] = 'q';
    (void)bench_.write("node.snapshot", octets);
    start();
    EXPECT_EQ(curl(message_path()).status(), 503) << "not what this node wrote";
    server_.reset();
    config_.database = true_place;
    start();
    EXPECT_EQ(curl(message_path()).body, before.body);
}

TEST_F(SmpServerTest, NodesServeTheSameOctets) {
    start();
    auto other = must(SmpServer::start(config_, bench_.log, bench_.clock));
    const auto first = curl(message_path());
    server_.swap(other);
    const auto second = curl(message_path());
    EXPECT_EQ(first.body, second.body);
    EXPECT_EQ(first.header("ETag"), second.header("ETag"));
    EXPECT_EQ(first.header("Last-Modified"), second.header("Last-Modified"));
}

// On PostgreSQL the news come by themselves: the interval of asking is far longer than the test.
TEST_F(SmpServerTest, EveryNodeHearsOfAChange) {
    if (on_postgresql()) config_.poll = std::chrono::hours(1);
    start();
    auto other = must(SmpServer::start(config_, bench_.log, bench_.clock));
    const auto on_both = [&](int status) {
        wait_for_status(group_path(), status);
        server_.swap(other);
        wait_for_status(group_path(), status);
    };
    bench_.must_change(bench_.federation, SetSuspended{bench_.id.text()});
    on_both(404);
    bench_.must_change(bench_.federation, SetSuspended{bench_.id.text(), false});
    on_both(200);
}

TEST_F(SmpServerTest, TooManyRequestsOfOneAddress_SEC107) {
    config_.rate = {.per_second = 1, .burst = 5};
    start();
    int refused = 0;
    for (int i = 0; i < 12; ++i) {
        const auto answer = curl(group_path(), "-H 'X-Forwarded-For: 192.0.2." + std::to_string(i) + "'");
        refused += answer.status() == 429 ? 1 : 0;
        if (answer.status() == 429) EXPECT_EQ(answer.header("Retry-After"), "1");
    }
    EXPECT_GE(refused, 5);
    server_.reset();
    config_.rate.exempt = {"127.0.0.1"};
    start();
    for (int i = 0; i < 12; ++i) EXPECT_EQ(curl(group_path()).status(), 200) << "the balancer";
}

TEST(RateLimiter, CountsByAddressAndSubnet) {
    RateLimiter limiter({.per_second = 10, .burst = 2});
    const RateLimiter::Moment start{};
    EXPECT_TRUE(limiter.admits("192.0.2.1:1", start));
    EXPECT_TRUE(limiter.admits("192.0.2.1:2", start));
    EXPECT_FALSE(limiter.admits("192.0.2.1:3", start));
    EXPECT_TRUE(limiter.admits("192.0.2.2:1", start));
    EXPECT_TRUE(limiter.admits("192.0.2.1:4", start + std::chrono::milliseconds(101)));
    EXPECT_FALSE(limiter.admits("192.0.2.1:4", start + std::chrono::milliseconds(102)));
    EXPECT_TRUE(limiter.admits("[2001:db8::1]:1", start));
    EXPECT_TRUE(limiter.admits("[2001:db8::2]:1", start));
    EXPECT_FALSE(limiter.admits("[2001:db8::3]:1", start)) << "one subscriber, one /64";
    EXPECT_TRUE(limiter.admits("[2001:db8:0:1::3]:1", start));
    for (int i = 0; i < 200'000; ++i) (void)limiter.admits("10." + std::to_string(i) + ":1", start);
    EXPECT_TRUE(limiter.admits("192.0.2.9:1", start)) << "bounded, and still working";
}

}  // namespace
}  // namespace budkavle::smpserver
