// Rules of the register: what is published when, and what is refused (`smp.md` 1.10, `federation.md` 5.1, 7.4).
#include "smpserver/register.hpp"

#include <gtest/gtest.h>

#include "smpserver/publications.hpp"
#include "smpserver/test_support.hpp"

namespace budkavle::smpserver {
namespace {

using namespace testing;

class RegisterTest : public ::testing::Test {
protected:
    std::shared_ptr<const Snapshot> snapshot() { return must(Snapshot::load(*database_)); }
    const Publication* find(const std::string& document = kMessage, const std::string& participant = {}) {
        held_ = snapshot();
        const auto id = participant.empty() ? bench_.id : must(federation::ParticipantId::parse(participant));
        return held_->find(
            {smp::participant(id), document.empty() ? std::nullopt : std::optional(smp::document(document))});
    }
    std::string octets(const std::string& document = kMessage, const std::string& participant = {}) {
        const auto* found = find(document, participant);
        return found == nullptr ? std::string{} : found->octets;
    }
    smp::Verdict verdict(const std::string& document = kMessage) {
        auto expectation = bench_.lab.expectation();
        expectation.document = smp::document(document);
        return smp::verify_metadata(as_bytes(octets(document)), expectation);
    }
    std::string tell(const Actor& actor, const Change& change) { return bench_.tell(actor, change); }
    ParticipantRecord record() { return must(bench_.registry->participant(bench_.system, id_)); }

    Bench bench_;
    Register& registry_ = *bench_.registry;
    std::string id_ = bench_.id.text();
    std::unique_ptr<store::Database> database_ = bench_.database();
    std::shared_ptr<const Snapshot> held_;
};

TEST_F(RegisterTest, PublishesApprovedParticipantsWithServices) {
    bench_.operators();
    EXPECT_EQ(tell(bench_.anna, AddParticipant{"op1", id_, "Exempelkommun"}), "none");
    EXPECT_EQ(record().status, Status::pending) << "initially not approved";
    EXPECT_EQ(tell(bench_.federation, SetStatus{id_, Status::approved}), "none");
    EXPECT_EQ(find(""), nullptr) << "no service yet";
    EXPECT_EQ(record().publish_state, PublishState::none);
    EXPECT_EQ(tell(bench_.federation, SetStatus{id_, Status::pending}), "none");
    EXPECT_EQ(tell(bench_.anna, Bench::service(id_)), "none");
    EXPECT_EQ(find(""), nullptr) << "not approved";
    EXPECT_EQ(tell(bench_.federation, SetStatus{id_, Status::approved}), "none");
    ASSERT_NE(find(""), nullptr);
    EXPECT_EQ(smp::to_string(verdict().decision), "accept") << verdict().error->describe();
    EXPECT_EQ(snapshot()->participants(), std::vector{bench_.id});
    EXPECT_EQ(record().publish_state, PublishState::published);
    EXPECT_EQ(record().published_at, kNow);

    for (const auto status : {Status::pending, Status::rejected}) {
        EXPECT_EQ(tell(bench_.federation, SetStatus{id_, status}), "none");
        EXPECT_EQ(find(""), nullptr) << "approval withdrawn";
        EXPECT_EQ(find(), nullptr);
        EXPECT_EQ(record().publish_state, PublishState::none);
        EXPECT_EQ(tell(bench_.federation, SetStatus{id_, Status::approved}), "none");
        EXPECT_NE(find(), nullptr);
    }
    EXPECT_EQ(tell(bench_.anna, RemoveService{id_, kMessage}), "none");
    EXPECT_EQ(find(""), nullptr) << "the last service is gone";
}

TEST_F(RegisterTest, BothCertificatesOnBothDocuments) {
    bench_.fill();
    for (const auto& document : {kMessage, kReceipt}) {
        const auto found = verdict(document);
        ASSERT_TRUE(found.metadata);
        EXPECT_EQ(found.metadata->signing.at(0).certificate, bench_.lab.signer.certificate());
        EXPECT_EQ(found.metadata->encryption.at(0).certificate, bench_.lab.encrypter.certificate());
        EXPECT_EQ(found.metadata->participant.value, "0203:Kommunen.example.se") << "registered spelling (TA24)";
    }
    EXPECT_NE(octets("").find("messagePayload%23%233.0"), std::string::npos) << "TA05: the group refers to both";
    EXPECT_NE(octets("").find("fdc%3Adigg.se%3Aedelivery%3Amessagetype%3Aresponse%3A1"), std::string::npos);
}

TEST_F(RegisterTest, SameContentKeepsItsOctets) {
    bench_.fill();
    const auto before = octets();
    const auto version = snapshot()->version();
    bench_.clock.at += std::chrono::hours(1);
    EXPECT_EQ(must(registry_.publish_all(bench_.system)), 1);
    EXPECT_EQ(bench_.must_change(bench_.anna, bench_.endpoint()).queued, 0);
    EXPECT_EQ(octets(), before);
    EXPECT_EQ(snapshot()->version(), version);
    EXPECT_EQ(record().publish_state, PublishState::published);
}

TEST_F(RegisterTest, CertificateSwapRepublishesAllThatUseIt) {
    bench_.fill();
    bench_.participant("0203:regionen.example.se");
    bench_.participant("0203:annan.example.se", "op2");
    const auto foreign = octets(kMessage, "0203:annan.example.se");
    const auto renewed = make_leaf("AP0001-SDK-LAB", bench_.lab.ap_ca).certificate();
    EXPECT_EQ(tell(bench_.anna, AddApCertificate{"op1", "ny", renewed.pem()}), "none");
    bench_.clock.at += seconds(5);
    const auto done = bench_.must_change(
        bench_.anna, ReplaceApCertificate{"op1", bench_.lab.ap.certificate().sha256_hex(), renewed.sha256_hex()});
    EXPECT_EQ(done.queued, 2);
    const auto base64 = base64_encode(renewed.der());
    EXPECT_NE(octets(kMessage).find(base64), std::string::npos);
    EXPECT_NE(octets(kReceipt).find(base64), std::string::npos);
    EXPECT_NE(octets(kMessage, "0203:regionen.example.se").find(base64), std::string::npos);
    EXPECT_EQ(octets(kMessage, "0203:annan.example.se"), foreign) << "another operator's";
    EXPECT_EQ(find()->modified, kNow + seconds(5));
    EXPECT_EQ(tell(bench_.anna, RemoveApCertificate{"op1", renewed.sha256_hex()}), "registry.in_use");
    EXPECT_EQ(tell(bench_.anna, RemoveApCertificate{"op1", bench_.lab.ap.certificate().sha256_hex()}), "none");
}

TEST_F(RegisterTest, IdentifierIsImmutableAndUniqueWithoutCase) {
    bench_.fill();
    EXPECT_EQ(tell(bench_.anna, AddParticipant{"op1", "0203:KOMMUNEN.example.se"}), "registry.exists");
    EXPECT_EQ(tell(bench_.federation, RemoveParticipant{"0203:kommunen.EXAMPLE.se"}), "none");
    EXPECT_EQ(find(""), nullptr);
    EXPECT_EQ(find(), nullptr);
    EXPECT_EQ(tell(bench_.anna, AddParticipant{"op1", "0203:kommunen.example.se"}), "none");
    EXPECT_EQ(record().version, 8) << "the history goes on";
    for (const char* id : {"0203:x y.se", "0007:123", "9999:x", "", "0203:http://x.se"})
        EXPECT_EQ(tell(bench_.anna, AddParticipant{"op1", id}), "registry.malformed") << id;
}

TEST_F(RegisterTest, OnlyWhatTheFederationHas) {
    bench_.fill();
    EXPECT_EQ(tell(bench_.anna, Bench::service(id_, "urn:other")), "registry.document");
    EXPECT_EQ(tell(bench_.anna,
                   Bench::service(id_, "urn:riv:infrastructure:messaging:messagewithattachments:2::message::2.0")),
              "registry.document")
        << "the old spelling of one example";
    auto service = Bench::service(id_);
    service.process = "bdx:other";
    EXPECT_EQ(tell(bench_.anna, service), "registry.process");
    service = Bench::service(id_);
    service.endpoints = {};
    EXPECT_EQ(tell(bench_.anna, service), "registry.malformed") << "complete services only";
    EXPECT_EQ(tell(bench_.anna, Bench::service(id_, kMessage, "nothing")), "registry.unknown");
    EXPECT_EQ(tell(bench_.federation, SetStatus{"0203:x.example.se", Status::approved}), "registry.unknown");

    EXPECT_EQ(tell(bench_.anna, bench_.endpoint("ap2")), "none");
    service.endpoints = {"ap1", "ap2"};
    EXPECT_EQ(tell(bench_.anna, service), "registry.exists") << "TA08: same transport profile";
    auto endpoint = bench_.endpoint("ap2");
    endpoint.profile = "digg-transport-as4-v1_2";
    EXPECT_EQ(tell(bench_.anna, endpoint), "none");
    EXPECT_EQ(tell(bench_.anna, service), "none");
    EXPECT_EQ(tell(bench_.anna, bench_.endpoint("ap2")), "registry.exists") << "TA08, by changing the template";
    endpoint.profile = "other";
    EXPECT_EQ(tell(bench_.anna, endpoint), "registry.profile");
    endpoint = bench_.endpoint("ap3");
    endpoint.uri = "http://ap.example.se/";
    EXPECT_EQ(tell(bench_.anna, endpoint), "registry.endpoint");
    endpoint = bench_.endpoint("ap3");
    endpoint.certificate_sha256 = std::string(64, '0');
    EXPECT_EQ(tell(bench_.anna, endpoint), "registry.unknown");
    endpoint = bench_.endpoint("ap\n3");
    EXPECT_EQ(tell(bench_.anna, endpoint), "registry.malformed");
    const auto wrong = make_leaf("AP0001-SDK-LAB", bench_.lab.ap_root).certificate();
    EXPECT_EQ(tell(bench_.anna, AddApCertificate{"op1", "fel", wrong.pem()}), "registry.certificate") << "AP-14";
    EXPECT_EQ(tell(bench_.anna, RemoveEndpoint{"op1", "ap1"}), "registry.in_use");
    EXPECT_EQ(tell(bench_.system, RemoveOperator{"op1"}), "registry.in_use");
}

TEST_F(RegisterTest, SuspensionAndDeregistration) {
    bench_.fill();
    const auto before = octets();
    EXPECT_EQ(bench_.tell(bench_.federation, SetSuspended{id_, true}, {}), "registry.reason");
    EXPECT_EQ(tell(bench_.federation, SetSuspended{id_, true}), "none");
    EXPECT_EQ(find(), nullptr);
    EXPECT_EQ(record().status, Status::approved) << "status and content stay";
    EXPECT_EQ(tell(bench_.federation, SetSuspended{id_, false}), "none");
    EXPECT_EQ(octets(), before);

    EXPECT_EQ(tell(bench_.system, SetOperatorState{"op1", OperatorState::suspended}), "none");
    EXPECT_EQ(find(), nullptr);
    EXPECT_EQ(find(""), nullptr);
    EXPECT_EQ(tell(bench_.anna, AddParticipant{"op1", "0203:ny.example.se"}), "registry.state");
    EXPECT_EQ(tell(bench_.system, SetOperatorState{"op1", OperatorState::active}), "none");
    EXPECT_EQ(octets(), before);

    EXPECT_EQ(tell(bench_.anna, RemoveParticipant{id_}), "registry.state") << "the federation removes who was approved";
    EXPECT_EQ(tell(bench_.anna, RequestRemoval{id_}), "none");
    EXPECT_TRUE(record().removal_requested);
    EXPECT_NE(find(), nullptr) << "until then it is served";
    EXPECT_EQ(tell(bench_.federation, RemoveParticipant{id_}), "none");
    EXPECT_EQ(find(), nullptr);
    const auto queue = must(registry_.locator_queue(bench_.system, {}));
    ASSERT_EQ(queue.items.size(), 1U);
    EXPECT_FALSE(queue.items[0].wanted) << "the DNS record goes too";

    EXPECT_EQ(tell(bench_.anna, AddParticipant{"op1", "0203:ny.example.se"}), "none");
    EXPECT_EQ(tell(bench_.anna, RemoveParticipant{"0203:ny.example.se"}), "none") << "never approved";
}

TEST_F(RegisterTest, AnotherOperatorTakesOver) {
    bench_.fill();
    EXPECT_EQ(tell(bench_.federation, MoveParticipant{id_, "op2"}), "none");
    EXPECT_EQ(find(), nullptr);
    EXPECT_EQ(tell(bench_.anna, Bench::service(id_)), "registry.unknown");
    EXPECT_EQ(tell(bench_.stranger, Bench::service(id_)), "none");
    EXPECT_EQ(record().certificates.size(), 2U);
    EXPECT_EQ(tell(bench_.federation, SetStatus{id_, Status::approved}), "none");
    EXPECT_NE(find(), nullptr);
    EXPECT_EQ(tell(bench_.federation, MoveParticipant{id_, "op3"}), "registry.unknown");
}

TEST_F(RegisterTest, QueuedUntilItCanBePublished) {
    bench_.fill();
    // The signer's certificate has run out: the self-check refuses every answer, and what is served stays.
    const auto before = octets();
    bench_.clock.at = kEnd + std::chrono::hours(1);
    auto endpoint = bench_.endpoint();
    endpoint.uri = "https://ny.example.se/as4";
    EXPECT_EQ(tell(bench_.anna, endpoint), "none") << "the change itself is done";
    EXPECT_EQ(record().publish_state, PublishState::failed);
    EXPECT_TRUE(record().publish_error.starts_with("smp.trust")) << record().publish_error;
    EXPECT_EQ(octets(), before);
    EXPECT_NE(bench_.log.technical_events(), std::vector<std::string>{});
    bench_.clock.at = kNow + seconds(5);
    EXPECT_EQ(tell(bench_.anna, Republish{id_}), "none");
    EXPECT_EQ(record().publish_state, PublishState::published);
    EXPECT_EQ(record().publish_error, "");
    EXPECT_NE(octets().find("https://ny.example.se/as4"), std::string::npos);
}

TEST_F(RegisterTest, NewSignerSignsEverythingAnew) {
    bench_.fill();
    const auto before = octets();
    (void)bench_.write(
        "smp.pem", make_leaf("SMP 2", bench_.lab.smp_root, {.key_usage = {"digitalSignature"}}).certificate().pem());
    (void)bench_.write("smp.key", must(make_leaf("SMP 2", bench_.lab.smp_root).key->to_pem("")));
    bench_.reopen();
    EXPECT_EQ(must(bench_.registry->publish_all(bench_.system)), 1);
    EXPECT_NE(octets(), before);
    EXPECT_EQ(smp::to_string(verdict().decision), "accept");
}

TEST_F(RegisterTest, VersionsGuardAgainstOverwriting) {
    bench_.fill();
    const auto version = record().version;
    EXPECT_EQ(bench_.tell(bench_.anna, RemoveService{id_, kReceipt}, {.expected_version = version - 1}),
              "registry.conflict");
    EXPECT_EQ(bench_.tell(bench_.anna, RemoveService{id_, kReceipt}, {.expected_version = version}), "none");
    auto endpoint = bench_.endpoint();
    endpoint.contact = "https://annan.example.se/";
    EXPECT_EQ(bench_.tell(bench_.anna, endpoint, {.expected_version = 7}), "registry.conflict");
    EXPECT_EQ(bench_.tell(bench_.anna, endpoint, {.expected_version = 1}), "none");
    EXPECT_EQ(bench_.tell(bench_.anna, bench_.endpoint("ny"), {.expected_version = 0}), "none");
}

TEST_F(RegisterTest, PagesOfLists) {
    bench_.operators();
    for (int i = 0; i < 7; ++i)
        bench_.must_change(bench_.anna, AddParticipant{"op1", "0203:k" + std::to_string(i) + ".example.se", "Kommun"});
    bench_.must_change(bench_.stranger, AddParticipant{"op2", "0203:k9.example.se"});
    std::vector<std::string> seen;
    Page page{.limit = 3};
    do {
        const auto some = must(registry_.participants(bench_.anna, {}, page));
        EXPECT_LE(some.items.size(), 3U);
        for (const auto& one : some.items) seen.push_back(one.id.text());
        page.after = some.next;
    } while (!page.after.empty());
    EXPECT_EQ(seen.size(), 7U) << "an operator sees its own";
    EXPECT_EQ(must(registry_.participants(bench_.federation, {}, {})).items.size(), 8U);
    EXPECT_EQ(must(registry_.participants(bench_.federation, {.text = "K9"}, {})).items.size(), 1U);
    EXPECT_EQ(must(registry_.participants(bench_.federation, {.text = "_"}, {})).items.size(), 0U);
    EXPECT_EQ(must(registry_.participants(bench_.federation, {.operator_id = "op2"}, {})).items.size(), 1U);
    EXPECT_EQ(must(registry_.operators(bench_.anna, {})).items.size(), 1U);
    EXPECT_EQ(must(registry_.operators(bench_.system, {})).items.size(), 2U);
}

TEST_F(RegisterTest, ChangesAreAudited_FED05) {
    bench_.fill();
    EXPECT_EQ(bench_.log.audit_events(),
              (std::vector<std::string>{"sa operator.put", "sa ap-certificate.add", "sa endpoint.put",
                                        "sa operator.put", "sa ap-certificate.add", "sa endpoint.put",
                                        "anna participant.add", "anna service.put", "anna service.put",
                                        "fa certificate.add", "fa certificate.add", "fa participant.status"}));
    EXPECT_EQ(tell(bench_.stranger, Bench::service(id_)), "registry.unknown");
    EXPECT_EQ(bench_.log.audit_events().back(), "sten service.put") << "attempts too (SEC-10)";
    const auto events = must(registry_.events(bench_.anna, {.limit = 2}));
    ASSERT_EQ(events.items.size(), 2U);
    EXPECT_EQ(events.items[0].change, "participant.status");
    EXPECT_EQ(events.items[0].who, "fa");
    EXPECT_NE(events.items[0].before.find("\"status\":\"pending\""), std::string::npos);
    EXPECT_NE(events.items[0].after.find("\"status\":\"approved\""), std::string::npos);
    EXPECT_EQ(must(registry_.events(bench_.anna, {.limit = 100, .after = events.next})).items.size(), 7U);
    EXPECT_EQ(must(registry_.events(bench_.stranger, {})).items.size(), 3U) << "its own operator's only";
}

}  // namespace
}  // namespace budkavle::smpserver
