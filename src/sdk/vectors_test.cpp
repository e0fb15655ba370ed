// Every line of message.tsv, receipt.tsv and xhe.tsv.

#include <gtest/gtest.h>

#include "sdk/check.hpp"
#include "sdk/test_support.hpp"

namespace budkavle::sdk {
namespace {

using test::alternatives;
using test::contains;

std::string describe(const Verdict& verdict) {
    std::string out = std::string(name(verdict.answer)) + ":";
    for (const auto& fault : verdict.faults)
        out += " [" + fault.row + " " + fault.rule + " " + fault.cause + "/" + fault.detail + " at " + fault.at + ": " +
               fault.text + "]";
    return out;
}

struct Expected {
    std::string file, valid, answer, cause, detail, rule, note;
};

void compare(const Expected& expected, const Verdict& verdict) {
    SCOPED_TRACE(expected.file + " (" + expected.note + "; " + expected.rule + ")\n" + describe(verdict));
    if (expected.valid == "yes") EXPECT_TRUE(verdict.valid());
    if (expected.valid == "no") EXPECT_FALSE(verdict.valid());
    EXPECT_TRUE(contains(alternatives(expected.answer), std::string(name(verdict.answer))));
    if (verdict.answer != Answer::rejected || expected.cause.empty() || expected.valid == "either") return;
    bool found = false;
    for (const auto& fault : verdict.faults)
        found = found || (contains(alternatives(expected.cause), fault.cause) &&
                          contains(alternatives(expected.detail), fault.detail));
    EXPECT_TRUE(found);
    for (const auto& fault : verdict.faults) {  // one fault per vector: no other cause may creep in
        EXPECT_TRUE(contains(alternatives(expected.cause), fault.cause));
        EXPECT_TRUE(contains(alternatives(expected.detail), fault.detail));
    }
}

TEST(Vectors, Messages) {
    const auto rows = test::load_table(test::shared("sdk-vectors/message.tsv"));
    ASSERT_GE(rows.size(), 100U);
    for (const auto& row : rows) {
        const auto checked = check_message(test::load(test::shared("sdk-vectors") / row[0]));
        compare({row[0], row[2], row[3], row[4], row[5], row[6], row[7]}, checked.verdict);
    }
}

TEST(Vectors, Receipts) {
    const auto rows = test::load_table(test::shared("sdk-vectors/receipt.tsv"));
    ASSERT_GE(rows.size(), 30U);
    for (const auto& row : rows) {
        const auto checked = check_receipt(test::load(test::shared("sdk-vectors") / row[0]));
        compare({row[0], row[2], row[3], row[4], row[5], row[6], row[7]}, checked.verdict);
        if (row[2] == "no") {
            ASSERT_FALSE(checked.verdict.faults.empty());
            EXPECT_EQ(checked.verdict.faults.front().rule, row[6]) << row[0] << " " << describe(checked.verdict);
        }
    }
}

class Envelopes : public ::testing::Test {
protected:
    static crypto::Certificate certificate(const std::string& file) {
        return *crypto::Certificate::from_pem(test::load_text(test::shared("sdk-vectors/keys") / file));
    }
    static crypto::Identity identity(const std::string& stem) {
        const auto keys = test::shared("sdk-vectors/keys");
        return *crypto::identity_from_pem(test::load_text(keys / (stem + ".key")),
                                          test::load_text(keys / (stem + ".crt")));
    }
    ReceiveContext context(const std::vector<std::string>& options) {
        ReceiveContext out;
        if (contains(options, "trust")) {
            out.signer.trust = &trust_;
            out.signer.crls = &crls_;
            out.signer.policy.at = *parse_time("2026-11-23T00:00:00Z");
        }
        if (contains(options, "signer")) out.signer.published = {certificate("snd.crt")};
        if (contains(options, "key")) out.own = {identity("rcv"), identity("rcv-old")};
        return out;
    }
    void SetUp() override { crls_.put(*crypto::Crl::parse(test::load(test::shared("sdk-vectors/keys/ca.crl.pem")))); }
    crypto::TrustStore trust_{crypto::Purpose::o2o, {certificate("ca.crt")}};
    crypto::CrlStore crls_;
};

TEST_F(Envelopes, Vectors) {
    const auto rows = test::load_table(test::shared("sdk-vectors/xhe.tsv"));
    ASSERT_GE(rows.size(), 90U);
    for (const auto& row : rows) {
        std::vector<std::string> options;
        for (const auto option : split(row[7], ',')) options.emplace_back(option);
        const auto checked = check_envelope(test::load(test::shared("sdk-vectors") / row[0]), context(options));
        ASSERT_TRUE(checked) << row[0] << checked.error().describe();
        compare({row[0], row[2], row[3], row[4], row[5], row[6], row[8]}, checked->verdict);
        if (row[2] != "no" || checked->verdict.faults.empty()) continue;
        const auto& first = checked->verdict.faults.front();
        const auto rules = alternatives(row[6]);
        EXPECT_TRUE(contains(rules, first.rule) || contains(rules, first.row))
            << row[0] << " " << row[6] << " " << describe(checked->verdict);
    }
}

TEST(Kinds, AreDetectedByRoot) {
    const auto vectors = test::shared("sdk-vectors");
    EXPECT_EQ(detect_kind(test::load(vectors / "message/pos-01-minimal.xml")), Kind::message);
    EXPECT_EQ(detect_kind(test::load(vectors / "receipt/pos-01-accepted.xml")), Kind::receipt);
    EXPECT_EQ(detect_kind(test::load(vectors / "xhe/pos-01-plain.xml")), Kind::xhe);
    EXPECT_EQ(detect_kind(test::load(vectors / "message/neg-73-plain-text.xml")), Kind::message);
}

}  // namespace
}  // namespace budkavle::sdk
