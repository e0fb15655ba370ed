/// Several processes of one access point on one PostgreSQL store and one folder of blobs.

#include <fstream>

#include "accesspoint/schema.hpp"
#include "accesspoint/send_queue.hpp"
#include "accesspoint/test_support.hpp"
#include "store/queue.hpp"
#include "store/test_cluster.hpp"

namespace budkavle::accesspoint::test {
namespace {

class SharedStoreTest : public World {
protected:
    void SetUp() override {
        postgresql_ = true;
        World::SetUp();
    }
    void start_all() {
        start(1);
        start_second_process();
        start(2);
    }
    static TestEnvelope to_stad() { return make_envelope({.from = kRegion, .to = kStad}); }
    std::string state_of(const std::string& as4_id) {
        return std::string(call(1, client_of(kStad), "GET", path_of(kStad, "outbox/" + percent_encode(as4_id)))
                               .object()
                               .at("state")
                               .as_string());
    }
};

TEST_F(SharedStoreTest, CopiesToBothProcessesAtOnceAreDeliveredOnceWithOneReceipt) {
    start_all();
    const auto request = make_request(to_stad().octets, {});
    std::vector<Answer> answers(12);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < answers.size(); ++i)
        threads.emplace_back([&, i] { answers[i] = post(request, i % 2 == 0 ? 1 : 3); });
    for (auto& thread : threads) thread.join();
    for (const auto& answer : answers) {
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, answers[0].body) << "the stored receipt, octet by octet";
    }
    EXPECT_EQ(judge(request, answers[0]).verdict, as4::Verdict::accepted);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM received"), 1);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM event WHERE event = 'as4.received'"), 1);
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
    EXPECT_EQ(inbox(3, kStad).size(), 1U);
    EXPECT_EQ(blob_count(1), 1U);
}

TEST_F(SharedStoreTest, WhatOneProcessStoresWakesTheWaitersOfTheOther) {
    start_all();
    boost::json::array seen;
    std::thread waiting([&] { seen = inbox(3, kStad, 60); });
    EXPECT_EQ(post(make_request(to_stad().octets, {}), 1).status, 200);
    waiting.join();
    EXPECT_EQ(seen.size(), 1U) << "without the bell the wait would have ended empty";
}

TEST_F(SharedStoreTest, WhatOneProcessReceivedTheOtherHandsOver) {
    start_all();
    const auto envelope = to_stad();
    EXPECT_EQ(post(make_request(envelope.octets, {}), 1).status, 200);
    const auto list = inbox(3, kStad);
    ASSERT_EQ(list.size(), 1U);
    const auto path =
        path_of(kStad, "inbox/" + percent_encode(std::string(list[0].as_object().at("as4MessageId").as_string())));
    EXPECT_EQ(call(3, client_of(kStad), "GET", path).body, envelope.octets);
    EXPECT_EQ(call(1, client_of(kStad), "POST", path + "/ack").status, 204);
    EXPECT_TRUE(inbox(1, kStad).empty());
    EXPECT_TRUE(inbox(3, kStad).empty());
    EXPECT_EQ(blob_count(1), 0U);
}

TEST_F(SharedStoreTest, EveryMessageIsSentByOneProcessOnly) {
    start_all();
    constexpr std::size_t kMessages = 16;
    std::vector<std::string> ids(kMessages);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kMessages; ++i) {
        threads.emplace_back([&, i] {
            const auto answer = submit(i % 2 == 0 ? 1 : 3, kStad, make_envelope());
            EXPECT_EQ(answer.status, 202);
            ids[i] = answer.object().at("as4MessageId").as_string();
        });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& id : ids) EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM outgoing WHERE attempts <> 1"), 0);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM event WHERE event = 'as4.sending'"), std::int64_t{kMessages});
    EXPECT_EQ(count(2, "SELECT COUNT(*) FROM incoming"), std::int64_t{kMessages});
    EXPECT_EQ(count(2, "SELECT COUNT(*) FROM event WHERE event = 'as4.duplicate'"), 0);
}

TEST_F(SharedStoreTest, TheSameKeyAtBothProcessesIsOneMessage) {
    start_all();
    const auto envelope = make_envelope();
    std::vector<Answer> answers(6);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < answers.size(); ++i)
        threads.emplace_back([&, i] { answers[i] = submit(i % 2 == 0 ? 1 : 3, kStad, envelope); });
    for (auto& thread : threads) thread.join();
    for (const auto& answer : answers)
        EXPECT_EQ(answer.object().at("as4MessageId"), answers[0].object().at("as4MessageId"));
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM outgoing"), 1);
}

TEST_F(SharedStoreTest, AStartLeavesClaimsAndFilesOfTheOthersAlone) {
    start(1);
    const auto part = folder(1) / "blobs" / (new_uuid() + ".part");
    const auto orphan = folder(1) / "blobs" / (new_uuid() + ".blob");
    std::ofstream(part) << "being received";
    std::ofstream(orphan) << "about to be named";
    change(1, "INSERT INTO job (id, kind, subject, attempt, created, due, lease_until)"
              " VALUES ('j', 'as4.send', '0203:stad.example.se x', 1, 0, 0, 9000000000000)");
    start_second_process();
    EXPECT_TRUE(fs::exists(part));
    EXPECT_TRUE(fs::exists(orphan));
    EXPECT_EQ(count(1, "SELECT lease_until FROM job WHERE id = 'j'"), 9'000'000'000'000);
}

TEST_F(SharedStoreTest, TheWorkOfADeadProcessIsTakenOverWhenItsClaimEnds) {
    auto with = config(1);
    with.keep_wire_octets = true;
    start(1, with);
    start(2);
    const auto stranded = submit(1, kStad, make_envelope()).object();
    const std::string id(stranded.at("as4MessageId").as_string());
    ASSERT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
    // What a process killed in the middle of an attempt leaves: the message under way, its job claimed.
    change(1, "UPDATE outgoing SET state = 'sending', finished = NULL, receipt = NULL");
    const auto lease_end = clock_.now() + std::chrono::seconds(60);
    change(1, "INSERT INTO job (id, kind, subject, attempt, created, due, lease_until) VALUES ('j', '" + lane_of(kRegion) + "', '" +
                  kStad.folded() + " " + id + "', 1, 0, 0, " + std::to_string(lease_end.time_since_epoch().count()) + ")");
    const auto next = [&] {
        const auto answer = submit(1, kStad, make_envelope()).object();
        EXPECT_EQ(await_final(1, kStad, std::string(answer.at("as4MessageId").as_string())).at("state").as_string(), "delivered");
    };
    next();
    EXPECT_EQ(state_of(id), "sending") << "the claim still holds";
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM job"), 1);
    clock_.forward(std::chrono::seconds(61));
    next();
    for (int i = 0; i < 600 && count(1, "SELECT COUNT(*) FROM job") > 0; ++i)
        std::this_thread::sleep_for(milliseconds(50));
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM job"), 0) << "taken over";
    EXPECT_EQ(state_of(id), "delivered");
    EXPECT_EQ(count(2, "SELECT COUNT(*) FROM event WHERE event = 'as4.duplicate'"), 1) << "sent again, delivered once";
    EXPECT_EQ(count(2, "SELECT COUNT(*) FROM incoming"), 3);
}

TEST_F(SharedStoreTest, ADatabaseThatIsAwayMeansLater) {
    start_all();
    const auto request = make_request(to_stad().octets, {});
    auto& cluster = store::test::Cluster::instance();
    cluster.stop();
    const auto refused = post(request);
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.headers.get("Retry-After"));
    cluster.start();
    EXPECT_EQ(judge(request, post(request, 3)).verdict, as4::Verdict::accepted);
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
}

}  // namespace
}  // namespace budkavle::accesspoint::test
