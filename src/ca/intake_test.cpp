#include "ca/intake.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/test_support.hpp"

namespace budkavle::ca {
namespace {

using crypto::testing::octets;
using crypto::testing::shared;

IntakeVerdict judge(const std::string& name, const KeyPolicy& policy = {}) {
    return judge_request(octets(shared("smp-vectors/csr/" + name)), policy);
}

bool ignores(const IntakeVerdict& verdict, const std::string& name) {
    return std::ranges::find(verdict.ignored, name) != verdict.ignored.end();
}

// `pki.md` 5.2: the prefix of each vector is its verdict.
TEST(Intake, EveryVectorGetsTheVerdictOfItsName) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(shared("smp-vectors/csr"))) {
        const auto name = entry.path().filename().string();
        const auto verdict = judge(name);
        const bool issuable = name.starts_with("ok-") || name.starts_with("drop-") || name.starts_with("ignore-");
        EXPECT_EQ(verdict.issuable(), issuable) << name << " " << to_json(verdict);
        EXPECT_EQ(verdict.alarm, name.starts_with("alarm-")) << name;
        EXPECT_NE(to_json(verdict).find(issuable ? R"("verdict":"issuable","reasons":[])"
                                                 : R"("verdict":"refused","reasons":[{"rule":")"),
                  std::string::npos)
            << name;
        ++count;
    }
    EXPECT_EQ(count, 12U);
}

TEST(Intake, NamesWhatIsDropped) {
    const auto extra = judge("drop-extra-attributes.csr");
    for (const auto* name : {"commonName", "stateOrProvinceName", "localityName", "emailAddress", "countryName"})
        EXPECT_TRUE(ignores(extra, name)) << name;
    EXPECT_EQ(extra.organisation, "Exempel Organisation");
    EXPECT_EQ(extra.organisational_unit, "eDelivery");
    EXPECT_TRUE(ignores(judge("ignore-requested-san.csr"), "subjectAltName"));
    EXPECT_TRUE(ignores(judge("ignore-cn-claims-existing-id.csr"), "commonName"));
    EXPECT_EQ(judge("ok-rsa3072.csr").key, "RSA 3072");
    EXPECT_EQ(judge("policy-p384.csr").key, "EC secp384r1");
    EXPECT_EQ(judge("bad-ed25519.csr").key, "ED25519");
}

TEST(Intake, PolicyIsAParameter) {
    EXPECT_TRUE(judge("policy-p384.csr", {.allow_ec = true}).issuable());
    EXPECT_TRUE(judge("bad-rsa2048.csr", {.min_rsa_bits = 2048}).issuable());
    EXPECT_FALSE(judge("bad-ed25519.csr", {.allow_ec = true}).issuable());
    EXPECT_FALSE(judge("bad-exponent3.csr", {.min_rsa_bits = 2048}).issuable());
}

TEST(Intake, WithoutProofOfPossessionNothingIsIssued) {
    auto der = octets(shared("smp-vectors/csr/ok-der.csr"));
    der.back() = static_cast<std::uint8_t>(der.back() ^ 1);
    EXPECT_FALSE(judge_request(der).issuable());
}

}  // namespace
}  // namespace budkavle::ca
