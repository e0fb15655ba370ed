#include "smp/directory.hpp"

#include <gtest/gtest.h>

#include "smp/bdxl.hpp"
#include "smp/test_support.hpp"

namespace budkavle::smp {
namespace {

using namespace testing;

class MovableClock final : public Clock {
public:
    Time at = kNow;
    Time now() const override { return at; }
};

class DirectoryTest : public ::testing::Test {
protected:
    DirectoryTest() {
        resolver_.records[dns_name(participant(id_), "sml.test")] =
            std::vector<dns::Naptr>{{100, 10, "U", "Meta:SMP", "!.*!https://smp.example.se/!", "."}};
        client_.answer = [this](const net::ClientRequest&) -> Result<net::ClientResponse> {
            return response(200, metadata_);
        };
        DirectoryConfig config;
        config.zone = "sml.test";
        config.smp_trust = lab_.smp_trust;
        config.ap_trust = lab_.ap_trust;
        config.crls = lab_.crls;
        directory_ = std::make_unique<Directory>(config, resolver_, client_, clock_);
    }
    Result<Metadata> lookup() { return directory_->lookup(id_, std::string(federation::kMessageDocument)); }
    Error error() {
        directory_->forget();
        auto result = lookup();
        return result ? Error{} : result.error();
    }
    void answer(int status) {
        client_.answer = [status](const net::ClientRequest&) -> Result<net::ClientResponse> {
            return response(status);
        };
    }

    const Lab& lab_ = Lab::instance();
    federation::ParticipantId id_ = must(federation::ParticipantId::parse("0203:kommunen.example.se"));
    std::string metadata_ = must(sign_service_metadata(lab_.metadata(), lab_.smp, *lab_.smp_trust, kNow));
    MovableClock clock_;
    FakeResolver resolver_;
    FakeClient client_;
    std::unique_ptr<Directory> directory_;
};

TEST_F(DirectoryTest, FindsAndTellsTheSteps) {
    std::vector<LookupStep> steps;
    const auto found = must(directory_->lookup(id_, std::string(federation::kMessageDocument), &steps));
    EXPECT_EQ(found.endpoint.uri, "https://ap.example.se/as4");
    std::vector<std::string> names;
    for (const auto& step : steps) names.push_back(step.name);
    EXPECT_EQ(names,
              (std::vector<std::string>{"dns-name", "naptr", "smp", "metadata", "endpoint", "certpub", "certpub"}));
    ASSERT_EQ(client_.urls.size(), 1U);
    EXPECT_EQ(client_.urls[0],
              "https://smp.example.se" + url_path(participant(id_), document(federation::kMessageDocument)));
}

TEST_F(DirectoryTest, CachesFiveMinutesAndNoLonger_A1_A2) {
    ASSERT_TRUE(lookup());
    clock_.at += seconds(299);
    ASSERT_TRUE(lookup());
    EXPECT_EQ(client_.urls.size(), 1U);
    clock_.at += seconds(1);
    answer(503);
    EXPECT_EQ(lookup().error().code, "smp.http") << "no use after that, not even when the SMP is down";
    clock_.at = kNow - seconds(10);
    EXPECT_FALSE(lookup()) << "a clock set back makes nothing live longer";
}

/// Crisis mode: a directory that may use what it verified before.
class CrisisTest : public DirectoryTest {
protected:
    CrisisTest() {
        DirectoryConfig config;
        config.zone = "sml.test";
        config.smp_trust = lab_.smp_trust;
        config.ap_trust = lab_.ap_trust;
        config.crls = lab_.crls;
        config.revocation = crypto::RevocationPolicy::when_present;
        config.crisis = std::chrono::hours(48);
        config.on_crisis = [this](const federation::ParticipantId&, Time, const Error& cause) {
            used_.push_back(cause.code);
        };
        directory_ = std::make_unique<Directory>(config, resolver_, client_, clock_);
    }
    std::vector<std::string> used_;
};

TEST_F(CrisisTest, AnOutageIsBridgedByWhatWasVerifiedAndAudited) {
    ASSERT_TRUE(lookup());
    clock_.at += std::chrono::hours(1);
    answer(503);
    EXPECT_EQ(must(lookup()).endpoint.uri, "https://ap.example.se/as4");
    resolver_.records[dns_name(participant(id_), "sml.test")] = fail("dns.timeout", "away", Retry::later);
    ASSERT_TRUE(lookup());
    EXPECT_EQ(used_, (std::vector<std::string>{"smp.http", "dns.timeout"})) << "every use, and each asks first";
    std::vector<LookupStep> steps;
    EXPECT_FALSE(directory_->lookup(id_, std::string(federation::kMessageDocument), &steps)) << "a trace shows what is";
    clock_.at = kNow + std::chrono::hours(49);
    EXPECT_FALSE(lookup()) << "no longer than the federation allows";
    clock_.at = kNow - seconds(1);
    EXPECT_FALSE(lookup()) << "a clock set back makes nothing live longer";
}

TEST_F(CrisisTest, WhatTheSmpOrTheLocatorSaysIsNoOutage) {
    ASSERT_TRUE(lookup());
    clock_.at += std::chrono::hours(1);
    metadata_.replace(metadata_.find("https://ap.example.se/as4"), 25, "https://xx.example.se/as4");
    EXPECT_EQ(lookup().error().code, "smp.signature");
    resolver_.records[dns_name(participant(id_), "sml.test")] = fail("dns.not_found", "gone");
    EXPECT_EQ(lookup().error().code, "smp.not_registered");
    clock_.at += std::chrono::hours(1);
    resolver_.records[dns_name(participant(id_), "sml.test")] = fail("dns.failed", "away", Retry::later);
    EXPECT_EQ(lookup().error().code, "dns.failed") << "who was told to be gone does not come back in an outage";
    EXPECT_TRUE(used_.empty());
}

TEST_F(CrisisTest, NeverPastTheValidityOfACertificate) {
    ASSERT_TRUE(lookup());
    answer(503);
    const auto end = std::min(lab_.ap.certificate().not_after(), lab_.smp.certificate().not_after());
    DirectoryConfig config;
    config.zone = "sml.test";
    config.smp_trust = lab_.smp_trust;
    config.ap_trust = lab_.ap_trust;
    config.crls = lab_.crls;
    config.revocation = crypto::RevocationPolicy::when_present;
    config.crisis = std::chrono::hours(24 * 36500);
    directory_ = std::make_unique<Directory>(config, resolver_, client_, clock_);
    client_.answer = [this](const net::ClientRequest&) -> Result<net::ClientResponse> {
        return response(200, metadata_);
    };
    ASSERT_TRUE(lookup());
    answer(503);
    clock_.at = end - seconds(1);
    EXPECT_TRUE(lookup());
    clock_.at = end + seconds(1);
    EXPECT_EQ(lookup().error().code, "smp.http");
}

TEST_F(DirectoryTest, FailuresAreNotRemembered) {
    answer(500);
    EXPECT_EQ(lookup().error().retry, Retry::later);
    client_.answer = [this](const net::ClientRequest&) -> Result<net::ClientResponse> {
        return response(200, metadata_);
    };
    EXPECT_TRUE(lookup());
}

TEST_F(DirectoryTest, NotRegisteredIsRememberedForAMinute) {
    const auto other = must(federation::ParticipantId::parse("0203:ny.example.se"));
    const auto look = [&] { return directory_->lookup(other, std::string(federation::kMessageDocument)).error().code; };
    EXPECT_EQ(look(), "smp.not_registered");
    EXPECT_EQ(look(), "smp.not_registered");
    EXPECT_EQ(resolver_.queries, 1U);
    clock_.at += seconds(60);
    EXPECT_EQ(look(), "smp.not_registered");
    EXPECT_EQ(resolver_.queries, 2U);
}

TEST_F(DirectoryTest, ErrorsStayApart) {
    auto& record = resolver_.records[dns_name(participant(id_), "sml.test")];
    const auto good = record;
    record = fail("dns.timeout", "x", Retry::later);
    EXPECT_EQ(error().code, "dns.timeout");
    record = fail("dns.failed", "x", Retry::later);
    EXPECT_EQ(error().code, "dns.failed");
    record = std::vector<dns::Naptr>{{100, 10, "U", "Meta:CPA", "!.*!https://x.example.se/!", "."}};
    EXPECT_EQ(error().code, "smp.no_service");
    record = std::vector<dns::Naptr>{{100, 10, "U", "Meta:SMP", "!.*!http://x.example.se/!", "."}};
    EXPECT_EQ(error().code, "bdxl.url");
    record = good;

    client_.answer = [](const net::ClientRequest&) -> Result<net::ClientResponse> {
        return fail("tls.untrusted", "x");
    };
    EXPECT_EQ(error().code, "smp.unreachable");
    EXPECT_EQ(error().retry, Retry::later);
    client_.answer = [](const net::ClientRequest&) -> Result<net::ClientResponse> {
        return fail("http.too_long", "x");
    };
    EXPECT_EQ(error().code, "smp.malformed");
    answer(302);
    EXPECT_EQ(error().code, "smp.redirect") << "no HTTP redirect is followed";
    answer(429);
    EXPECT_EQ(error().retry, Retry::later);
    answer(404);
    EXPECT_EQ(error().code, "smp.no_group");
    client_.answer = [](const net::ClientRequest& request) -> Result<net::ClientResponse> {
        return response(request.url.find("/services/") == std::string::npos ? 200 : 404, "<x/>");
    };
    EXPECT_EQ(error().code, "smp.no_document") << "registered, but not for this document type";
    client_.answer = [](const net::ClientRequest&) -> Result<net::ClientResponse> { return response(200, "<x"); };
    EXPECT_EQ(error().code, "smp.malformed");
    client_.answer = [](const net::ClientRequest&) -> Result<net::ClientResponse> { return response(200, "<x/>"); };
    EXPECT_EQ(error().code, "smp.schema");
    auto changed = metadata_;
    changed.replace(changed.find("https://ap."), 11, "https://xp.");
    client_.answer = [&](const net::ClientRequest&) -> Result<net::ClientResponse> { return response(200, changed); };
    EXPECT_EQ(error().code, "smp.signature");
    client_.answer = [this](const net::ClientRequest&) -> Result<net::ClientResponse> {
        return response(200, metadata_);
    };
    EXPECT_EQ(error().code, "");
    EXPECT_EQ(directory_->lookup(id_, std::string(federation::kReceiptDocument)).error().code, "smp.id_mismatch");
}

// access-point.md 3 step 4: "not registered" is final; what is no answer of the SMP (AP-16) is held like one that is
// down.
TEST_F(DirectoryTest, WhatIsNotTheSmpsAnswerIsHeld) {
    auto foreign = metadata_;
    foreign.replace(foreign.find("https://ap."), 11, "https://xp.");
    for (const auto& [status, body] : std::vector<std::pair<int, std::string>>{
             {200, "<html><body>Maintenance</body>"}, {200, "<x/>"}, {200, foreign}, {302, ""}, {403, ""}, {500, ""}}) {
        client_.answer = [&](const net::ClientRequest&) -> Result<net::ClientResponse> {
            return response(status, body);
        };
        EXPECT_EQ(error().retry, Retry::later) << status << " " << error().code;
    }
    answer(404);
    EXPECT_EQ(error().retry, Retry::never);
    const auto other = must(federation::ParticipantId::parse("0203:ny.example.se"));
    EXPECT_EQ(directory_->lookup(other, std::string(federation::kMessageDocument)).error().retry, Retry::never);
}

}  // namespace
}  // namespace budkavle::smp
