// The worker against Knot (with SQLite) and BIND (with PostgreSQL); dig and nsupdate as witnesses (`sml.md` 2.6, 3.4).
#include "sml/outbox.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <random>

#include "dns/test_primary.hpp"
#include "sml/invariants.hpp"
#include "sml/test_support.hpp"

namespace budkavle::sml {
namespace {

using dns::testing::Brand;
using dns::testing::UpdatableServer;
using testing::must;
using testing::participant;

class SmlOutbox : public testing::OnRegister {
protected:
    void SetUp() override {
        OnRegister::SetUp();
        if (HasFatalFailure()) return;
        server_ = std::make_unique<UpdatableServer>(
            GetParam() == store::test::Engine::sqlite ? Brand::knot : Brand::bind, "sml.test");
        server_->start();
        outbox_ = make();
    }
    void TearDown() override {
        outbox_.reset();
        server_.reset();
        OnRegister::TearDown();
    }
    [[nodiscard]] OutboxConfig config() const {
        OutboxConfig out{.zone = "sml.test", .server = server_->server(), .key = server_->key()};
        out.poll = std::chrono::milliseconds(20);
        out.longest_pause = std::chrono::milliseconds(200);
        out.timeout = std::chrono::seconds(5);
        return out;
    }
    std::unique_ptr<Outbox> make() { return std::make_unique<Outbox>(*register_, config(), log_, clock_); }
    void drain() {
        while (must(outbox_->drain()) > 0) {
        }
    }
    [[nodiscard]] std::string name(const std::string& value) const {
        return participant_name(participant(value), "sml.test");
    }
    [[nodiscard]] std::string seen(const std::string& value) const {
        return server_->dig("+short NAPTR " + name(value));
    }
    template <class Done>
    bool eventually(Done done) {
        for (int i = 0; i < 600; ++i) {
            if (done()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return false;
    }
    /// Findings by kind: "missing=1 wrong=0 extra=0 foreign=0".
    static std::string told(const Reconciliation& result) {
        std::string out;
        for (const auto kind :
             {Finding::Kind::missing, Finding::Kind::wrong, Finding::Kind::extra, Finding::Kind::foreign})
            out += std::string(name_of(kind)) + "=" +
                   std::to_string(std::ranges::count(result.findings, kind, &Finding::kind)) + " ";
        return out;
    }

    std::unique_ptr<UpdatableServer> server_;
    std::unique_ptr<Outbox> outbox_;
};
BUDKAVLE_ON_BOTH_ENGINES(SmlOutbox);

TEST_P(SmlOutbox, LifeOfAParticipantInDns) {
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:a.se"), participant("0203:b.se")}));
    EXPECT_EQ(must(register_->participants(one_, {}, {})).items.at(0).state, DnsState::queued);
    EXPECT_EQ(seen("0203:a.se"), "");
    drain();
    EXPECT_EQ(seen("0203:A.SE"), "100 10 \"U\" \"Meta:SMP\" \"!.*!https://one.example.se/!\" .\n");
    const auto listed = must(register_->participants(one_, {}, {})).items.at(0);
    EXPECT_EQ(listed.state, DnsState::published);
    EXPECT_TRUE(listed.published);
    EXPECT_TRUE(queued().empty());
    must(register_->update_publisher(one_, "SMP-ONE", "https://moved.example.se/", "192.0.2.1"));
    drain();
    EXPECT_NE(seen("0203:b.se").find("https://moved.example.se/"), std::string::npos);
    must(register_->prepare_migration(one_, "SMP-ONE", participant("0203:a.se"), "Ab12!?Cd34xy"));
    must(register_->migrate(two_, "SMP-TWO", participant("0203:a.se"), "Ab12!?Cd34xy"));
    drain();
    EXPECT_NE(seen("0203:a.se").find("https://two.example.se/"), std::string::npos);
    must(register_->delete_participants(two_, "SMP-TWO", {participant("0203:a.se")}));
    must(register_->delete_publisher(one_, "SMP-ONE"));
    drain();
    EXPECT_EQ(seen("0203:a.se") + seen("0203:b.se"), "");
    EXPECT_NE(server_->dig("NAPTR " + name("0203:a.se")).find("NXDOMAIN"), std::string::npos);
    EXPECT_EQ(told(must(outbox_->reconcile())), "missing=0 wrong=0 extra=0 foreign=0 ");
}

TEST_P(SmlOutbox, OutageOfDnsBlocksNobodyIsShownAndHeals) {
    outbox_->start();
    server_->stop();
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:a.se"), participant("0203:b.se")}));
    EXPECT_TRUE(eventually([&] {
        const auto entries = queued();
        return entries.size() == 2 && entries[0].attempts > 2 && !entries[0].last_error.empty() &&
               !entries[1].last_error.empty();
    }));
    EXPECT_EQ(queued().at(0).state, DnsState::queued);
    EXPECT_EQ(must(register_->queue_figures()).queued, 2);
    must(register_->delete_participants(one_, "SMP-ONE", {participant("0203:b.se")}));
    server_->start();
    EXPECT_TRUE(eventually([&] { return queued().empty(); }));
    EXPECT_NE(seen("0203:a.se"), "");
    EXPECT_EQ(seen("0203:b.se"), "");
    EXPECT_EQ(log_.count("sml.dns.unreachable"), 1U) << "told once, not at every attempt";
    EXPECT_TRUE(eventually([&] { return log_.count("sml.dns.reachable") == 1; }));
}

TEST_P(SmlOutbox, ReconciliationFindsAndRepairs) {
    std::vector<smp::Identifier> all;
    for (int i = 0; i < 20; ++i) all.push_back(participant("0203:" + std::to_string(i) + ".se"));
    must(register_->create_participants(one_, "SMP-ONE", all));
    drain();
    EXPECT_EQ(
        server_->nsupdate("update delete " + name("0203:3.se") + ". NAPTR\nupdate delete " + name("0203:4.se") +
                          ". NAPTR\nupdate add " + name("0203:4.se") +
                          ". 60 NAPTR 100 10 \"U\" \"Meta:SMP\" \"!.*!https://evil.example.se/!\" .\nupdate add " +
                          name("0203:5.se") +
                          ". 60 NAPTR 90 10 \"U\" \"Meta:SMP\" \"!.*!https://evil.example.se/!\" .\nupdate add " +
                          name("0203:ghost.se") +
                          ". 60 NAPTR 100 10 \"U\" \"Meta:SMP\" \"!.*!https://one.example.se/!\" .\nupdate add "
                          "www.sml.test. 60 CNAME smp.sml.test."),
        "");
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:new.se")}));
    EXPECT_EQ(told(must(outbox_->reconcile(false))), "missing=1 wrong=2 extra=1 foreign=1 ")
        << "what is queued is not judged";
    EXPECT_EQ(queued().size(), 1U) << "looked only";
    EXPECT_EQ(must(outbox_->reconcile()).pending, 1U);
    EXPECT_EQ(queued().size(), 5U);
    drain();
    const auto after = must(outbox_->reconcile());
    EXPECT_EQ(told(after), "missing=0 wrong=0 extra=0 foreign=1 ");
    EXPECT_EQ(after.names, 21U);
    EXPECT_NE(seen("0203:4.se").find("https://one.example.se/"), std::string::npos);
    EXPECT_EQ(seen("0203:ghost.se"), "");
    EXPECT_NE(server_->dig("+short CNAME www.sml.test").find("smp.sml.test"), std::string::npos)
        << "names of others stay";
    auto keeping = config();
    keeping.keep = {"WWW.sml.test."};
    EXPECT_EQ(told(must(Outbox(*register_, keeping, log_, clock_).reconcile())),
              "missing=0 wrong=0 extra=0 foreign=0 ");
    EXPECT_NE(must(zone_reports(*register_)).at(0).report.find("\"findings\":0"), std::string::npos);
    // Hourly, and when asked: by the running worker.
    outbox_->start();
    EXPECT_EQ(server_->nsupdate("update delete " + name("0203:6.se") + ". NAPTR"), "");
    must(register_->request_reconciliation(admin_, "sml.test"));
    EXPECT_TRUE(eventually([&] { return !seen("0203:6.se").empty(); }));
    EXPECT_EQ(server_->nsupdate("update delete " + name("0203:7.se") + ". NAPTR"), "");
    clock_.advance(std::chrono::hours(1));
    EXPECT_TRUE(eventually([&] { return !seen("0203:7.se").empty(); }));
}

TEST_P(SmlOutbox, LayoutWithOneRecordPerSmp) {
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:a.se")}));
    drain();
    must(register_->set_domain(admin_, {.zone = "sml.test", .layout = Layout::cname}));
    drain();
    EXPECT_EQ(server_->dig("+short CNAME " + name("0203:a.se")), "smp-one.publisher.sml.test.\n");
    EXPECT_NE(seen("0203:a.se").find("https://one.example.se/"), std::string::npos) << "the alias leads there";
    must(register_->update_publisher(one_, "SMP-ONE", "https://moved.example.se/", "192.0.2.1"));
    EXPECT_EQ(queued().size(), 1U) << "an address change touches one record";
    drain();
    EXPECT_NE(seen("0203:a.se").find("https://moved.example.se/"), std::string::npos);
    EXPECT_EQ(told(must(outbox_->reconcile())), "missing=0 wrong=0 extra=0 foreign=0 ");
    must(register_->set_domain(admin_, {.zone = "sml.test"}));
    must(outbox_->reconcile());
    drain();
    EXPECT_EQ(told(must(outbox_->reconcile())), "missing=0 wrong=0 extra=0 foreign=0 ");
    EXPECT_EQ(server_->dig("+short NAPTR smp-one.publisher.sml.test"), "") << "the old layout's name is gone";
}

TEST_P(SmlOutbox, ANameThatIsRefusedHoldsUpNoOther) {
    const auto zone = std::string(58, 'a') + "." + std::string(58, 'b') + "." + std::string(58, 'c');
    UpdatableServer server(Brand::knot, zone);
    server.start();
    must(register_->set_domain(admin_, {.zone = zone}));
    must(register_->add_account(admin_, "three", zone, ca_.issue("three").certificate()));
    const Caller three{"three", "three"};
    must(register_->create_publisher(three, "SMP-THREE", "https://three.example.se/", "192.0.2.3"));
    std::vector<smp::Identifier> all;
    for (int i = 0; i < 20; ++i) all.push_back({"a-b-c", std::to_string(i) + ".se"});
    all.push_back({"abcdefgh-abcdefgh-abcdefg", "long.se"});  // 255 octets and more
    must(register_->create_participants(three, "SMP-THREE", all));
    auto settings = config();
    settings.zone = zone;
    settings.server = server.server();
    Outbox outbox(*register_, settings, log_, clock_);
    EXPECT_EQ(must(outbox.drain()), 20U);
    const auto left = must(register_->queue(three, {})).items;
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].state, DnsState::failed);
    EXPECT_NE(left[0].last_error.find("dns.name"), std::string::npos);
    EXPECT_GT(left[0].due, clock_.now());
    EXPECT_EQ(must(outbox.drain()), 0U) << "not before its time";
    EXPECT_EQ(must(register_->retry(three, left[0].dns_name)), 1);
    must(outbox.drain());
    EXPECT_EQ(must(register_->queue(three, {})).items.at(0).attempts, 2);
    EXPECT_EQ(must(register_->participants(three, {.state = DnsState::failed}, {})).items.size(), 1U);
}

TEST_P(SmlOutbox, OneWorkerPerZoneOverAllProcesses) {
    if (GetParam() == store::test::Engine::sqlite) GTEST_SKIP() << "SQLite serves one process";
    auto other = make();
    outbox_->start();
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:a.se")}));
    EXPECT_TRUE(eventually([&] { return queued().empty(); }));
    other->start();
    outbox_->stop();
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:b.se")}));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(queued().size(), 1U) << "the lease of the first still stands";
    clock_.advance(seconds(60));
    EXPECT_TRUE(eventually([&] { return queued().empty(); }));
}

TEST_P(SmlOutbox, KilledAtRandomMomentsTheZoneAgreesAfterReconciliation) {
    if (GetParam() != store::test::Engine::sqlite) GTEST_SKIP() << "a process of its own owns its file";
    const auto seed = std::random_device{}();
    std::printf("seed %u\n", seed);
    std::mt19937 random(seed);
    outbox_.reset();
    for (int round = 0; round < 8; ++round) {
        register_.reset();
        const auto child_seed = random();
        const auto pid = ::fork();
        if (pid == 0) {
            std::mt19937 dice(child_seed);
            register_ = must(Register::open(location_, log_, clock_));
            outbox_ = make();
            outbox_->start();
            while (true) {
                const auto who = participant("0203:" + std::to_string(dice() % 60) + ".se");
                switch (dice() % 4) {
                    case 0:
                        (void)register_->delete_participants(one_, "SMP-ONE", {who});
                        break;
                    case 1:
                        (void)register_->update_publisher(
                            one_, "SMP-ONE", "https://one" + std::to_string(dice() % 5) + ".example.se/", "192.0.2.1");
                        break;
                    default:
                        (void)register_->create_participants(one_, "SMP-ONE", {who});
                }
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(60 + random() % 300));
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        reopen();
        outbox_ = make();
        drain();
        EXPECT_TRUE(must(check_invariants(*register_)).empty());
        EXPECT_EQ(told(must(outbox_->reconcile())), "missing=0 wrong=0 extra=0 foreign=0 ")
            << "round " << round << " seed " << seed;
        outbox_.reset();
    }
    EXPECT_GT(registered(), 0U);
}

TEST_P(SmlOutbox, PlantedInconsistenciesAreFoundAndRepaired) {
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:a.se"), participant("0203:b.se")}));
    must(register_->prepare_migration(one_, "SMP-ONE", participant("0203:a.se"), "Ab12!?Cd34xy"));
    EXPECT_TRUE(must(check_invariants(*register_)).empty());
    const auto plant = [&](const std::string& sql) {
        must(register_->database().write([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(tx.execute(sql));
            return {};
        }));
    };
    plant("UPDATE sml_publishers SET participants = 7 WHERE folded = 'smp-one'");
    plant("DELETE FROM sml_queue WHERE name = '" + name("0203:a.se") + "'");
    plant("UPDATE sml_queue SET removal = 1 WHERE name = '" + name("0203:b.se") + "'");
    plant("UPDATE sml_migrations SET origin = 'smp-two'");
    std::vector<std::string> found;
    for (const auto& violation : must(check_invariants(*register_))) found.push_back(violation.invariant);
    EXPECT_EQ(found, (std::vector<std::string>{"count", "limbo", "migration", "queue"}));
    EXPECT_TRUE(must(repair_invariants(*register_, clock_)).empty());
    drain();
    EXPECT_NE(seen("0203:a.se"), "");
    EXPECT_EQ(told(must(outbox_->reconcile())), "missing=0 wrong=0 extra=0 foreign=0 ");
    plant("UPDATE sml_participants SET value = '0203:other.se' WHERE name = '" + name("0203:b.se") + "'");
    EXPECT_EQ(must(repair_invariants(*register_, clock_)).at(0).invariant, "name") << "needs a person";
}

/// BUDKAVLE_SML_OPERATIONS=10000 for the long run. The name server is killed and started again; on PostgreSQL so is
/// the database. (Killed processes of our own: the test above.)
TEST_P(SmlOutbox, RandomOperationsWithFailuresOfDnsAndDatabase) {
    const auto* wanted = std::getenv("BUDKAVLE_SML_OPERATIONS");
    const int count = wanted == nullptr ? 400 : std::atoi(wanted);
    const auto seed = std::random_device{}();
    std::mt19937 random(seed);
    const bool postgres = GetParam() == store::test::Engine::postgres;
    outbox_->start();
    std::map<std::string, int> outcomes;
    unsigned dns_outages = 0;
    unsigned database_outages = 0;
    bool dns_up = true;
    for (int i = 0; i < count; ++i) {
        if (random() % 60 == 0) {
            dns_up ? server_->stop() : server_->start();
            dns_up = !dns_up;
            ++dns_outages;
        }
        if (postgres && random() % 150 == 0) {
            store::test::Cluster::instance().restart();
            ++database_outages;
        }
        const auto who = participant("0203:" + std::to_string(random() % 80) + ".se");
        const bool first = random() % 2 == 0;
        const auto& caller = first ? one_ : two_;
        const std::string smp = first ? "SMP-ONE" : "SMP-TWO";
        Result<> done;
        switch (random() % 8) {
            case 0:
            case 1:
                done = register_->delete_participants(caller, smp, {who});
                break;
            case 2:
                done = register_->update_publisher(
                    caller, smp, "https://s" + std::to_string(random() % 4) + ".example.se/", "192.0.2.1");
                break;
            case 3:
                done = register_->prepare_migration(caller, smp, who, "Ab12!?Cd34xy");
                break;
            case 4:
                done = register_->migrate(caller, smp, who, "Ab12!?Cd34xy");
                break;
            default:
                done = register_->create_participants(caller, smp, {who});
        }
        ++outcomes[testing::code_of(done)];
    }
    if (!dns_up) server_->start();
    EXPECT_TRUE(eventually([&] {
        const auto figures = register_->queue_figures();
        return figures && figures->queued + figures->failed == 0;
    })) << "seed "
        << seed;
    outbox_->stop();
    EXPECT_TRUE(must(check_invariants(*register_)).empty()) << "seed " << seed;
    EXPECT_EQ(told(must(outbox_->reconcile())), "missing=0 wrong=0 extra=0 foreign=0 ") << "seed " << seed;
    EXPECT_GT(outcomes["none"], count / 4);
    std::printf("seed %u: %d operations, %u switches of the name server, %u restarts of the database;", seed, count,
                dns_outages, database_outages);
    for (const auto& [code, times] : outcomes) std::printf(" %s %d", code.c_str(), times);
    std::printf("\n");
}

/// BUDKAVLE_SML_PARTICIPANTS=50000 measures; the default keeps the suite short.
TEST_P(SmlOutbox, ZoneFromNothing) {
    const auto* wanted = std::getenv("BUDKAVLE_SML_PARTICIPANTS");
    const int count = wanted == nullptr ? 1000 : std::atoi(wanted);
    for (int at = 0; at < count; at += 100) {
        std::vector<smp::Identifier> part;
        for (int i = at; i < at + 100; ++i)
            part.push_back(participant("0203:kommun-" + std::to_string(i) + ".example.se"));
        must(register_->create_participants(one_, "SMP-ONE", part));
    }
    const auto begin = std::chrono::steady_clock::now();
    must(register_->rebuild(admin_, "sml.test"));
    drain();
    const auto written = std::chrono::steady_clock::now();
    const auto result = must(outbox_->reconcile());
    const auto compared = std::chrono::steady_clock::now();
    EXPECT_EQ(result.names, static_cast<std::size_t>(count));
    EXPECT_TRUE(result.findings.empty());
    const auto ms = [](auto from, auto to) {
        return static_cast<long>(std::chrono::duration_cast<milliseconds>(to - from).count());
    };
    std::printf("zone of %d participants from nothing: %ld ms; compared by transfer: %ld ms\n", count,
                ms(begin, written), ms(written, compared));
}

}  // namespace
}  // namespace budkavle::sml
