/// Backup, restore and upgrade: nothing is sent or handed over again, nothing is lost (SEC-100…SEC-104).

#include "accesspoint/archive.hpp"
#include "accesspoint/backup.hpp"
#include "accesspoint/restoration.hpp"
#include "accesspoint/schema.hpp"
#include "accesspoint/test_support.hpp"
#include "store/queue.hpp"

namespace budkavle::accesspoint::test {
namespace {

class BackupTest : public World {
protected:
    /// Too large to lie in the database.
    static TestEnvelope to_stad() { return make_envelope({.from = kRegion, .to = kStad, .padding = 100'000}); }
    /// A quarter of an hour between look-ups: what cannot be looked up waits.
    [[nodiscard]] AccessPointConfig patient() const {
        auto with = config(1);
        with.environment.check_original_sender = false;  // the look-ups fail while messages arrive
        with.lookup_retries = {5, std::chrono::hours(1)};
        return with;
    }
    [[nodiscard]] fs::path backups() const { return root_ / "backups"; }
    static SecretBytes backup_key() { return SecretBytes(Bytes(32, 0x77)); }
    /// The disk is gone; the key of the store was kept apart.
    void lose() {
        stop(1);
        fs::remove_all(folder(1));
        schemas_.erase(1);
    }
    Result<RestoreReport> restore(const std::string& id = {}) {
        return restore_backup(config(1), {.from = backups(), .id = id, .lost = clock_.now(), .now = clock_.now()},
                              backup_key());
    }
    std::string state_of(const std::string& as4_id, const char* field = "state") {
        const auto answer = call(1, client_of(kStad), "GET", path_of(kStad, "outbox/" + percent_encode(as4_id)));
        return field == std::string_view("cause")
                   ? std::string(answer.object().at("cause").as_object().at("code").as_string())
                   : std::string(answer.object().at(field).as_string());
    }
    std::string submitted() {
        return std::string(submit(1, kStad, make_envelope({.padding = 100'000})).object().at("as4MessageId").as_string());
    }
    void acknowledge(const Request& request) {
        const auto id = percent_encode(request.sealed.evidence.message_id);
        EXPECT_EQ(call(1, keys().mt1, "POST", path_of(kStad, "inbox/" + id + "/ack")).status, 204);
    }
    std::vector<Held> held() {
        std::vector<Held> all;
        const auto database = store::Database::open_at(database_location(config(1)), migrations()).value();
        EXPECT_TRUE(database->read([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(all, list_held(tx, 100));
            return {};
        }));
        return all;
    }
    Result<> decide(const Held& which, Release action, const std::string& reason = "drill") {
        const auto database = store::Database::open_at(database_location(config(1)), migrations()).value();
        return database->write([&](store::Transaction& tx) {
            return release(tx, which, {.action = action, .who = "op1", .reason = reason}, clock_.now());
        });
    }
};

TEST_F(BackupTest, ARestoredOldStateNeitherSendsNorDeliversAgainAndLosesNothing) {  // SEC-102
    start(2);
    start(1, patient());
    // Before the backup: one delivered, one that waits to be sent, one handed over, one that waits to be handed over.
    const auto delivered = submitted();
    EXPECT_EQ(await_final(1, kStad, delivered).at("state").as_string(), "delivered");
    lookup_error_ = Error{"dns.failed", {}, {}, "No answer.", {}, Retry::later};
    const auto waiting = submitted();
    for (int i = 0; i < 600 && count(1, "SELECT COUNT(*) FROM outgoing WHERE lookups = 1") == 0; ++i)
        std::this_thread::sleep_for(milliseconds(20));
    const auto handed_over = make_request(to_stad().octets, {});
    const auto first_answer = post(handed_over);
    acknowledge(handed_over);
    const auto available = make_request(to_stad().octets, {});
    EXPECT_EQ(post(available).status, 200);

    const auto taken = take_backup(patient(), backups(), backup_key(), clock_.now());
    ASSERT_TRUE(taken) << taken.error().describe();
    EXPECT_EQ(taken->blobs, 2U) << "of the one to send and the one to hand over";
    EXPECT_EQ(taken->finished, 0U);

    // The gap: the waiting one is sent, the available one handed over, two more arrive.
    lookup_error_.reset();
    clock_.forward(std::chrono::minutes(16));
    EXPECT_EQ(await_final(1, kStad, submitted()).at("state").as_string(), "delivered");
    EXPECT_EQ(await_final(1, kStad, waiting).at("state").as_string(), "delivered");
    acknowledge(available);
    const auto in_the_gap = make_request(to_stad().octets, {});
    EXPECT_EQ(post(in_the_gap).status, 200);
    const auto at_region = count(2, "SELECT COUNT(*) FROM incoming");

    lose();
    const auto restored = restore();
    ASSERT_TRUE(restored) << restored.error().describe();
    EXPECT_EQ(restored->held, 2);
    start(1, patient());

    // Neither again.
    EXPECT_EQ(state_of(waiting, "cause"), "as4.held");
    EXPECT_TRUE(inbox(1, kStad).empty());
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM job WHERE kind LIKE 'as4.send%'"), 0);
    EXPECT_EQ(await_final(1, kStad, submitted()).at("state").as_string(), "delivered") << "new ones go at once";
    EXPECT_EQ(count(2, "SELECT COUNT(*) FROM incoming"), at_region + 1);
    EXPECT_EQ(count(2, "SELECT COUNT(*) FROM event WHERE event = 'as4.duplicate'"), 0);
    EXPECT_EQ(state_of(delivered), "delivered");
    // The duplicate memory of before the backup: the stored receipt.
    EXPECT_EQ(post(handed_over).body, first_answer.body);
    // Receipted in the gap, and the peer did not get the receipt: taken again, not handed over unasked, not lost.
    const auto again = post(in_the_gap);
    EXPECT_EQ(judge(in_the_gap, again).verdict, as4::Verdict::accepted);
    EXPECT_EQ(post(in_the_gap).body, again.body);
    EXPECT_TRUE(inbox(1, kStad).empty());

    // The operator decides.
    const auto all = held();
    ASSERT_EQ(all.size(), 3U);
    for (const auto& one : all) {
        const bool close = one.as4_id == available.sealed.evidence.message_id;
        ASSERT_TRUE(decide(one, close ? Release::close : Release::go_on));
        EXPECT_EQ(decide(one, Release::go_on).error().code, "held.unknown") << "once";
    }
    const auto list = inbox(1, kStad);
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].as_object().at("as4MessageId").as_string(), in_the_gap.sealed.evidence.message_id);
    EXPECT_TRUE(list[0].as_object().at("possibleDuplicate").as_bool()) << "with notice";
    EXPECT_EQ(await_final(1, kStad, submitted()).at("state").as_string(), "delivered");  // and wakes the sender
    EXPECT_EQ(await_final(1, kStad, waiting).at("state").as_string(), "delivered");
    EXPECT_EQ(count(2, "SELECT COUNT(*) FROM event WHERE event = 'as4.duplicate'"), 1) << "same MessageId, known there";
    EXPECT_EQ(count(2, "SELECT COUNT(*) FROM incoming"), at_region + 2);
}

TEST_F(BackupTest, ClosingAHeldMessageToSendSaysPerhapsDelivered) {
    lookup_error_ = Error{"dns.failed", {}, {}, "No answer.", {}, Retry::later};
    start(1, patient());
    const auto waiting = submitted();
    ASSERT_TRUE(take_backup(patient(), backups(), backup_key(), clock_.now()));
    lose();
    ASSERT_TRUE(restore());
    start(1, patient());
    const auto all = held();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(decide(all[0], Release::close, "").error().code, "held.reason");
    ASSERT_TRUE(decide(all[0], Release::close));
    EXPECT_EQ(state_of(waiting), "failed");
    EXPECT_EQ(state_of(waiting, "cause"), "as4.no_evidence");
}

TEST_F(BackupTest, NothingInABackupIsReadableWithoutItsKeys) {  // SEC-43
    start(1);
    const auto envelope = to_stad();
    EXPECT_EQ(post(make_request(envelope.octets, {})).status, 200);
    const auto taken = take_backup(config(1), backups(), backup_key(), clock_.now());
    ASSERT_TRUE(taken);
    const auto octets = read_file(backups() / (taken->id + ".blob")).value();
    for (const std::string& canary : {std::string(kCanary), std::string("SQLite format 3"), kStad.text()})
        EXPECT_EQ(as_text(octets).find(canary), std::string_view::npos) << canary;
    lose();
    const auto wrong = restore_backup(config(1), {.from = backups(), .lost = clock_.now(), .now = clock_.now()}, SecretBytes(Bytes(32, 1)));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, "blob.damaged");
    EXPECT_FALSE(fs::exists(folder(1) / "accesspoint.db")) << "nothing half done stays";
}

TEST_F(BackupTest, ABackupGoesOnlyWhereItBelongsAndNowhereOnTopOfAnother) {
    start(1);
    EXPECT_EQ(post(make_request(to_stad().octets, {})).status, 200);
    const auto taken = take_backup(config(1), backups(), backup_key(), clock_.now());
    ASSERT_TRUE(taken);
    EXPECT_EQ(restore().error().code, "restore.not_empty");
    lose();
    const auto into = [&](const AccessPointConfig& with) {
        return restore_backup(with, {.from = backups(), .lost = clock_.now(), .now = clock_.now()}, backup_key());
    };
    auto other = config(1);
    other.environment.name = "example-prod";
    EXPECT_EQ(into(other).error().code, "restore.other") << "SEC-35";
    auto without_key = config(1);
    without_key.key_file = root_ / "nothing.key";
    EXPECT_EQ(into(without_key).error().code, "restore.key");
    ASSERT_TRUE(store::load_or_create_key(without_key.key_file));
    EXPECT_EQ(into(without_key).error().code, "restore.key") << "another key";
    EXPECT_EQ(restore("00000000-0000-4000-8000-000000000000").error().code, "blob.missing");
    EXPECT_TRUE(restore(taken->id));
}

TEST(RestorationTest, TheGapEndsTenMinutesAfterTheLoss) {
    const Time lost{milliseconds{1'800'000'000'000}};
    EXPECT_FALSE(in_gap(lost, std::nullopt));
    EXPECT_TRUE(in_gap(lost - std::chrono::hours(24 * 20), lost));
    EXPECT_TRUE(in_gap(lost + std::chrono::minutes(9), lost)) << "clocks of peers differ";
    EXPECT_FALSE(in_gap(lost + std::chrono::minutes(10), lost));
}

TEST(ArchiveTest, WhatIsCutOffOrForeignIsRefused) {
    MemorySink sink(1 << 20);
    ArchiveWriter writer(sink);
    ASSERT_TRUE(writer.add("a", as_bytes("one")));
    ASSERT_TRUE(writer.add("b", {}));
    ASSERT_TRUE(writer.end());
    const Bytes whole(sink.bytes().begin(), sink.bytes().end());
    const auto read = [](ByteView octets) {
        std::string seen;
        MemorySource source(octets);
        const auto done = read_archive(source, [&](const std::string& name, Source& entry) -> Result<> {
            BUDKAVLE_TRY(const auto content, read_all(entry, 100));
            seen += name + "=" + std::string(as_text(content)) + ";";
            return {};
        });
        return done ? seen : std::string(done.error().code);
    };
    EXPECT_EQ(read(whole), "a=one;b=;");
    for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_EQ(read(ByteView(whole).first(n)), "restore.damaged") << n;
    auto foreign = whole;
    foreign[0] = 'X';
    EXPECT_EQ(read(foreign), "restore.damaged");
}

}  // namespace
}  // namespace budkavle::accesspoint::test
