/// Another configuration while messages flow (AP-19, SEC-122, `pki.md` 5.5): nothing is dropped, and a bad one changes
/// nothing.

#include <atomic>
#include <thread>

#include "accesspoint/test_support.hpp"

namespace budkavle::accesspoint::test {
namespace {

class ReloadTest : public World {
protected:
    void SetUp() override {
        World::SetUp();
        start(1);
        start(2);
    }
    static TestEnvelope to_stad() { return make_envelope({.from = kRegion, .to = kStad}); }
};

TEST_F(ReloadTest, AP19_BothKeysDecryptAndEachReceiptFitsTheOneTheSenderKnows) {
    auto both = config(1);
    both.next_as4 = {{.identity = keys().ap1_next, .sign_from = clock_.now() + std::chrono::hours(1)}};
    ASSERT_TRUE(ap(1).reload(both));
    // The SMP still shows the old certificate, then the new one: both ways the receipt is signed as the sender expects.
    for (const auto* shown : {&keys().ap1, &keys().ap1_next}) {
        register_participant(kStad, "ap1.example.se", ap(1).port_a(), shown->certificate());
        const auto submitted = submit(2, kRegion, to_stad());
        ASSERT_EQ(submitted.status, 202) << submitted.body;
        const auto done = await_final(2, kRegion, std::string(submitted.object().at("as4MessageId").as_string()));
        EXPECT_EQ(done.at("state").as_string(), "delivered") << boost::json::serialize(done);
    }
    EXPECT_EQ(inbox(1, kStad).size(), 2U);
}

TEST_F(ReloadTest, AP19_TheNewestValidOneSigns) {
    auto both = config(1);
    const auto now = clock_.now();
    EXPECT_EQ(signing_identity(both, now).certificate(), keys().ap1.certificate());
    both.next_as4 = {{.identity = keys().ap1_next, .sign_from = now + std::chrono::hours(1)}};
    EXPECT_EQ(signing_identity(both, now).certificate(), keys().ap1.certificate()) << "its time has not come";
    EXPECT_EQ(decrypting_identities(both).size(), 2U);
    const auto later = now + std::chrono::hours(2);
    EXPECT_EQ(signing_identity(both, later).certificate(), keys().ap1_next.certificate());
    const auto after_all = now + std::chrono::hours(24 * 800);
    EXPECT_EQ(signing_identity(both, after_all).certificate(), keys().ap1.certificate()) << "none is valid";
    both.next_as4.front().identity = keys().stranger;
    EXPECT_EQ(check(both, now).error().code, "config.as4_certificate") << "AP-14: of another environment";
}

TEST_F(ReloadTest, ANewCertificateOfTheServerIsUsedByTheNextHandshake) {
    auto fresh = config(1);
    fresh.a.identity = keys().tls_ca.issue("ap1.example.se", "ap1.example.se");
    ASSERT_TRUE(ap(1).reload(fresh));
    const auto request = make_request(to_stad().octets, {});
    EXPECT_EQ(judge(request, post(request)).verdict, as4::Verdict::accepted);
    EXPECT_NE(log_text(1, "audit").find(fresh.a.identity.certificate().sha256_hex()), std::string::npos);
}

TEST_F(ReloadTest, ParticipantsAndClientsFollow) {
    auto less = config(1);
    less.participants.front().approved = false;
    ASSERT_TRUE(ap(1).reload(less));
    const auto request = make_request(to_stad().octets, {});
    EXPECT_EQ(judge(request, post(request)).detail, "NOT_SERVICED");
    auto nobody = config(1);
    nobody.c.clients.clear();
    ASSERT_TRUE(ap(1).reload(nobody));
    EXPECT_EQ(call(1, keys().mt1, "GET", path_of(kStad, "inbox")).status, 403);
    ASSERT_TRUE(ap(1).reload(config(1)));
    EXPECT_EQ(call(1, keys().mt1, "GET", path_of(kStad, "inbox")).status, 200);
}

TEST_F(ReloadTest, ABadConfigurationChangesNothing) {
    auto other_id = config(1);
    other_id.id = "AP0002-SDK-TEST";
    other_id.as4 = keys().ap2;
    EXPECT_EQ(ap(1).reload(other_id).error().code, "config.restart");
    auto foreign = config(1);
    foreign.as4 = keys().stranger;
    EXPECT_EQ(ap(1).reload(foreign).error().code, "config.as4_certificate");
    auto no_key = config(1);
    no_key.c.identity = {};
    EXPECT_EQ(ap(1).reload(no_key).error().code, "tls.identity");
    auto elsewhere = config(1);
    elsewhere.folder = root_ / "elsewhere";
    EXPECT_EQ(ap(1).reload(elsewhere).error().code, "config.restart");
    const auto request = make_request(to_stad().octets, {});
    EXPECT_EQ(judge(request, post(request)).verdict, as4::Verdict::accepted);
}

TEST_F(ReloadTest, UnderTrafficNothingIsDroppedOrDoubled) {
    std::atomic<bool> enough = false;
    std::atomic<int> reloads = 0;
    std::thread reloading([&] {
        while (!enough) {
            for (const int number : {1, 2}) {
                auto fresh = config(number);
                if (number == 1 && reloads % 2 == 0)
                    fresh.next_as4 = {{.identity = keys().ap1_next, .sign_from = clock_.now() - std::chrono::hours(1)}};
                const auto done = ap(number).reload(std::move(fresh));
                EXPECT_TRUE(done) << done.error().describe();
            }
            ++reloads;
        }
    });
    constexpr int kMessages = 40;
    std::vector<std::string> ids;
    for (int i = 0; i < kMessages; ++i) {
        const auto submitted = submit(2, kRegion, to_stad());
        EXPECT_EQ(submitted.status, 202) << submitted.body;
        if (submitted.status == 202) ids.emplace_back(submitted.object().at("as4MessageId").as_string());
    }
    for (const auto& id : ids) EXPECT_EQ(await_final(2, kRegion, id).at("state").as_string(), "delivered");
    enough = true;
    reloading.join();
    EXPECT_GT(reloads, 3);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM incoming"), kMessages);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM event WHERE event = 'as4.duplicate'"), 0);
}

}  // namespace
}  // namespace budkavle::accesspoint::test
