/// Repositories: keys, separation, transitions, memory.

#include <gtest/gtest.h>

#include "accesspoint/evidence.hpp"
#include "accesspoint/incoming.hpp"
#include "accesspoint/journal.hpp"
#include "accesspoint/outgoing.hpp"
#include "accesspoint/schema.hpp"
#include "base/random.hpp"
#include "store/test_cluster.hpp"

namespace budkavle::accesspoint {
namespace {

const federation::ParticipantId kOne = federation::ParticipantId::parse("0203:stad.example.se").value();
const federation::ParticipantId kTwo = federation::ParticipantId::parse("0203:by.example.se").value();
constexpr Time kNow{milliseconds{1'772'442'903'900}};

class RepositoryTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::filesystem::create_directories(folder_);
        const char* engine = std::getenv("BUDKAVLE_TEST_ENGINE");
        store::Location location = folder_ / "ap.db";
        if (engine != nullptr && std::string_view(engine) == "postgresql")
            location = store::test::Cluster::instance().fresh();
        database_ = store::Database::open_at(location, migrations()).value();
    }
    void TearDown() override {
        database_.reset();
        std::filesystem::remove_all(folder_);
    }
    Result<> write(const std::function<Result<>(store::Transaction&)>& work) { return database_->write(work); }
    static IncomingMessage incoming(const federation::ParticipantId& participant, const std::string& id) {
        return {.participant = participant,
                .as4_id = id,
                .xhe_id = "x-" + id,
                .blob = "b-" + id,
                .bytes = 7,
                .received = kNow,
                .from_party = "AP0002-SDK-TEST"};
    }
    static OutgoingMessage outgoing(const federation::ParticipantId& participant, const std::string& id,
                                    const std::string& key) {
        return {.participant = participant,
                .as4_id = id,
                .idempotency_key = key,
                .xhe_id = "x",
                .blob = "b-" + id,
                .recipient = kTwo,
                .created = kNow};
    }
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("budkavle-repo-" + new_uuid());
    std::unique_ptr<store::Database> database_;
};

TEST_F(RepositoryTest, IncomingMessagesAreListedInOrderPerParticipant) {
    ASSERT_TRUE(write([&](auto& tx) -> Result<> {
        BUDKAVLE_CHECK(add_incoming(tx, incoming(kOne, "a")));
        BUDKAVLE_CHECK(add_incoming(tx, incoming(kTwo, "b")));
        BUDKAVLE_CHECK(add_incoming(tx, incoming(kOne, "c")));
        const auto list = waiting(tx, kOne, 0, 10).value();
        EXPECT_EQ(list.size(), 2U);
        EXPECT_EQ(list[0].as4_id, "a");
        EXPECT_EQ(list[1].as4_id, "c");
        EXPECT_EQ(waiting(tx, kOne, list[0].position, 10).value().at(0).as4_id, "c");
        EXPECT_EQ(waiting(tx, kOne, 0, 1).value().size(), 1U);
        EXPECT_FALSE(find_incoming(tx, kTwo, "a").value()) << "SEC-31";
        EXPECT_EQ(add_incoming(tx, incoming(kOne, "a")).error().code, "db.constraint");
        return {};
    }));
}

TEST_F(RepositoryTest, AcknowledgementHappensOnceAndForgetsTheBlob) {
    ASSERT_TRUE(write([&](auto& tx) -> Result<> {
        BUDKAVLE_CHECK(add_incoming(tx, incoming(kOne, "a")));
        auto message = *find_incoming(tx, kOne, "a").value();
        EXPECT_EQ(incoming_blobs(tx).value(), std::set<std::string>{"b-a"});
        BUDKAVLE_CHECK(acknowledge(tx, message, kNow));
        EXPECT_TRUE(incoming_blobs(tx).value().empty());
        EXPECT_TRUE(waiting(tx, kOne, 0, 10).value().empty());
        message = *find_incoming(tx, kOne, "a").value();
        EXPECT_EQ(message.state, Incoming::acknowledged);
        EXPECT_EQ(message.from_party, "AP0002-SDK-TEST") << "facts stay";
        EXPECT_EQ(acknowledge(tx, message, kNow).error().code, "state.transition");
        return {};
    }));
}

TEST_F(RepositoryTest, TheDuplicateMemoryIsKeyedAndAges) {
    const Remembered what{"m1", "AP0002-SDK-TEST", "content", "references", to_bytes("<receipt/>"), kNow, kNow};
    ASSERT_TRUE(write([&](auto& tx) -> Result<> {
        BUDKAVLE_CHECK(remember(tx, what));
        EXPECT_EQ(remember(tx, what).error().code, "db.constraint");
        EXPECT_EQ(recall(tx, "m1").value()->receipt, what.receipt);
        const auto memory = std::chrono::hours(24 * 30);
        EXPECT_EQ(forget_older(tx, memory, kNow + 10 * memory).value(), 0) << "a clock that jumped ahead forgets nothing";
        BUDKAVLE_CHECK(remember(tx, {"m2", "AP0002-SDK-TEST", "c", "r", {}, kNow + memory, kNow + memory}));
        EXPECT_EQ(forget_older(tx, memory, kNow + 10 * memory).value(), 0) << "exactly as old as the memory reaches";
        BUDKAVLE_CHECK(remember(tx, {"m3", "AP0002-SDK-TEST", "c", "r", {}, kNow, kNow + memory + milliseconds(1)}));
        EXPECT_EQ(forget_older(tx, memory, kNow).value(), 0) << "a clock that fell behind neither";
        BUDKAVLE_CHECK(remember_copy(tx, "m1", kNow + milliseconds(1)));
        EXPECT_EQ(forget_older(tx, memory, kNow + 10 * memory).value(), 0) << "a rebuilt copy is remembered as long";
        BUDKAVLE_CHECK(remember(tx, {"m4", "AP0002-SDK-TEST", "c", "r", {}, kNow, kNow + memory + milliseconds(2)}));
        BUDKAVLE_CHECK(remember(tx, {"old", "AP0002-SDK-TEST", "c", "r", {}, kNow + memory, kNow - memory}));
        EXPECT_EQ(forget_older(tx, memory, kNow + 10 * memory).value(), 1);
        EXPECT_FALSE(recall(tx, "m1").value());
        EXPECT_TRUE(recall(tx, "old").value()) << "it was old when it came, and is remembered as long as any other";
        return {};
    }));
}

TEST_F(RepositoryTest, WhatWaitsIsCounted) {  // SEC-107
    ASSERT_TRUE(write([&](auto& tx) -> Result<> {
        const auto in = [&](const auto& who) { return load_of(tx, who, Direction::in).value(); };
        EXPECT_EQ(in(kOne).messages, 0U);
        BUDKAVLE_CHECK(add_incoming(tx, incoming(kOne, "a")));
        BUDKAVLE_CHECK(add_incoming(tx, incoming(kOne, "b")));
        EXPECT_EQ(in(kOne).messages, 2U);
        EXPECT_EQ(in(kOne).octets, 2 * incoming(kOne, "a").bytes);
        EXPECT_EQ(in(kTwo).messages, 0U) << "SEC-31";
        BUDKAVLE_CHECK(acknowledge(tx, *find_incoming(tx, kOne, "a").value(), kNow));
        EXPECT_EQ(in(kOne).messages, 1U);
        EXPECT_EQ(in(kOne).octets, incoming(kOne, "a").bytes);
        return {};
    }));
}

TEST_F(RepositoryTest, PositionsAreNeverGivenTwice) {
    ASSERT_TRUE(write([&](auto& tx) -> Result<> {
        for (const auto* id : {"a", "b"}) {
            BUDKAVLE_CHECK(add_incoming(tx, incoming(kOne, id)));
            BUDKAVLE_CHECK(acknowledge(tx, *find_incoming(tx, kOne, id).value(), kNow));
        }
        EXPECT_EQ(drop_acknowledged_before(tx, kNow + milliseconds(1)).value(), 1);
        BUDKAVLE_CHECK(add_incoming(tx, incoming(kOne, "c")));
        EXPECT_EQ(find_incoming(tx, kOne, "c").value()->position, 3) << "a message service asks for what comes after 2";
        return {};
    }));
}

TEST_F(RepositoryTest, OutgoingMessagesKeepTheirKeyPerParticipant) {
    ASSERT_TRUE(write([&](auto& tx) -> Result<> {
        BUDKAVLE_CHECK(add_outgoing(tx, outgoing(kOne, "a", "k")));
        EXPECT_EQ(add_outgoing(tx, outgoing(kOne, "b", "k")).error().code, "db.constraint");
        BUDKAVLE_CHECK(add_outgoing(tx, outgoing(kTwo, "c", "k")));
        EXPECT_EQ(find_by_key(tx, kTwo, "k").value()->as4_id, "c");
        EXPECT_FALSE(find_outgoing(tx, kTwo, "a").value()) << "SEC-31";
        return {};
    }));
}

TEST_F(RepositoryTest, OutgoingUpdatesFollowTheTableAndTheStateInTheDatabase) {
    ASSERT_TRUE(write([&](auto& tx) -> Result<> {
        auto message = outgoing(kOne, "a", "k");
        BUDKAVLE_CHECK(add_outgoing(tx, message));
        message.state = Outgoing::delivered;
        EXPECT_EQ(update_outgoing(tx, message, Outgoing::queued).error().code, "state.transition");
        message.state = Outgoing::sending;
        message.attempts = 1;
        BUDKAVLE_CHECK(update_outgoing(tx, message, Outgoing::queued));
        EXPECT_EQ(update_outgoing(tx, message, Outgoing::queued).error().code, "state.transition")
            << "it is no longer queued";
        message.state = Outgoing::delivered;
        message.blob.clear();
        message.receipt = to_bytes("<receipt/>");
        message.receipt_type = "application/soap+xml";
        message.receipt_time = kNow;
        message.finished = kNow;
        BUDKAVLE_CHECK(update_outgoing(tx, message, Outgoing::sending));
        const auto stored = *find_outgoing(tx, kOne, "a").value();
        EXPECT_EQ(stored.state, Outgoing::delivered);
        EXPECT_EQ(stored.receipt, message.receipt);
        EXPECT_EQ(stored.receipt_time, kNow);
        EXPECT_EQ(stored.attempts, 1U);
        EXPECT_TRUE(outgoing_blobs(tx).value().empty()) << "finished messages hold no octets";
        return {};
    }));
}

TEST_F(RepositoryTest, EventsBelongToOneParticipant) {  // AP-30
    const Journal journal("ap1", "example-test", "federation", obs::null_log());
    ASSERT_TRUE(write([&](auto& tx) -> Result<> {
        TransferEvent event{.name = "as4.refused",
                            .participant = kOne.folded(),
                            .as4_id = "a",
                            .xhe_id = "x",
                            .ebms_code = "EBMS:0004",
                            .error_code = "as4.not_serviced",
                            .error_text = "t",
                            .rule = "K23"};
        BUDKAVLE_CHECK(journal.record(tx, event, kNow));
        event.name = "second";
        BUDKAVLE_CHECK(journal.record(tx, event, kNow));
        EXPECT_EQ(find_events(tx, kOne, {.as4_id = "a", .xhe_id = {}}).value().size(), 2U);
        EXPECT_EQ(find_events(tx, kOne, {.as4_id = {}, .xhe_id = "x"}).value().size(), 2U);
        EXPECT_TRUE(find_events(tx, kTwo, {.as4_id = "a", .xhe_id = {}}).value().empty());
        const auto first = find_events(tx, kOne, {.as4_id = "a", .xhe_id = {}}).value().at(0);
        for (const auto* part : {R"("event":"as4.refused")", R"("component":"ap1")", R"("rule":"K23")",
                                 R"("ebmsCode":"EBMS:0004")", R"("certificateSha256":null)"}) {
            EXPECT_NE(first.find(part), std::string::npos) << part;
        }
        EXPECT_EQ(drop_events_before(tx, kNow + milliseconds(1)).value(), 1)
            << "the newest stays: positions are never given twice";
        return {};
    }));
}

TEST(EvidenceTest, SurvivesTheDatabase) {
    const as4::Evidence evidence{
        "m1",
        "AP0002-SDK-TEST",
        {{"cid:message", {"urn:t1", "urn:t2"}, "urn:sha256", "AA\"=="}, {"#_1", {}, "urn:sha256", "BB=="}}};
    EXPECT_EQ(read_evidence(write_evidence(evidence)).value(), evidence);
    for (const auto* bad : {"", "{}", "[]", R"({"messageId":1,"toParty":"","references":[]})",
                            R"({"messageId":"a","toParty":"b","references":[{}]})"}) {
        EXPECT_FALSE(read_evidence(bad)) << bad;
    }
}

}  // namespace
}  // namespace budkavle::accesspoint
