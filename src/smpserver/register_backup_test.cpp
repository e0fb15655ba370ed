// A lost register comes back from its backup: the same octets, to the same nodes, and the locator is told everything again.
#include "smpserver/register_backup.hpp"

#include "smpserver/locator_queue.hpp"
#include "smpserver/publications.hpp"
#include "smpserver/server_test_support.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

using namespace testing;

std::map<std::string, std::string> octets_of(const Snapshot& snapshot) {
    std::map<std::string, std::string> all;
    snapshot.for_each([&](const Publication& one) { all[one.id + "/" + one.document] = one.etag + one.octets; });
    return all;
}

class Told : public LocatorPort {
public:
    Result<> ensure(const federation::ParticipantId& participant) override {
        ensured.push_back(participant.text());
        return {};
    }
    Result<> withdraw(const federation::ParticipantId& participant) override {
        withdrawn.push_back(participant.text());
        return {};
    }
    std::vector<std::string> ensured, withdrawn;
};

class RegisterBackupTest : public ServerBench {
protected:
    [[nodiscard]] Result<store::DatabaseBackup> back_up() const {
        return back_up_register(bench_.config, backups_, key_, bench_.clock.now());
    }
    /// Disk or server are gone; the register gets another, empty place.
    void lose() {
        bench_.registry.reset();
        std::filesystem::create_directories(bench_.folder / "new");
        bench_.config.database = fresh_location(bench_.folder / "new");
        config_.database = bench_.config.database;
    }
    [[nodiscard]] Result<RegisterRestoration> restore(const std::string& id = {}) const {
        return restore_register(bench_.config, backups_, id, key_, bench_.clock.now());
    }
    [[nodiscard]] std::shared_ptr<const Snapshot> served(const std::shared_ptr<const Snapshot>& before = nullptr) const {
        return must(Snapshot::refresh(*bench_.database(), before));
    }
    std::filesystem::path backups_ = bench_.folder / "backups";
    SecretBytes key_{Bytes(32, 0x42)};
};

TEST_F(RegisterBackupTest, PublishedOctetsComeBackAndTheLocatorIsToldAgain_SEC101) {
    const std::string gone = "0203:bortagen.example.se";
    bench_.participant(gone);
    bench_.must_change(bench_.federation, SetSuspended{gone});
    const auto before = served();
    Told first;
    must(LocatorWorker(*bench_.database(), first, bench_.log, bench_.clock).work());
    const auto taken = must(back_up());
    EXPECT_GT(taken.rows, 20);

    // What happens after the backup is lost: a change, a new participant, one that is set free.
    bench_.clock.at += std::chrono::hours(1);
    bench_.must_change(bench_.federation, SetSuspended{bench_.id.text()});
    bench_.must_change(bench_.federation, SetSuspended{gone, false});
    bench_.participant("0203:ny.example.se", "op2");
    const auto later = served(before);
    EXPECT_NE(octets_of(*later), octets_of(*before));

    lose();
    const auto restored = must(restore());
    EXPECT_EQ(restored.taken, taken.taken);
    EXPECT_EQ(restored.answers, 3);
    EXPECT_EQ(restored.located, 2);
    bench_.reopen();
    while (must(bench_.registry->work())) {
    }
    EXPECT_EQ(octets_of(*served()), octets_of(*before)) << "nothing is signed anew";
    EXPECT_EQ(octets_of(*served(later)), octets_of(*before)) << "a node that went on sees it too";
    EXPECT_GT(served()->version(), later->version());
    Told again;
    must(LocatorWorker(*bench_.database(), again, bench_.log, bench_.clock).work());
    EXPECT_EQ(again.ensured, std::vector<std::string>{bench_.id.text()});
    EXPECT_EQ(again.withdrawn, std::vector<std::string>{gone});
    EXPECT_EQ(bench_.tell(bench_.federation, SetSuspended{bench_.id.text()}), "none") << "and it goes on";
    must(back_up());
}

TEST_F(RegisterBackupTest, WhatFellDueMeanwhileIsNotDoneByItself_SEC102) {
    const auto moved = [&](const std::string& uri) {
        auto change = bench_.endpoint();
        change.uri = uri;
        return change;
    };
    const auto due = must(bench_.registry->plan(bench_.anna, moved("https://b.example.se/"), kNow + seconds(60), {}));
    const auto future = must(bench_.registry->plan(bench_.anna, moved("https://c.example.se/"), kNow + std::chrono::hours(48), {}));
    const auto bulk = must(bench_.registry->start_bulk(bench_.anna, moved("https://d.example.se/"), {}));
    must(back_up());
    bench_.clock.at += std::chrono::hours(1);
    lose();
    EXPECT_EQ(must(restore()).abandoned, 2);
    bench_.reopen();
    while (must(bench_.registry->work())) {
    }
    std::map<std::string, PlannedState> states;
    for (const auto& one : must(bench_.registry->planned(bench_.anna, {})).items) states[one.id] = one.state;
    EXPECT_EQ(states.at(due.id), PlannedState::failed);
    EXPECT_EQ(states.at(future.id), PlannedState::planned);
    EXPECT_EQ(must(bench_.registry->bulk(bench_.anna, bulk.id)).state, BulkState::failed);
    EXPECT_EQ(must(bench_.registry->endpoint(bench_.anna, "op1", "ap1")).uri, "https://ap.example.se/as4");
}

TEST_F(RegisterBackupTest, RefusesWhatDoesNotBelongHere_SEC35_SEC43_SEC101) {
    const auto taken = must(back_up());
    EXPECT_EQ(code_of(restore()), "restore.not_empty");
    lose();
    auto other = bench_.config;
    other.base_url = "https://smp.test.example.se/";
    EXPECT_EQ(code_of(restore_register(other, backups_, {}, key_, kNow)), "restore.other");
    EXPECT_EQ(code_of(restore_register(bench_.config, backups_, {}, SecretBytes(Bytes(32, 0x43)), kNow)), "blob.damaged");
    EXPECT_EQ(code_of(restore_register(bench_.config, bench_.folder, {}, key_, kNow)), "usage.backup");
    const auto file = backups_ / "smp" / (taken.id + ".blob");
    const auto octets = read_text(file);
    EXPECT_EQ(octets.find("Exempelkommun"), std::string::npos) << "encrypted";
    std::ofstream(file, std::ios::binary) << octets.substr(0, octets.size() - 100);
    EXPECT_EQ(code_of(restore()), "blob.damaged");
    EXPECT_FALSE(std::filesystem::exists(bench_.folder / "new" / "smp.db")) << "nothing half";
    std::ofstream(file, std::ios::binary) << octets;
    EXPECT_EQ(code_of(restore(taken.id)), "none");
}

// A server that came back empty, or older, takes no answer away from a node that runs.
TEST_F(RegisterBackupTest, ANodeNeverGoesBack_SEC102) {
    const auto now = served();
    lose();
    EXPECT_EQ(code_of(Snapshot::refresh(*bench_.database(), now)), "smp.database_behind");
}

}  // namespace
}  // namespace budkavle::smpserver
