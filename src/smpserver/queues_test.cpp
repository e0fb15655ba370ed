// What waits: planned changes, bulk changes, the locator queue, the daily check, and the way back in the history.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "smpserver/locator_queue.hpp"
#include "smpserver/publications.hpp"
#include "smpserver/test_support.hpp"

namespace budkavle::smpserver {
namespace {

using namespace testing;

class QueuesTest : public ::testing::Test {
protected:
    std::string octets(const std::string& participant, const std::string& document = kMessage) {
        const auto id = must(federation::ParticipantId::parse(participant));
        const auto served = must(Snapshot::load(*database_));
        const auto* found = served->find({smp::participant(id), smp::document(document)});
        return found == nullptr ? std::string{} : found->octets;
    }
    bool says(const std::string& participant, std::string_view text) {
        return octets(participant).find(text) != std::string::npos;
    }
    PutEndpoint moved(const std::string& uri) {
        auto out = bench_.endpoint();
        out.uri = uri;
        return out;
    }
    void work() {
        for (int i = 0; i < 50 && must(bench_.registry->work()); ++i) {
        }
    }
    std::vector<std::string> many(int count) {
        bench_.operators();
        std::vector<std::string> out;
        for (int i = 0; i < count; ++i) {
            out.push_back("0203:k" + std::to_string(100 + i) + ".example.se");
            bench_.participant(out.back());
        }
        return out;
    }
    ParticipantRecord record() { return must(bench_.registry->participant(bench_.system, bench_.id.text())); }

    Bench bench_;
    std::unique_ptr<store::Database> database_ = bench_.database();
};

TEST_F(QueuesTest, PlannedChangesWaitForTheirTime) {
    bench_.fill();
    const auto id = bench_.id.text();
    auto& registry = *bench_.registry;
    const auto plan = must(registry.plan(bench_.anna, moved("https://ny.example.se/"), kNow + seconds(60)));
    const auto cancelled = must(registry.plan(bench_.anna, moved("https://aldrig.example.se/"), kNow + seconds(61)));
    EXPECT_EQ(code_of(registry.plan(bench_.federation, SetSuspended{id}, kNow)), "registry.reason");
    work();
    EXPECT_FALSE(says(id, "https://ny.example.se/"));
    EXPECT_EQ(code_of(registry.cancel_planned(bench_.anna, cancelled.id)), "none");
    bench_.clock.at += seconds(120);
    bench_.reopen();  // another process
    work();
    EXPECT_TRUE(says(id, "https://ny.example.se/"));
    const auto all = must(bench_.registry->planned(bench_.anna, {}));
    ASSERT_EQ(all.items.size(), 2U);
    for (const auto& one : all.items)
        EXPECT_EQ(one.state, one.id == plan.id ? PlannedState::done : PlannedState::cancelled);
    EXPECT_EQ(code_of(bench_.registry->cancel_planned(bench_.anna, plan.id)), "registry.state");
}

TEST_F(QueuesTest, PlannedChangesAreJudgedAgainWhenTheirTimeComes) {
    bench_.fill();
    const auto plan =
        must(bench_.registry->plan(bench_.anna, Bench::service(bench_.id.text(), kMessage), kNow + seconds(9)));
    bench_.must_change(bench_.federation, MoveParticipant{bench_.id.text(), "op2"});
    bench_.clock.at += seconds(10);
    work();
    const auto all = must(bench_.registry->planned(bench_.system, {}));
    EXPECT_EQ(all.items.at(0).state, PlannedState::failed);
    EXPECT_TRUE(all.items.at(0).error.starts_with("registry.unknown")) << "it is another operator's by now";
    const auto events = bench_.log.technical_events();
    EXPECT_NE(std::ranges::find(events, "alarm.planned_change_failed"), events.end());
}

TEST_F(QueuesTest, HistoryAndTheWayBack) {
    bench_.fill();
    auto& registry = *bench_.registry;
    const auto id = bench_.id.text();
    const ObjectRef endpoint{ObjectKind::endpoint, "op1", "ap1"};
    bench_.must_change(bench_.anna, moved("https://fel.example.se/"));
    auto history = must(registry.history(bench_.anna, endpoint, {}));
    ASSERT_EQ(history.items.size(), 2U);
    EXPECT_EQ(history.items[0].version, 2) << "newest first";
    EXPECT_NE(history.items[0].after.find("https://fel.example.se/"), std::string::npos);
    EXPECT_EQ(history.items[0].before, history.items[1].after);
    EXPECT_EQ(code_of(registry.roll_back(bench_.anna, endpoint, 1, {})), "registry.reason");
    EXPECT_EQ(code_of(registry.roll_back(bench_.anna, endpoint, 1, {.reason = "fel", .expected_version = 1})),
              "registry.conflict");
    EXPECT_EQ(must(registry.roll_back(bench_.anna, endpoint, 1, {.reason = "fel", .expected_version = 2})).version, 3);
    EXPECT_TRUE(says(id, "https://ap.example.se/as4"));

    const ObjectRef participant{ObjectKind::participant, "", id};
    const auto good = record().version;
    bench_.must_change(bench_.anna, RemoveService{id, kReceipt});
    bench_.must_change(bench_.federation,
                       RemoveCertificate{id, CertificateUse::signing, bench_.lab.signer.certificate().sha256_hex()});
    EXPECT_EQ(octets(id, kReceipt), "");
    EXPECT_EQ(code_of(registry.roll_back(bench_.anna, participant, good, {.reason = "fel"})), "registry.forbidden")
        << "certificates are not the operator's";
    EXPECT_EQ(code_of(registry.roll_back(bench_.system, participant, good, {.reason = "fel"})), "none");
    EXPECT_NE(octets(id, kReceipt), "");
    EXPECT_EQ(record().certificates.size(), 2U);
    EXPECT_EQ(record().status, Status::approved);

    bench_.must_change(bench_.federation, RemoveParticipant{id});
    EXPECT_EQ(code_of(registry.roll_back(bench_.system, participant, good, {.reason = "fel"})), "none");
    EXPECT_EQ(record().status, Status::pending) << "approval is a decision of its own";
    EXPECT_EQ(record().services.size(), 2U);
    EXPECT_EQ(code_of(registry.roll_back(bench_.system, participant, 999, {.reason = "fel"})), "registry.unknown");
}

TEST_F(QueuesTest, PreviewSaysWhatWouldChange) {
    bench_.fill();
    const auto id = bench_.id.text();
    const auto before = octets(id);
    const auto version = must(published_version(*database_));
    auto preview = must(bench_.registry->preview(bench_.anna, moved("https://ny.example.se/")));
    EXPECT_EQ(preview.participants, 1);
    ASSERT_EQ(preview.answers.size(), 2U) << "both documents, not the group";
    ASSERT_EQ(preview.answers[0].fields.size(), 1U);
    const auto& field = preview.answers[0].fields[0];
    EXPECT_TRUE(field.field.ends_with("Endpoint[digg-transport-as4-v1_0]/EndpointURI")) << field.field;
    EXPECT_EQ(field.before, "https://ap.example.se/as4");
    EXPECT_EQ(field.after, "https://ny.example.se/");
    EXPECT_EQ(preview.answers[0].octets_before, octets(id, kReceipt).size());
    EXPECT_EQ(preview.answers[1].octets_before, before.size());

    preview = must(bench_.registry->preview(bench_.federation, SetSuspended{id}));
    ASSERT_EQ(preview.answers.size(), 3U);
    EXPECT_EQ(preview.answers[0].kind, AnswerChange::Kind::vanishes);
    preview = must(bench_.registry->preview(bench_.federation, RemoveParticipant{id}));
    EXPECT_EQ(preview.answers.size(), 3U);
    preview = must(bench_.registry->preview(
        bench_.federation,
        RemoveCertificate{id, CertificateUse::signing, bench_.lab.signer.certificate().sha256_hex()}));
    ASSERT_EQ(preview.answers.size(), 2U);
    const auto& gone = preview.answers[0].fields;
    EXPECT_TRUE(std::ranges::any_of(gone, [](const auto& one) { return one.before.starts_with("SHA-256 "); }));
    EXPECT_EQ(octets(id), before) << "nothing has happened";
    EXPECT_EQ(must(published_version(*database_)), version);
    EXPECT_EQ(record().publish_state, PublishState::published);
}

TEST_F(QueuesTest, BulkChangeIsSwitchedAtOnce) {
    const auto ids = many(5);
    bench_.participant("0203:annan.example.se", "op2");
    const auto foreign = octets("0203:annan.example.se");
    const auto version = must(published_version(*database_));
    const auto bulk =
        must(bench_.registry->start_bulk(bench_.anna, moved("https://ny.example.se/"), {.reason = "flytt"}));
    EXPECT_EQ(bulk.total, 10);
    for (const auto& id : ids) EXPECT_FALSE(says(id, "https://ny.example.se/"));
    // A participant that changes meanwhile is signed again, one that leaves is left out.
    bench_.must_change(bench_.anna, RemoveService{ids[1], kReceipt});
    bench_.must_change(bench_.federation, SetSuspended{ids[2]}, {.reason = "prov"});
    const auto between = must(published_version(*database_));
    bench_.clock.at += seconds(3);
    work();
    const auto done = must(bench_.registry->bulk(bench_.anna, bulk.id));
    EXPECT_EQ(done.state, BulkState::done) << done.error;
    EXPECT_EQ(must(published_version(*database_)), between + 1) << "one step for all";
    EXPECT_GT(between, version);
    for (const auto& id : ids) EXPECT_EQ(says(id, "https://ny.example.se/"), id != ids[2]) << id;
    EXPECT_EQ(octets(ids[1], kReceipt), "");
    EXPECT_EQ(octets("0203:annan.example.se"), foreign);
    const auto all = must(bench_.registry->participants(bench_.anna, {}, {}));
    for (const auto& one : all.items) {
        EXPECT_EQ(one.publish_state, one.id.text() == ids[2] ? PublishState::none : PublishState::published);
        if (one.id.text() != ids[2]) EXPECT_EQ(one.published_at, kNow + seconds(3));
    }
    EXPECT_EQ(must(bench_.registry->endpoint(bench_.anna, "op1", "ap1")).uri, "https://ny.example.se/");
    bench_.must_change(bench_.federation, SetSuspended{ids[2], false}, {.reason = "prov"});
    EXPECT_TRUE(says(ids[2], "https://ny.example.se/"));
    EXPECT_EQ(code_of(bench_.registry->start_bulk(bench_.anna, Republish{ids[0]})), "registry.change");
}

TEST_F(QueuesTest, BulkChangeOfCertificateAndOfEndpoint) {
    const auto ids = many(3);
    const auto renewed = make_leaf("AP0001-SDK-LAB", bench_.lab.ap_ca).certificate();
    bench_.must_change(bench_.anna, AddApCertificate{"op1", "ny", renewed.pem()});
    const auto old = bench_.lab.ap.certificate().sha256_hex();
    (void)must(bench_.registry->start_bulk(bench_.anna, ReplaceApCertificate{"op1", old, renewed.sha256_hex()}));
    work();
    for (const auto& id : ids) EXPECT_TRUE(says(id, base64_encode(renewed.der())));
    auto other = moved("https://tva.example.se/");
    other.name = "ap2";
    bench_.must_change(bench_.anna, other);
    (void)must(bench_.registry->start_bulk(bench_.anna, ReplaceEndpoint{"op1", "ap1", "ap2"}));
    work();
    for (const auto& id : ids) EXPECT_TRUE(says(id, "https://tva.example.se/"));
    EXPECT_EQ(bench_.tell(bench_.anna, RemoveEndpoint{"op1", "ap1"}), "none");
    EXPECT_EQ(
        must(bench_.registry->participants(bench_.anna, {.publish_state = PublishState::published}, {})).items.size(),
        3U);
}

TEST_F(QueuesTest, BulkChangeGoesOnAfterAStop) {
    const auto ids = many(4);
    const auto bulk = must(bench_.registry->start_bulk(bench_.anna, moved("https://ny.example.se/")));
    // Staged by a process that then died.
    Bench::ok(database_->write([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(
            tx.execute("INSERT INTO staged_members(bulk, participant, revision) SELECT ?1, folded, revision - 1 "
                       "FROM members",
                       {bulk.id}));
        return {};
    }));
    bench_.reopen();
    bench_.clock.at += std::chrono::minutes(1);  // its lease has run out
    work();
    EXPECT_EQ(must(bench_.registry->bulk(bench_.anna, bulk.id)).state, BulkState::done);
    for (const auto& id : ids) EXPECT_TRUE(says(id, "https://ny.example.se/"));
    const auto cancelled = must(bench_.registry->start_bulk(bench_.anna, moved("https://aldrig.example.se/")));
    Bench::ok(bench_.registry->cancel_bulk(bench_.anna, cancelled.id));
    work();
    EXPECT_FALSE(says(ids[0], "https://aldrig.example.se/"));
    Bench::ok(database_->read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT (SELECT COUNT(*) FROM dead_bodies), (SELECT COUNT(*) FROM "
                              "staged_answers), (SELECT COUNT(*) FROM answer_bodies), (SELECT COUNT(*) "
                              "FROM answers WHERE body IS NOT NULL)"));
        EXPECT_EQ(rows[0].integer(0), 0);
        EXPECT_EQ(rows[0].integer(1), 0);
        EXPECT_EQ(rows[0].integer(2), rows[0].integer(3)) << "nothing is left behind";
        return {};
    }));
}

/// Registers in memory; fails when told to.
class FakePort final : public LocatorPort {
public:
    std::set<std::string> registered;
    bool down = false;
    Result<> ensure(const federation::ParticipantId& id) override {
        if (down) return fail("sml.unreachable", "The SML does not answer.", Retry::later);
        registered.insert(id.folded());
        return {};
    }
    Result<> withdraw(const federation::ParticipantId& id) override {
        if (down) return fail("sml.unreachable", "The SML does not answer.", Retry::later);
        registered.erase(id.folded());
        return {};
    }
};

TEST_F(QueuesTest, LocatorQueueHealsByItself_FED07) {
    FakePort port;
    port.down = true;
    LocatorWorker worker(*database_, port, bench_.log, bench_.clock);
    bench_.fill();
    EXPECT_EQ(record().publish_state, PublishState::published) << "an outage never blocks the administrator";
    const auto entry = [&] { return must(bench_.registry->locator_queue(bench_.anna, {})).items.at(0); };
    EXPECT_EQ(entry().state, LocatorState::queued);
    EXPECT_FALSE(must(worker.work()));
    EXPECT_EQ(entry().state, LocatorState::failed);
    EXPECT_TRUE(entry().error.starts_with("sml.unreachable")) << entry().error;
    EXPECT_EQ(entry().attempts, 1);
    EXPECT_EQ(entry().next_attempt, kNow + seconds(5));
    (void)must(worker.work());
    EXPECT_EQ(entry().attempts, 1) << "not before its time";
    bench_.clock.at += seconds(6);
    (void)must(worker.work());
    EXPECT_EQ(entry().attempts, 2);
    EXPECT_EQ(entry().next_attempt, bench_.clock.at + seconds(10));
    port.down = false;
    bench_.must_change(bench_.anna, Republish{bench_.id.text()});
    (void)must(worker.work());
    EXPECT_EQ(entry().state, LocatorState::published);
    EXPECT_EQ(port.registered, std::set<std::string>{bench_.id.folded()});
    bench_.must_change(bench_.federation, SetSuspended{bench_.id.text()}, {.reason = "prov"});
    (void)must(worker.work());
    EXPECT_TRUE(port.registered.empty());
    EXPECT_FALSE(entry().wanted);
    bench_.must_change(bench_.federation, SetSuspended{bench_.id.text(), false}, {.reason = "prov"});
    (void)must(worker.work());
    EXPECT_EQ(port.registered.size(), 1U);
}

TEST_F(QueuesTest, DailyCheckOfEverythingPublished_SEC120) {
    bench_.fill();
    const auto soon = make_leaf("exempelkommun.example.se", bench_.lab.o2o_root,
                                {.not_before = kStart, .not_after = kNow + std::chrono::hours(24 * 31)});
    bench_.must_change(bench_.federation,
                       AddCertificate{bench_.id.text(), CertificateUse::signing, soon.certificate().pem()});
    const auto findings = [&] {
        std::vector<std::string> out;
        for (const auto& one : must(bench_.registry->findings(bench_.anna, {})).items)
            out.push_back(one.kind + (one.sha256 == soon.certificate().sha256_hex() ? " soon" : " other"));
        return out;
    };
    const auto count = [&](const std::string& event) {
        const auto events = bench_.log.technical_events();
        return std::ranges::count(events, event);
    };
    work();
    EXPECT_EQ(findings(), std::vector<std::string>{"expires soon"});
    EXPECT_EQ(count("smp.published_certificate_expires"), 1);
    work();
    EXPECT_EQ(count("smp.certificates_checked"), 1) << "once a day";
    bench_.clock.at += std::chrono::hours(25);
    work();
    EXPECT_EQ(count("smp.certificates_checked"), 2);
    EXPECT_EQ(count("smp.published_certificate_expires"), 2) << "the 30 days were passed";
    bench_.clock.at += std::chrono::hours(25);
    bench_.reopen();
    work();
    EXPECT_EQ(count("smp.published_certificate_expires"), 2) << "told once, also by the next process";
    bench_.clock.at += std::chrono::hours(24 * 23);
    work();
    EXPECT_EQ(count("smp.published_certificate_expires"), 3) << "7 days";
    bench_.clock.at += std::chrono::hours(24 * 7);
    work();
    EXPECT_EQ(count("alarm.published_certificate_expired"), 1);

    auto crls = std::make_shared<crypto::CrlStore>();
    crls->put(make_crl(bench_.lab.o2o_root, {bench_.lab.signer.certificate()}));
    crls->put(make_crl(bench_.lab.ap_ca, {bench_.lab.ap.certificate()}));
    bench_.config.crls = crls;
    bench_.reopen();
    bench_.clock.at += std::chrono::hours(25);
    work();
    EXPECT_EQ(count("alarm.published_certificate_revoked"), 3) << "of the participant, and of two endpoints";
    EXPECT_EQ(must(bench_.registry->findings(bench_.system, {})).items.size(), 4U);
    EXPECT_EQ(must(bench_.registry->findings(bench_.stranger, {})).items.size(), 1U);
}

// The register of the first form: nothing is lost, and what is served stays octet for octet.
TEST(Upgrade, CarriesOverTheFirstForm) {
    const Bench bench;
    const auto location = on_postgresql() ? store::Location(store::test::Cluster::instance().fresh())
                                          : store::Location(bench.folder / "old.db");
    {
        const auto old = must(store::Database::open_at(location, {migrations().front()}));
        Bench::ok(old->write([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(
                tx.execute("INSERT INTO endpoints VALUES('ap1', 'https://ap.example.se/as4', "
                           "'digg-transport-as4-v1_0', ?1, 'AP', 'https://support.example.se/')",
                           {bench.lab.ap.certificate().der()}));
            BUDKAVLE_CHECK(
                tx.execute("INSERT INTO participants VALUES('0203:kommunen.example.se', "
                           "'0203:Kommunen.example.se', 'approved')"));
            BUDKAVLE_CHECK(
                tx.execute("INSERT INTO services VALUES('0203:kommunen.example.se', ?1, 'ap1')", {kMessage}));
            BUDKAVLE_CHECK(
                tx.execute("INSERT INTO certificates VALUES('0203:kommunen.example.se', 'signing', ?1, ?2)",
                           {bench.lab.signer.certificate().sha256_hex(), bench.lab.signer.certificate().der()}));
            for (const auto& document : {std::string(), kMessage}) {
                BUDKAVLE_CHECK(
                    tx.execute("INSERT INTO publications VALUES('0203:kommunen.example.se', ?1, 's', ?2, "
                               "'\"tag\"', 1700000000)",
                               {document, to_bytes("octets " + document)}));
            }
            BUDKAVLE_CHECK(tx.execute("UPDATE smp_state SET version = 7"));
            return {};
        }));
    }
    auto config = bench.config;
    config.database = location;
    MemoryLog log;
    for (int round = 0; round < 2; ++round) {
        const auto registry = must(Register::open(config, log, bench.clock));
        const auto found = must(registry->participant(bench.system, "0203:kommunen.example.se"));
        EXPECT_EQ(found.id.text(), "0203:Kommunen.example.se");
        EXPECT_EQ(found.status, Status::approved);
        EXPECT_EQ(found.publish_state, PublishState::published);
        EXPECT_EQ(found.services.at(0).document, kMessage);
        EXPECT_EQ(found.certificates.at(0).certificate, bench.lab.signer.certificate());
        EXPECT_EQ(must(registry->endpoint(bench.system, "operator", "ap1")).participants, 1);
        const auto database = must(open_database(location));
        const auto served = must(Snapshot::load(*database));
        const auto* answer = served->find({smp::participant(bench.id), smp::document(kMessage)});
        ASSERT_NE(answer, nullptr);
        EXPECT_EQ(answer->octets, "octets " + kMessage);
        EXPECT_EQ(answer->etag, "\"tag\"");
        EXPECT_EQ(served->version(), 7);
        EXPECT_EQ(must(registry->locator_queue(bench.system, {})).items.size(), 1U);
    }
}

}  // namespace
}  // namespace budkavle::smpserver
