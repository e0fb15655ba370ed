// Every change and every read, by every role, on objects of its own operator and of another: made from the list of
// changes, so that a new one without a row here fails (SEC-31, FED-04).
#include "smpserver/tenancy.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "smpserver/test_support.hpp"

namespace budkavle::smpserver {
namespace {

using namespace testing;

/// One example of each change, on objects of `op`.
std::vector<Change> examples(const Bench& bench, const std::string& op, const std::string& participant) {
    const auto sha256 = bench.lab.ap.certificate().sha256_hex();
    const auto renewed = make_leaf("AP0001-SDK-LAB", bench.lab.ap_ca).certificate();
    auto certificate = bench.certificate(participant, CertificateUse::signing);
    certificate.unit = "enhet";
    return {PutOperator{op, "Namn"},
            SetOperatorState{op, OperatorState::active},
            RemoveOperator{op},
            AddApCertificate{op, "ny", renewed.pem()},
            RemoveApCertificate{op, sha256},
            ReplaceApCertificate{op, sha256, sha256},
            bench.endpoint("ap1", op),
            RemoveEndpoint{op, "ap1"},
            ReplaceEndpoint{op, "ap1", "ap1"},
            AddParticipant{op, "0203:ny-" + op + ".example.se"},
            SetOrganisation{participant, "Exempelkommun", ""},
            RemoveParticipant{participant},
            RequestRemoval{participant},
            SetStatus{participant, Status::approved},
            SetSuspended{participant, false},
            MoveParticipant{participant, op},
            Bench::service(participant),
            RemoveService{participant, kReceipt},
            certificate,
            RemoveCertificate{participant, CertificateUse::signing, bench.lab.signer.certificate().sha256_hex()},
            Republish{participant}};
}

/// Who may, by the table of `federation.md` 5.1: S system, F federation, O operator, P operator+.
const std::map<std::string, std::string, std::less<>> kMay{{"operator.put", "S"},
                                                           {"operator.state", "S"},
                                                           {"operator.remove", "S"},
                                                           {"ap-certificate.add", "SOP"},
                                                           {"ap-certificate.remove", "SOP"},
                                                           {"ap-certificate.replace", "SOP"},
                                                           {"endpoint.put", "SOP"},
                                                           {"endpoint.remove", "SOP"},
                                                           {"endpoint.replace", "SOP"},
                                                           {"participant.add", "SOP"},
                                                           {"participant.organisation", "SFP"},
                                                           {"participant.remove", "SFOP"},
                                                           {"participant.request-removal", "SOP"},
                                                           {"participant.status", "SFP"},
                                                           {"participant.suspended", "SFP"},
                                                           {"participant.move", "SF"},
                                                           {"service.put", "SOP"},
                                                           {"service.remove", "SOP"},
                                                           {"certificate.add", "SFP"},
                                                           {"certificate.remove", "SFP"},
                                                           {"participant.republish", "SFOP"}};

char letter(Role role) {
    return std::string_view("SFOP")[static_cast<std::size_t>(role)];
}

class TenancyTest : public ::testing::Test {
protected:
    TenancyTest() {
        bench_.fill();
        bench_.participant("0203:annan.example.se", "op2");
    }
    Bench bench_;
};

TEST_F(TenancyTest, EveryChangeByEveryRoleOnOwnAndForeignObjects) {
    const auto own = examples(bench_, "op1", bench_.id.text());
    const auto foreign = examples(bench_, "op2", "0203:annan.example.se");
    const auto absent = examples(bench_, "op9", "0203:finns-inte.example.se");
    ASSERT_EQ(own.size(), std::variant_size_v<Change>) << "every change has an example";
    for (std::size_t i = 0; i < own.size(); ++i) {
        ASSERT_EQ(own[i].index(), i);
        const auto row = kMay.find(name_of(own[i]));
        ASSERT_NE(row, kMay.end()) << name_of(own[i]);
        for (const auto role : {Role::system, Role::federation, Role::operator_admin, Role::operator_admin_plus}) {
            const auto what = std::string(name_of(own[i])) + " by " + std::string(to_string(role));
            const bool may = row->second.find(letter(role)) != std::string::npos;
            const bool all = role == Role::system || role == Role::federation;
            const Actor actor{"x", role, all ? "" : "op1"};
            const auto code = [&](const Change& change) { return code_of(bench_.registry->preview(actor, change)); };
            if (!may) {
                for (const auto* change : {&own[i], &foreign[i], &absent[i]}) {
                    EXPECT_EQ(code(*change), "registry.forbidden") << what;
                    EXPECT_EQ(bench_.tell(actor, *change), "registry.forbidden") << what;
                    EXPECT_EQ(code_of(bench_.registry->plan(actor, *change, kNow, {.reason = "prov"})),
                              "registry.forbidden")
                        << what;
                }
                continue;
            }
            EXPECT_NE(code(own[i]), "registry.forbidden") << what;
            EXPECT_NE(code(own[i]), "registry.unknown") << what;
            if (all) continue;
            // Another's object and one that is not there cannot be told apart.
            EXPECT_EQ(code(foreign[i]), "registry.unknown") << what;
            EXPECT_EQ(code(absent[i]), "registry.unknown") << what;
            EXPECT_EQ(bench_.tell(actor, foreign[i]), "registry.unknown") << what;
            EXPECT_EQ(code_of(bench_.registry->plan(actor, foreign[i], kNow, {.reason = "prov"})), "registry.unknown")
                << what;
            const Actor nobody{"x", role, ""};
            EXPECT_EQ(bench_.tell(nobody, own[i]), "registry.forbidden") << what << " without an operator";
        }
    }
}

TEST_F(TenancyTest, ReadsStopAtTheOperator) {
    auto& registry = *bench_.registry;
    const auto& anna = bench_.anna;
    const auto sha256 = bench_.lab.ap.certificate().sha256_hex();
    const ObjectRef theirs{ObjectKind::participant, "op2", "0203:annan.example.se"};
    EXPECT_EQ(code_of(registry.operator_record(anna, "op2")), "registry.unknown");
    EXPECT_EQ(code_of(registry.operator_record(anna, "op9")), "registry.unknown");
    EXPECT_EQ(code_of(registry.ap_certificates(anna, "op2", {})), "registry.unknown");
    EXPECT_EQ(code_of(registry.ap_certificate(anna, "op2", sha256)), "registry.unknown");
    EXPECT_EQ(code_of(registry.endpoints(anna, "op2", {})), "registry.unknown");
    EXPECT_EQ(code_of(registry.endpoint(anna, "op2", "ap1")), "registry.unknown");
    EXPECT_EQ(code_of(registry.participants(anna, {.operator_id = "op2"}, {})), "registry.unknown");
    EXPECT_EQ(code_of(registry.participant(anna, "0203:annan.example.se")), "registry.unknown");
    EXPECT_EQ(code_of(registry.history(anna, theirs, {})), "registry.unknown");
    EXPECT_EQ(code_of(registry.history(anna, {ObjectKind::endpoint, "op2", "ap1"}, {})), "registry.unknown");
    EXPECT_EQ(code_of(registry.roll_back(anna, theirs, 1, {.reason = "prov"})), "registry.unknown");
    EXPECT_EQ(must(registry.locator_queue(anna, {})).items.size(), 1U);
    EXPECT_EQ(must(registry.locator_queue(bench_.federation, {})).items.size(), 2U);

    const auto planned = must(registry.plan(bench_.stranger, bench_.endpoint("ap2", "op2"), kNow + seconds(9)));
    EXPECT_EQ(must(registry.planned(anna, {})).items.size(), 0U);
    EXPECT_EQ(code_of(registry.cancel_planned(anna, planned.id)), "registry.unknown");
    EXPECT_EQ(code_of(registry.cancel_planned(bench_.federation, planned.id)), "registry.forbidden");
    auto moved = bench_.endpoint("ap1", "op2");
    moved.uri = "https://ny.example.se/";
    EXPECT_EQ(code_of(registry.start_bulk(anna, moved)), "registry.unknown");
    EXPECT_EQ(code_of(registry.start_bulk(bench_.federation, moved)), "registry.forbidden");
    const auto bulk = must(registry.start_bulk(bench_.stranger, moved));
    EXPECT_EQ(code_of(registry.bulk(anna, bulk.id)), "registry.unknown");
    EXPECT_EQ(code_of(registry.cancel_bulk(anna, bulk.id)), "registry.unknown");
    EXPECT_EQ(must(registry.bulks(anna, {})).items.size(), 0U);
    EXPECT_EQ(code_of(registry.cancel_bulk(bench_.stranger, bulk.id)), "none");
    EXPECT_EQ(code_of(registry.cancel_planned(bench_.stranger, planned.id)), "none");
    EXPECT_EQ(code_of(registry.publish_all(bench_.federation)), "registry.forbidden");
}

TEST(Changes, AreKeptAsJson) {
    const Bench bench;
    for (const auto& change : examples(bench, "op1", "0203:a.example.se")) {
        const auto text = to_json(change);
        const auto back = change_from_json(text);
        ASSERT_TRUE(back) << text;
        EXPECT_EQ(to_json(*back), text);
        EXPECT_EQ(back->index(), change.index());
    }
    for (const char* text : {"", "{}", "[]", R"({"change":"other"})", R"({"change":"operator.put","id":1})",
                             R"({"change":"operator.put","unknown":"x"})",
                             R"({"change":"participant.status","participant":"x","status":"fine"})"}) {
        EXPECT_EQ(code_of(change_from_json(text)), "registry.change") << text;
    }
}

}  // namespace
}  // namespace budkavle::smpserver
