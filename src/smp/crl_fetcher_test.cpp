// AP-15, AP-16, AP-18: revocation lists are fresh, authentic, and outlive their source and a restart.
#include "smp/crl_fetcher.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "base/random.hpp"
#include "smp/test_support.hpp"

namespace budkavle::smp {
namespace {

using namespace testing;

class MovableClock final : public Clock {
public:
    Time at = kNow;
    Time now() const override { return at; }
};

class CrlFetcherTest : public ::testing::Test {
protected:
    ~CrlFetcherTest() override { std::filesystem::remove_all(folder_); }
    std::unique_ptr<CrlFetcher> make(std::shared_ptr<crypto::CrlStore> store) {
        CrlFetcherConfig config;
        config.urls = {"http://pki.example.se/smp.crl"};
        config.issuers = {lab_.smp_root.certificate(), lab_.ap_ca.certificate()};
        config.folder = folder_;
        return std::make_unique<CrlFetcher>(
            config, std::move(store), client_, clock_,
            [this](const RevocationEvent& event) { events_.push_back(std::string(name_of(event.kind)) + " " + event.error.code); });
    }
    void serve(const crypto::Crl& crl) {
        client_.answer = [der = crl.der()](const net::ClientRequest&) -> Result<net::ClientResponse> {
            return response(200, as_text(der));
        };
    }
    const Lab& lab_ = Lab::instance();
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("crl-" + new_uuid());
    MovableClock clock_;
    FakeClient client_;
    std::vector<std::string> events_;
};

TEST_F(CrlFetcherTest, FetchesKeepsAndSurvivesARestart) {
    const auto store = std::make_shared<crypto::CrlStore>();
    const auto fetcher = make(store);
    serve(make_crl(lab_.smp_root, {lab_.smp.certificate()}, kNow - std::chrono::hours(1),
                   kNow + std::chrono::hours(168)));
    ASSERT_TRUE(fetcher->refresh_now());
    ASSERT_EQ(store->all().size(), 1U);
    EXPECT_EQ(lab_.smp_trust->check(lab_.smp.certificate(), {}, *store, {.at = kNow}).error().code, "trust.revoked");

    client_.answer = [](const net::ClientRequest&) -> Result<net::ClientResponse> {
        return fail("http.connect", "x", Retry::later);
    };
    EXPECT_EQ(fetcher->refresh_now().error().code, "http.connect");
    EXPECT_EQ(store->all().size(), 1U) << "the old list stays while the source is down";
    EXPECT_EQ(events_, std::vector<std::string>{"revocation.failed http.connect"});

    const auto after_restart = std::make_shared<crypto::CrlStore>();
    const auto second = make(after_restart);
    EXPECT_EQ(after_restart->all().size(), 1U);
}

TEST_F(CrlFetcherTest, AsksAgainInTime) {
    const auto fetcher = make(std::make_shared<crypto::CrlStore>());
    serve(make_crl(lab_.smp_root, {}, kNow - std::chrono::hours(1), kNow + std::chrono::minutes(30)));
    EXPECT_EQ(fetcher->refresh_due(), kNow + std::chrono::minutes(15)) << "half of what is left";
    clock_.at += std::chrono::minutes(14);
    (void)fetcher->refresh_due();
    EXPECT_EQ(client_.urls.size(), 1U);
    clock_.at += std::chrono::minutes(1);
    serve(make_crl(lab_.smp_root, {}, clock_.at, clock_.at + std::chrono::hours(168), 2));
    EXPECT_EQ(fetcher->refresh_due(), clock_.at + std::chrono::hours(1)) << "at least every interval";
    EXPECT_EQ(client_.urls.size(), 2U);
    clock_.at += std::chrono::hours(1);
    client_.answer = [](const net::ClientRequest&) -> Result<net::ClientResponse> { return response(404); };
    EXPECT_EQ(fetcher->refresh_due(), clock_.at + std::chrono::seconds(1)) << "after a failure soon, but not at once";
    clock_.at += std::chrono::seconds(1);
    EXPECT_EQ(fetcher->refresh_due(), clock_.at + std::chrono::seconds(2)) << "then ever more seldom";
    for (int i = 0; i < 8; ++i) {
        clock_.at += std::chrono::minutes(1);
        (void)fetcher->refresh_due();
    }
    EXPECT_EQ(fetcher->refresh_due(), clock_.at + std::chrono::minutes(1)) << "at most every minute";
}

// Stale while it is asked for again, with an alarm in time (AP-18, SEC-86, `pki.md` 5.3).
TEST_F(CrlFetcherTest, ASourceThatIsDownIsToldBeforeTheListEnds) {
    const auto store = std::make_shared<crypto::CrlStore>();
    const auto fetcher = make(store);
    serve(make_crl(lab_.smp_root, {}, kNow, kNow + std::chrono::hours(8)));
    ASSERT_TRUE(fetcher->refresh_now());
    client_.answer = [](const net::ClientRequest&) -> Result<net::ClientResponse> { return response(500); };
    clock_.at += std::chrono::hours(5);
    (void)fetcher->refresh_now();
    EXPECT_EQ(events_, std::vector<std::string>{"revocation.failed crl.http"});
    EXPECT_TRUE(lab_.smp_trust->check(lab_.smp.certificate(), {}, *store, {.at = clock_.at}));
    events_.clear();
    clock_.at += std::chrono::minutes(90);
    (void)fetcher->refresh_now();
    EXPECT_EQ(events_, (std::vector<std::string>{"revocation.failed crl.http", "revocation.late crl.http"}));
    events_.clear();
    clock_.at += std::chrono::hours(2);
    (void)fetcher->refresh_now();
    EXPECT_EQ(events_, (std::vector<std::string>{"revocation.failed crl.http", "revocation.ended crl.http"}));
    EXPECT_EQ(lab_.smp_trust->check(lab_.smp.certificate(), {}, *store, {.at = clock_.at}).error().code,
              "trust.revocation_unavailable")
        << "hard fail";
    store->set_grace(std::chrono::hours(1));
    EXPECT_TRUE(lab_.smp_trust->check(lab_.smp.certificate(), {}, *store, {.at = clock_.at})) << "only by configuration";
    events_.clear();
    serve(make_crl(lab_.smp_root, {}, clock_.at, clock_.at + std::chrono::hours(8), 2));
    (void)fetcher->refresh_now();
    EXPECT_EQ(events_, std::vector<std::string>{"revocation.recovered "});
}

TEST_F(CrlFetcherTest, ForgedListsNeverDisplaceGoodOnes) {
    const auto store = std::make_shared<crypto::CrlStore>();
    const auto fetcher = make(store);
    const auto good = make_crl(lab_.smp_root, {}, kNow - std::chrono::hours(1), kEnd);
    serve(good);
    ASSERT_TRUE(fetcher->refresh_now());
    serve(make_crl(make_root("Rot SMP"), {}, kNow, kEnd, 9));  // same name, other key, newer
    EXPECT_EQ(fetcher->refresh_now().error().code, "crl.untrusted");
    client_.answer = [](const net::ClientRequest&) -> Result<net::ClientResponse> { return response(200, "<html>"); };
    EXPECT_EQ(fetcher->refresh_now().error().code, "crl.malformed");
    serve(make_crl(lab_.smp_root, {}, kNow - std::chrono::hours(3), kNow - std::chrono::hours(2)));
    EXPECT_EQ(fetcher->refresh_now().error().code, "crl.expired");
    ASSERT_EQ(store->all().size(), 1U);
    EXPECT_EQ(store->all()[0].der(), good.der());
}

TEST_F(CrlFetcherTest, WatchesDistributionPointsInTheBackground) {
    const auto store = std::make_shared<crypto::CrlStore>();
    const auto smp_crl = make_crl(lab_.smp_root, {}, kNow, kEnd).der();
    const auto ap_crl = make_crl(lab_.ap_ca, {}, kNow, kEnd).der();
    client_.answer = [&](const net::ClientRequest& request) -> Result<net::ClientResponse> {
        return response(200, as_text(request.url.ends_with("ap.crl") ? ap_crl : smp_crl));
    };
    const auto fetcher = make(store);
    fetcher->start();
    fetcher->watch(
        make_leaf("AP0009-SDK-LAB", lab_.ap_ca, {.crl_urls = {"http://pki.example.se/ap.crl"}}).certificate());
    for (int i = 0; i < 600 && store->all().size() < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    fetcher->stop();
    EXPECT_EQ(store->all().size(), 2U);
}

}  // namespace
}  // namespace budkavle::smp
