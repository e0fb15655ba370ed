#include "ca/publish_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "crypto/test_support.hpp"

namespace budkavle::ca {
namespace {

using crypto::testing::Scratch;

class HandClock final : public Clock {
public:
    [[nodiscard]] Time now() const override { return Time(milliseconds(at.load())); }
    std::atomic<std::int64_t> at =
        std::chrono::floor<seconds>(system_clock().now()).time_since_epoch() / milliseconds(1);
};

class PublishServerTest : public ::testing::Test {
protected:
    PublishServerTest() {
        AuthorityConfig config;
        config.folder = scratch.file("ca");
        config.passphrase = SecretBytes(as_bytes("en lång lösenfras"));
        config.owner.organisation = "Exempelmyndigheten";
        authority = Authority::open(std::move(config), obs::null_log(), clock).value();
        EXPECT_TRUE(authority->create_root(
            "t", {.id = "o2o", .common_name = "O2O CA", .purpose = CaPurpose::organisation, .rsa_bits = 2048}));
        net::ClientOptions options;
        options.resolve = [](const std::string&) -> Result<std::vector<std::string>> {
            return std::vector<std::string>{"127.0.0.1"};
        };
        options.guard = net::AddressGuard::from_ranges({"127.0.0.0/8"}).value();
        options.allow_plain_http = true;
        client = net::Client::create(std::move(options));
    }
    void start(milliseconds interval = std::chrono::hours(1)) {
        server = PublishServer::start({.check_interval = interval}, *authority, obs::null_log(), clock).value();
    }
    net::ClientResponse ask(const std::string& method, const std::string& path, const std::string& known = {}) {
        net::ClientRequest request;
        request.method = method;
        request.url = "http://pki.example.se:" + std::to_string(server->port()) + path;
        if (!known.empty()) request.headers.add("If-None-Match", known);
        auto answer = client->send(request);
        EXPECT_TRUE(answer) << answer.error().describe();
        return answer ? std::move(*answer) : net::ClientResponse{};
    }

    Scratch scratch;
    HandClock clock;
    std::unique_ptr<Authority> authority;
    std::unique_ptr<net::Client> client;
    std::unique_ptr<PublishServer> server;
};

TEST_F(PublishServerTest, ServesTheListWithItsCacheHeaders) {
    start();
    const auto answer = ask("GET", "/crl/o2o.crl");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.get("Content-Type"), "application/pkix-crl");
    EXPECT_EQ(answer.headers.get("Cache-Control"), "public, max-age=3600");
    const auto crl = crypto::Crl::parse(answer.body);
    ASSERT_TRUE(crl);
    EXPECT_TRUE(crl->is_signed_by(authority->chain_of("o2o").value().front()));
    EXPECT_TRUE(answer.headers.get("Last-Modified").value_or("").ends_with(" GMT"));
    EXPECT_TRUE(answer.headers.get("Expires"));
    const auto tag = answer.headers.get("ETag").value_or("");
    EXPECT_EQ(ask("GET", "/crl/o2o.crl", tag).status, 304);
    EXPECT_EQ(ask("GET", "/crl/o2o.crl", "\"x\", W/" + tag).status, 304);
    EXPECT_EQ(ask("GET", "/crl/o2o.crl", "\"x\"").status, 200);
    const auto head = ask("HEAD", "/crl/o2o.crl");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.get("ETag"), tag);
    EXPECT_TRUE(head.body.empty());
}

TEST_F(PublishServerTest, NothingElseIsServed) {
    start();
    for (const auto* path :
         {"/", "/crl/", "/crl/none.crl", "/crl/o2o", "/crl/.crl", "/crl/..%2fregister.db",
          "/crl/..%2f..%2fca%2fkeys%2fo2o.pem", "/keys/o2o.pem", "/crl/O2O.crl", "/crl/o2o.crl.new"}) {
        EXPECT_EQ(ask("GET", path).status, 404) << path;
    }
    for (const auto* method : {"DELETE", "OPTIONS"}) {
        const auto answer = ask(method, "/crl/o2o.crl");
        EXPECT_EQ(answer.status, 405) << method;
        EXPECT_TRUE(answer.headers.get("Allow")) << method;
    }
}

TEST_F(PublishServerTest, CacheTimeStaysBelowNextUpdate) {
    start();
    const auto list = crypto::Crl::parse(ask("GET", "/crl/o2o.crl").body).value();
    net::Request request;
    request.method = "GET";
    request.target = request.path = "/crl/o2o.crl";
    MemorySource none(std::string_view{});
    request.body = &none;
    const auto cache = [&](Time now) {
        return answer_crl(authority->publish_folder(), request, now, seconds(3600))
            .headers.get("Cache-Control")
            .value_or("");
    };
    EXPECT_EQ(cache(*list.next_update() - seconds(600)), "public, max-age=300");
    EXPECT_EQ(cache(*list.next_update() + seconds(1)), "no-store");
}

TEST_F(PublishServerTest, RenewsInTheBackground) {
    start(milliseconds(20));
    const auto before = crypto::Crl::parse(ask("GET", "/crl/o2o.crl").body).value().this_update();
    clock.at += milliseconds(std::chrono::hours(25)).count();
    Time after = before;
    for (int i = 0; i < 3000 && after == before; ++i) {
        std::this_thread::sleep_for(milliseconds(20));
        after = crypto::Crl::parse(ask("GET", "/crl/o2o.crl").body).value().this_update();
    }
    EXPECT_EQ(after, before + std::chrono::hours(25));
    server->stop();
}

// SEC-120: 90, 30 and 7 days before the end, each once, and not when there is a successor.
TEST_F(PublishServerTest, RemindsBeforeCertificatesEnd) {
    const auto log = obs::Log::open(scratch.file("log"), "ca", clock).value();
    const auto key = [] { return crypto::generate_rsa(3072).value()->public_key(); };
    const Order order{.profile = Profile::organisation_sign, .common_name = "Kommun", .organisation = "Kommun", .validity = std::chrono::days(100)};
    ASSERT_TRUE(authority->issue("t", "o2o", order, key()));
    const auto told = [&] {
        PublishServer::start({.check_interval = std::chrono::hours(1)}, *authority, *log, clock).value()->stop();
        const auto text = crypto::testing::text(scratch.file("log") / "technical.jsonl");
        std::size_t count = 0;
        for (auto at = text.find("ca.certificate_ends"); at != std::string::npos; at = text.find("ca.certificate_ends", at + 1)) ++count;
        return count;
    };
    EXPECT_EQ(told(), 0U);
    clock.at += std::chrono::milliseconds(std::chrono::days(75)).count();
    EXPECT_EQ(told(), 1U);
    ASSERT_TRUE(authority->issue("t", "o2o", order, key()));
    EXPECT_EQ(told(), 1U);
}

}  // namespace
}  // namespace budkavle::ca
