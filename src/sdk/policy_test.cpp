#include "sdk/policy.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "sdk/verdict.hpp"

namespace budkavle::sdk {
namespace {

struct Row {
    Answer answer;
    std::string cause, detail;
};

TEST(Policy, HoldsEveryRowOfTheEventTable) {
    constexpr auto kRejected = Answer::rejected;
    const std::map<std::string, Row> expected{
        {"1", {Answer::accepted, "", ""}},         {"2", {kRejected, "SV", "structure"}},
        {"3", {kRejected, "BV", "forbidden"}},     {"4", {kRejected, "BV", "too-long"}},
        {"5", {kRejected, "BV", "invariant"}},     {"5a", {kRejected, "BV", "structure"}},
        {"5b", {kRejected, "SV", "structure"}},    {"6", {kRejected, "BV", "duplicate"}},
        {"7", {Answer::accepted, "", ""}},         {"8", {kRejected, "BV", "not-supported"}},
        {"9", {kRejected, "BV", "not-found"}},     {"11", {kRejected, "BV", "not-supported"}},
        {"12", {kRejected, "SIG", "security"}},    {"13", {kRejected, "BV", "security"}},
        {"14", {kRejected, "SIG", "security"}},    {"15", {kRejected, "BV", "security"}},
        {"16", {kRejected, "BV", "security"}},     {"17", {kRejected, "BV", "invariant"}},
        {"18", {kRejected, "BV", "invariant"}},    {"19", {kRejected, "BV", "invariant"}},
        {"19a", {kRejected, "BV", "invariant"}},   {"20", {kRejected, "BV", "invariant"}},
        {"21", {Answer::accepted, "", ""}},        {"22", {Answer::none, "", ""}},
        {"EQ-1", {kRejected, "BV", "invariant"}},  {"EQ-7", {kRejected, "SV", "structure"}},
        {"6.1 receipt", {Answer::none, "", ""}},   {"6.1 faulty receipt", {Answer::none, "", ""}},
        {"6.1 recipient", {Answer::none, "", ""}}, {"6.1 envelope", {Answer::none, "", ""}},
        {"6.1 malformed", {Answer::none, "", ""}}, {"6.1 decryption", {Answer::none, "", ""}},
        {"6.1 sender", {Answer::none, "", ""}},
    };
    const auto& rows = Policy::standard().rows();
    EXPECT_EQ(rows.size(), expected.size());
    std::set<std::string> seen;
    for (const auto& row : rows) {
        SCOPED_TRACE(row.row);
        EXPECT_TRUE(seen.insert(row.row).second);
        ASSERT_TRUE(expected.contains(row.row));
        EXPECT_EQ(row.answer, expected.at(row.row).answer);
        EXPECT_EQ(row.cause, expected.at(row.row).cause);
        EXPECT_EQ(row.detail, expected.at(row.row).detail);
        EXPECT_FALSE(row.text.empty());
    }
}

TEST(Policy, IsIndexedByEvent) {
    const auto& policy = Policy::standard();
    for (std::size_t i = 0; i < policy.rows().size(); ++i) EXPECT_EQ(policy.rows()[i].event, static_cast<Event>(i));
    EXPECT_EQ(policy.of(Event::envelope_time).row, "19a");
    EXPECT_EQ(policy.of(Event::sender_unregistered).row, "6.1 sender");
}

TEST(Policy, PrintedTextsAreKept) {
    const auto& policy = Policy::standard();
    EXPECT_EQ(policy.of(Event::message_too_long).text, "Message size to large.");
    EXPECT_EQ(policy.of(Event::recipient_mismatch).text, "recipientId is not identical to value in XHE envelope.");
    EXPECT_EQ(policy.of(Event::sender_wrong).text, "Wrong or unknown sender-id");
    EXPECT_EQ(policy.of(Event::function_mismatch).text,
              "ns:subOrganization/ns:organizationId must equal xha:HandlingServiceID");
    EXPECT_EQ(policy.of(Event::function_unknown).text, "Wrong or unknown xha:HandlingServiceID");
    EXPECT_EQ(policy.of(Event::signature).text, "Sender signature not validated");
}

TEST(Policy, MayDifferPerFault) {  // K32: TF 2.6.6 expects no receipt
    Policy policy = Policy::standard();
    ASSERT_TRUE(policy.set("12", Answer::none, "", ""));
    Findings findings(policy);
    findings.add(Event::signature, "XHE-04", "NA");
    findings.add(Event::invariant, "K14", "NA");
    EXPECT_EQ(findings.verdict().answer, Answer::none) << "silence wins whatever else was found";
    ASSERT_TRUE(policy.set("6", Answer::rejected, "BV", "multiple-matches"));
    EXPECT_EQ(policy.of(Event::duplicate).detail, "multiple-matches");
    EXPECT_EQ(Policy::standard().of(Event::duplicate).detail, "duplicate");

    EXPECT_EQ(policy.set("10", Answer::none, "", "").error().code, "policy.row");
    EXPECT_EQ(policy.set("5", Answer::rejected, "XX", "invariant").error().code, "policy.codes");
    EXPECT_EQ(policy.set("5", Answer::rejected, "BV", "").error().code, "policy.codes");
    EXPECT_EQ(policy.set("5", Answer::accepted, "BV", "invariant").error().code, "policy.codes");
    EXPECT_EQ(policy.set("6.1 decryption", Answer::rejected, "SIG", "security").error().code, "policy.codes")
        << "an oracle";
}

TEST(Findings, NothingFoundIsAccepted) {
    EXPECT_EQ(Findings(Policy::standard()).verdict().answer, Answer::accepted);
    Findings findings(Policy::standard());
    findings.warn(Event::invariant, "MSG-05", "NA", "x");
    EXPECT_TRUE(findings.verdict().valid());
}

TEST(Findings, PathsAndNumbersAreBounded) {
    Findings findings(Policy::standard());
    findings.add(Event::malware, "MSG-06", "/" + std::string(2000, 'a'));
    EXPECT_EQ(findings.verdict().faults[0].at, "NA");
    EXPECT_TRUE(findings.verdict().incident);
    for (int i = 0; i < 1000; ++i) findings.add(Event::invariant, "K14", "/a");
    EXPECT_EQ(findings.verdict().faults.size(), Findings::kMost);
}

}  // namespace
}  // namespace budkavle::sdk
