// The register on both engines: idempotence, limits, tenancy, accounts, migration (`sml.md` 3.3; FED-07).
#include "sml/test_support.hpp"

namespace budkavle::sml {
namespace {

using testing::code_of;
using testing::must;
using testing::participant;

class SmlRegister : public testing::OnRegister {};
BUDKAVLE_ON_BOTH_ENGINES(SmlRegister);

TEST_P(SmlRegister, CreateAndDeleteAreIdempotentAndLogged) {
    must(register_->create_participants(one_, "smp-one", {participant("0203:A.se"), participant("0203:b.se")}));
    EXPECT_EQ(registered(), 2U);
    EXPECT_EQ(queued().size(), 2U);
    EXPECT_EQ(log_.count("sml.already"), 0U);
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:a.SE")}));
    must(register_->create_publisher(one_, "SMP-ONE", "https://one.example.se/", "192.0.2.1"));
    EXPECT_EQ(log_.count("sml.already"), 2U);
    EXPECT_EQ(must(register_->publisher(one_, "SMP-ONE")).participants, 2);
    must(register_->delete_participants(one_, "SMP-ONE", {participant("0203:a.se")}));
    must(register_->delete_participants(one_, "SMP-ONE", {participant("0203:a.se")}));
    EXPECT_EQ(log_.count("sml.already"), 3U);
    EXPECT_EQ(registered(), 1U);
    EXPECT_EQ(must(register_->publisher(one_, "SMP-ONE")).participants, 1);
    must(register_->delete_publisher(one_, "SMP-ONE"));
    must(register_->delete_publisher(one_, "SMP-ONE"));
    EXPECT_EQ(registered(), 0U);
    for (const auto& entry : queued()) EXPECT_TRUE(entry.removal);
}

TEST_P(SmlRegister, ListsAreAllOrNothingAndAtMostHundred) {
    std::vector<smp::Identifier> many;
    for (int i = 0; i < 101; ++i) many.push_back(participant("0203:" + std::to_string(i) + ".se"));
    EXPECT_EQ(code_of(register_->create_participants(one_, "SMP-ONE", many)), "sml.limit");
    many.pop_back();
    auto broken = many;
    broken[70].value = "";
    EXPECT_EQ(code_of(register_->create_participants(one_, "SMP-ONE", broken)), "sml.request");
    EXPECT_EQ(registered(), 0U);
    EXPECT_TRUE(queued().empty());
    must(register_->create_participants(one_, "SMP-ONE", many));
    EXPECT_EQ(registered(), 100U);
    must(register_->create_participants(two_, "SMP-TWO", {participant("0203:theirs.se")}));
    auto mixed = many;
    mixed[50] = participant("0203:theirs.se");
    EXPECT_EQ(code_of(register_->delete_participants(one_, "SMP-ONE", mixed)), "sml.unauthorised");
    EXPECT_EQ(registered(), 101U);
    EXPECT_EQ(code_of(register_->create_participants(one_, "SMP-ONE", {})), "sml.request");
    auto page = must(register_->participants(one_, {.publisher = "SMP-ONE"}, {.limit = 60}));
    ASSERT_TRUE(page.next);
    EXPECT_EQ(page.items.size(), 60U);
    page = must(register_->participants(one_, {.publisher = "SMP-ONE"}, {.after = *page.next, .limit = 60}));
    EXPECT_EQ(page.items.size(), 40U);
    EXPECT_FALSE(page.next);
}

TEST_P(SmlRegister, LimitsOfTheSubDomain) {
    DomainRules rules{.zone = "sml.test", .max_participants = 3, .max_per_publisher = 2};
    must(register_->set_domain(admin_, rules));
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:a.se"), participant("0203:b.se")}));
    EXPECT_EQ(code_of(register_->create_participants(one_, "SMP-ONE", {participant("0203:c.se")})), "sml.limit");
    must(register_->create_participants(two_, "SMP-TWO", {participant("0203:c.se")}));
    EXPECT_EQ(code_of(register_->create_participants(two_, "SMP-TWO", {participant("0203:d.se")})), "sml.limit");
    must(register_->create_participants(two_, "SMP-TWO", {participant("0203:c.se")}));
}

TEST_P(SmlRegister, TenancyIsByAccount) {
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:a.se")}));
    EXPECT_EQ(code_of(register_->create_participants(two_, "SMP-TWO", {participant("0203:a.se")})), "sml.duplicate");
    EXPECT_EQ(code_of(register_->create_participants(two_, "SMP-ONE", {participant("0203:x.se")})), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->delete_participants(two_, "SMP-ONE", {participant("0203:a.se")})), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->delete_participants(two_, "SMP-TWO", {participant("0203:a.se")})), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->delete_participants(two_, "", {participant("0203:a.se")})), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->publisher(two_, "SMP-ONE")), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->publisher(two_, "SMP-NONE")), "sml.smp_unknown");
    EXPECT_EQ(code_of(register_->update_publisher(two_, "SMP-ONE", "https://evil.example.se/", "192.0.2.9")),
              "sml.unauthorised");
    EXPECT_EQ(code_of(register_->delete_publisher(two_, "SMP-ONE")), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->create_publisher(two_, "smp-one", "https://two.example.se/", "192.0.2.2")),
              "sml.duplicate");
    EXPECT_EQ(code_of(register_->exists(two_, "SMP-ONE", participant("0203:a.se"))), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->prepare_migration(two_, "SMP-ONE", participant("0203:a.se"), "Ab12!?Cd34xy")),
              "sml.unauthorised");
    EXPECT_TRUE(must(register_->participants(two_, {}, {})).items.empty());
    EXPECT_EQ(must(register_->publishers(two_, {})).items.size(), 1U);
    EXPECT_TRUE(must(register_->queue(two_, {})).items.empty());
    EXPECT_EQ(must(register_->accounts(two_)).size(), 1U);
    EXPECT_EQ(must(register_->retry(two_)), 0);
    // What only the administration may do.
    EXPECT_EQ(code_of(register_->set_domain(one_, {.zone = "other.test"})), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->remove_domain(one_, "sml.test")), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->add_account(one_, "three", "sml.test", ca_.issue("x").certificate())),
              "sml.unauthorised");
    EXPECT_EQ(code_of(register_->block_account(one_, "two", true)), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->change_certificate(one_, "one", ca_.issue("x").certificate())), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->rebuild(one_, "sml.test")), "sml.unauthorised");
    EXPECT_EQ(code_of(register_->request_reconciliation(one_, "sml.test")), "sml.unauthorised");
}

TEST_P(SmlRegister, NewAddressQueuesEveryRecord) {
    must(register_->create_participants(one_, "SMP-ONE", {participant("0203:a.se"), participant("0203:b.se")}));
    must(register_->database().write([](store::Transaction& tx) -> Result<> {
        BUDKAVLE_CHECK(tx.execute("DELETE FROM sml_queue"));
        return {};
    }));
    must(register_->update_publisher(one_, "SMP-ONE", "https://one.example.se/", "192.0.2.77"));
    EXPECT_TRUE(queued().empty()) << "the historical address stands in no record";
    must(register_->update_publisher(one_, "SMP-ONE", "https://new.example.se/", "192.0.2.1"));
    EXPECT_EQ(queued().size(), 2U);
    must(register_->set_domain(admin_, {.zone = "sml.test", .layout = Layout::cname}));
    EXPECT_EQ(queued().size(), 4U) << "another layout: every name anew, and those of the SMPs";
    EXPECT_EQ(must(register_->rebuild(admin_, "sml.test")), 4);
}

TEST_P(SmlRegister, MigrationByKey) {
    const auto who = participant("0203:a.se");
    const std::string key = "Ab12!?Cd34xy";
    must(register_->create_participants(one_, "SMP-ONE", {who}));
    EXPECT_EQ(code_of(register_->migrate(two_, "SMP-TWO", who, key)), "sml.migration_unknown");
    EXPECT_EQ(code_of(register_->prepare_migration(one_, "SMP-ONE", who, "short")), "sml.request");
    EXPECT_EQ(code_of(register_->prepare_migration(one_, "SMP-ONE", participant("0203:b.se"), key)),
              "sml.participant_unknown");
    must(register_->prepare_migration(one_, "SMP-ONE", who, key));
    must(register_->prepare_migration(one_, "SMP-ONE", who, key));
    EXPECT_TRUE(must(register_->participants(one_, {}, {})).items.at(0).migrating);
    EXPECT_EQ(code_of(register_->delete_publisher(one_, "SMP-ONE")), "sml.migration_planned");
    EXPECT_EQ(code_of(register_->migrate(two_, "SMP-TWO", who, "Ab12!?Cd34xz")), "sml.migration_unknown");
    EXPECT_EQ(code_of(register_->migrate(two_, "SMP-ONE", who, key)), "sml.unauthorised");
    must(register_->migrate(two_, "SMP-TWO", who, key));
    must(register_->migrate(two_, "SMP-TWO", who, key));
    EXPECT_TRUE(must(register_->exists(two_, "SMP-TWO", who)));
    EXPECT_FALSE(must(register_->exists(one_, "SMP-ONE", who)));
    EXPECT_EQ(must(register_->publisher(two_, "SMP-TWO")).participants, 1);
    EXPECT_EQ(must(register_->publisher(one_, "SMP-ONE")).participants, 0);
    EXPECT_EQ(must(register_->migrations(one_)).at(0).to, "smp-two");
    EXPECT_EQ(log_.everything().find(key), std::string::npos) << "the key stands in no log";
    EXPECT_EQ(code_of(register_->migrate(one_, "SMP-ONE", who, key)), "sml.migration_unknown") << "a key works once";
}

TEST_P(SmlRegister, MigrationKeyCannotBeFoundByTrying) {
    const auto who = participant("0203:a.se");
    must(register_->create_participants(one_, "SMP-ONE", {who}));
    must(register_->prepare_migration(one_, "SMP-ONE", who, "Ab12!?Cd34xy"));
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(code_of(register_->migrate(two_, "SMP-TWO", who, "Ab12!?Cd34z" + std::to_string(i))),
                  "sml.migration_unknown");
    EXPECT_EQ(code_of(register_->migrate(two_, "SMP-TWO", who, "Ab12!?Cd34xy")), "sml.migration_unknown");
    must(register_->prepare_migration(one_, "SMP-ONE", who, "Ab12!?Cd34xy"));
    must(register_->migrate(two_, "SMP-TWO", who, "Ab12!?Cd34xy"));
}

TEST_P(SmlRegister, AccountSurvivesItsCertificate) {
    EXPECT_EQ(must(register_->authenticate(one_id_.certificate())).id, "one");
    EXPECT_EQ(code_of(register_->authenticate(ca_.issue("stranger").certificate())), "sml.certificate");
    const auto next = ca_.issue("SMP_ONE next");
    const auto later = clock_.now() + std::chrono::hours(48);
    EXPECT_EQ(code_of(register_->prepare_certificate(one_, next.certificate(), clock_.now() - seconds(1))),
              "sml.request");
    EXPECT_EQ(code_of(register_->prepare_certificate(one_, one_id_.certificate(), later)), "sml.request");
    EXPECT_EQ(code_of(register_->prepare_certificate(one_, two_id_.certificate(), later)), "sml.certificate");
    EXPECT_EQ(
        code_of(register_->prepare_certificate(one_, next.certificate(), clock_.now() + std::chrono::hours(24 * 366))),
        "sml.request");
    must(register_->prepare_certificate(one_, next.certificate(), later));
    must(register_->prepare_certificate(one_, next.certificate(), later));
    EXPECT_EQ(code_of(register_->authenticate(next.certificate())), "sml.certificate") << "not before its date";
    EXPECT_EQ(must(register_->apply_certificate_changes()), 0U);
    clock_.advance(std::chrono::hours(49));
    EXPECT_EQ(must(register_->authenticate(next.certificate())).id, "one") << "from its date on, executed or not";
    EXPECT_EQ(code_of(register_->authenticate(one_id_.certificate())), "sml.certificate");
    EXPECT_EQ(must(register_->apply_certificate_changes()), 1U);
    EXPECT_EQ(must(register_->authenticate(next.certificate())).id, "one");
    EXPECT_EQ(must(register_->publisher(one_, "SMP-ONE")).account, "one");
    // The forgotten change: by the administration, at once.
    const auto third = ca_.issue("SMP_ONE third");
    must(register_->change_certificate(admin_, "one", third.certificate()));
    EXPECT_EQ(must(register_->authenticate(third.certificate())).id, "one");
    EXPECT_EQ(code_of(register_->authenticate(next.certificate())), "sml.certificate");
    must(register_->block_account(admin_, "one", true));
    EXPECT_EQ(code_of(register_->authenticate(third.certificate())), "sml.certificate");
}

TEST_P(SmlRegister, AccountsOfAnIssuer) {
    const testing::Authority other("Other CA");
    DomainRules rules{
        .zone = "issuer.test", .authorisation = Authorisation::issuer, .issuer = ca_.identity.certificate()};
    rules.subject_pattern = ".*CN=SMP_[A-Z]+.*";
    must(register_->set_domain(admin_, rules));
    const auto fits = ca_.issue("SMP_THREE");
    const auto account = must(register_->authenticate(fits.certificate()));
    EXPECT_EQ(account.domain, "issuer.test");
    EXPECT_EQ(must(register_->authenticate(fits.certificate())).id, account.id);
    const Caller three{"three", account.id};
    must(register_->create_publisher(three, "SMP-THREE", "https://three.example.se/", "192.0.2.3"));
    EXPECT_EQ(code_of(register_->authenticate(ca_.issue("AP_THREE").certificate())), "sml.certificate") << "subject";
    EXPECT_EQ(code_of(register_->authenticate(other.issue("SMP_THREE").certificate())), "sml.certificate") << "issuer";
    EXPECT_EQ(code_of(register_->authenticate(
                  ca_.issue("SMP_OLD", std::chrono::hours(-48), std::chrono::hours(-24)).certificate())),
              "sml.certificate");
    const auto renewed = ca_.issue("SMP_THREE");
    must(register_->prepare_certificate(three, renewed.certificate(), clock_.now() + std::chrono::hours(24)));
    EXPECT_EQ(code_of(register_->prepare_certificate(three, other.issue("SMP_THREE").certificate(),
                                                     clock_.now() + std::chrono::hours(24))),
              "sml.certificate");
    clock_.advance(std::chrono::hours(25));
    must(register_->apply_certificate_changes());
    EXPECT_EQ(must(register_->authenticate(renewed.certificate())).id, account.id);
}

TEST_P(SmlRegister, ZonesDoNotNest) {
    EXPECT_EQ(code_of(register_->set_domain(admin_, {.zone = "sub.sml.test"})), "sml.request");
    EXPECT_EQ(code_of(register_->set_domain(admin_, {.zone = "test"})), "sml.request");
    EXPECT_EQ(code_of(register_->remove_domain(admin_, "sml.test")), "sml.in_use");
    EXPECT_EQ(code_of(register_->remove_account(admin_, "one")), "sml.in_use");
    must(register_->probe());
}

}  // namespace
}  // namespace budkavle::sml
