#include "crypto/trust.hpp"

#include <gtest/gtest.h>

#include "crypto/issue.hpp"
#include "crypto/test_support.hpp"

namespace budkavle::crypto {
namespace {

using testing::at;
using testing::certificate;
using testing::shared;

std::string code(const Result<>& result) {
    return result ? "" : result.error().code;
}

void put(CrlStore& store, const std::filesystem::path& path) {
    const auto crl = Crl::parse(testing::octets(path));
    ASSERT_TRUE(crl) << path;
    store.put(*crl);
}

/// The O2O vectors: one fault each.
class SdkVectors : public ::testing::Test {
protected:
    SdkVectors() { put(crls, shared("sdk-vectors/keys/ca.crl.pem")); }
    std::string check(const std::string& name, Time when = at("2026-11-23T00:00:00Z")) const {
        const TrustStore store(Purpose::o2o, {certificate(shared("sdk-vectors/keys/ca.crt"))});
        return code(store.check(certificate(shared("sdk-vectors/keys/" + name)), {}, crls, {.at = when}));
    }
    CrlStore crls;
};

// XHE-05, and SEC-45 for the short key.
TEST_F(SdkVectors, EveryFaultHasItsOwnCode) {
    EXPECT_EQ(check("snd.crt"), "");
    EXPECT_EQ(check("rcv.crt"), "");
    EXPECT_EQ(check("snd-expired.crt"), "trust.expired");
    EXPECT_EQ(check("snd-revoked.crt"), "trust.revoked");
    EXPECT_EQ(check("snd-untrusted.crt"), "trust.untrusted");
    EXPECT_EQ(check("snd-weak.crt"), "trust.weak_key");
    EXPECT_EQ(check("snd.crt", at("2026-11-20T00:00:00Z")), "trust.not_yet_valid");
    EXPECT_EQ(check("snd.crt", at("2046-11-20T00:00:01Z")), "trust.expired");
}

TEST_F(SdkVectors, JudgedAtTheGivenMomentOnly) {
    EXPECT_EQ(check("snd-expired.crt", at("2025-06-01T00:00:00Z")),
              "trust.not_yet_valid");  // its issuer did not exist yet
    EXPECT_EQ(check("snd-revoked.crt", at("2026-11-21T12:30:00Z")),
              "trust.revoked");  // the list comes later, the date does not
    EXPECT_EQ(check("snd-revoked.crt", at("2026-11-21T11:00:00Z")), "trust.revocation_unavailable");
}

// Decision 12: a path that was good is not built again, but what can change is judged every time.
TEST_F(SdkVectors, ARememberedPathIsStillJudged) {
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(check("snd.crt"), "") << round;
        EXPECT_EQ(check("snd.crt", at("2026-11-20T00:00:00Z")), "trust.not_yet_valid");
        EXPECT_EQ(check("snd.crt", at("2046-11-20T00:00:01Z")), "trust.expired");
    }
    const auto leaf = certificate(shared("sdk-vectors/keys/snd.crt"));
    const auto issuer = certificate(shared("sdk-vectors/keys/ca.crt"));
    const TrustPolicy policy{.at = at("2026-11-23T00:00:00Z")};
    EXPECT_EQ(code(TrustStore(Purpose::o2o, {issuer}).check(leaf, {}, CrlStore(), policy)), "trust.revocation_unavailable");
    const auto stranger = certificate(shared("as4-vectors/keys/ca.crt"));
    EXPECT_EQ(code(TrustStore(Purpose::o2o, {stranger}).check(leaf, {}, crls, policy)), "trust.untrusted");
    auto strict = policy;
    strict.min_rsa_bits = 16384;
    EXPECT_EQ(code(TrustStore(Purpose::o2o, {issuer}).check(leaf, {}, crls, strict)), "trust.weak_key");
}

TEST(Trust, As4VectorsAndPurposes) {
    CrlStore crls;
    put(crls, shared("as4-vectors/keys/ca.crl.pem"));
    const TrustPolicy policy{.at = at("2026-11-23T00:00:00Z"), .anchor_must_issue = true};
    const TrustStore store(Purpose::as4, {certificate(shared("as4-vectors/keys/ca.crt"))});
    for (const auto* name : {"ap-a", "ap-b", "ap-c"}) {
        EXPECT_EQ(
            code(store.check(certificate(shared(std::string("as4-vectors/keys/") + name + ".crt")), {}, crls, policy)),
            "")
            << name;
    }
    EXPECT_EQ(code(store.check(certificate(shared("as4-vectors/keys/ap-a-expired.crt")), {}, crls, policy)),
              "trust.expired");
    EXPECT_EQ(code(store.check(certificate(shared("as4-vectors/keys/ca.crt")), {}, crls, policy)),
              "trust.untrusted");  // AP-14
}

// AP-15, AP-18: the list of the SMP vectors runs out on 2026-11-29; AP0002 is on it.
// A partner that no CA of the environment has issued for is trusted by itself, but not for ever.
TEST(Trust, APinIsJudgedByItsValidity) {
    const auto pin = certificate(shared("as4-vectors/keys/ap-b.crt"));
    const TrustStore store(Purpose::as4, {}, {pin});
    const auto at_time = [&](Time when) { return code(store.check(pin, {}, {}, {.at = when})); };
    EXPECT_EQ(at_time(pin.not_before() + std::chrono::hours(1)), "");
    EXPECT_EQ(at_time(pin.not_before() - std::chrono::hours(1)), "trust.not_yet_valid");
    EXPECT_EQ(at_time(pin.not_after() + std::chrono::hours(1)), "trust.expired");
    EXPECT_EQ(code(store.check(certificate(shared("as4-vectors/keys/ap-a.crt")), {}, {},
                               {.at = pin.not_before() + std::chrono::hours(1)})),
              "trust.untrusted");
}

TEST(Trust, RevocationListsThatAreStaleOrMissing) {
    CrlStore crls;
    put(crls, shared("smp-vectors/pki/apca.crl"));
    const CrlStore none;
    const TrustStore store(Purpose::as4, {certificate(shared("smp-vectors/pki/ca-ap.pem"))});
    const auto one = certificate(shared("smp-vectors/pki/ap0001.pem"));
    const auto two = certificate(shared("smp-vectors/pki/ap0002.pem"));
    const auto now = at("2026-11-23T12:00:00Z");
    const auto late = at("2026-11-29T11:01:14Z");
    EXPECT_EQ(code(store.check(one, {}, crls, {.at = now})), "");
    EXPECT_EQ(code(store.check(two, {}, crls, {.at = now})), "trust.revoked");
    EXPECT_EQ(code(store.check(two, {}, crls, {.at = late})), "trust.revoked");  // revoked stays revoked
    const auto stale = store.check(one, {}, crls, {.at = late});
    ASSERT_FALSE(stale);
    EXPECT_EQ(stale.error().code, "trust.revocation_unavailable");
    EXPECT_EQ(stale.error().retry, Retry::later);
    EXPECT_EQ(stale.error().rule, "AP-18");
    EXPECT_EQ(code(store.check(one, {}, none, {.at = now})), "trust.revocation_unavailable");
    EXPECT_EQ(code(store.check(one, {}, none, {.at = now, .revocation = RevocationPolicy::when_present})), "");
    EXPECT_EQ(code(store.check(two, {}, crls, {.at = now, .revocation = RevocationPolicy::when_present})),
              "trust.revoked");
    EXPECT_EQ(code(store.check(one, {}, crls, {.at = at("2026-11-22T11:01:11Z")})),
              "");  // within the tolerance of clocks
}

// AP-14: the issuing CA of the environment itself, not any certificate under the same root.
TEST(Trust, OnlyTheIssuingAnchorApproves) {
    CrlStore crls;
    put(crls, shared("smp-vectors/pki/apca.crl"));
    const auto leaf = certificate(shared("smp-vectors/pki/ap0001.pem"));
    const auto ca = certificate(shared("smp-vectors/pki/ca-ap.pem"));
    const auto root = certificate(shared("smp-vectors/pki/rot-ap.pem"));
    TrustPolicy policy{.at = at("2026-11-23T12:00:00Z"), .revocation = RevocationPolicy::when_present};
    EXPECT_EQ(code(TrustStore(Purpose::as4, {root}).check(leaf, {ca}, crls, policy)), "");
    EXPECT_EQ(code(TrustStore(Purpose::as4, {root}).check(leaf, {}, crls, policy)), "trust.untrusted");
    policy.anchor_must_issue = true;
    const auto refused = TrustStore(Purpose::as4, {root}).check(leaf, {ca}, crls, policy);
    EXPECT_EQ(code(refused), "trust.untrusted");
    EXPECT_EQ(refused.error().rule, "AP-14");
    EXPECT_EQ(code(TrustStore(Purpose::as4, {ca}).check(leaf, {}, crls, policy)), "");
    EXPECT_EQ(code(TrustStore(Purpose::as4, {root, ca}).check(leaf, {}, crls, policy)), "");
    // A root beside its issuing CA approves nothing by itself.
    EXPECT_EQ(code(TrustStore(Purpose::as4, {root, ca}).check(ca, {}, crls, policy)), "trust.untrusted");
}

// `federation.md` 2.1: the root above the intermediate is not supplied.
TEST(Trust, IntermediateAsAnchor) {
    const auto ca = certificate(shared("spec/data/certs/QA/O2O/testsithseidfunctioncav1.cer"));
    const TrustPolicy policy{.at = at("2026-11-23T00:00:00Z"), .revocation = RevocationPolicy::when_present};
    EXPECT_EQ(code(TrustStore(Purpose::smp_signature,
                              {certificate(shared("spec/data/certs/QA/O2O/testsithseidrootcav2.cer"))})
                       .check(ca, {}, {}, policy)),
              "trust.usage");
    for (const auto* path : {"spec/data/certs/QA/O2O/SwedishPublicSectorFunctionCAv3SAT.crt",
                             "spec/data/certs/QA/O2O/ExpiTrust-Test-CA-v8.cer"}) {
        const auto anchor = certificate(shared(path));
        EXPECT_EQ(code(TrustStore(Purpose::o2o, {anchor}).check(anchor, {}, {}, policy)), "trust.usage")
            << path;  // path found, no signing bit
        EXPECT_EQ(code(TrustStore(Purpose::o2o, {ca}).check(anchor, {}, {}, policy)), "trust.untrusted") << path;
    }
}

TEST(Trust, EnvironmentsAreApart) {
    const TrustPolicy policy{.at = at("2026-11-23T00:00:00Z"), .revocation = RevocationPolicy::when_present};
    const TrustStore qa(Purpose::smp_signature,
                        {certificate(shared("spec/data/certs/QA/Accesspunkt/Rot-CA-eDelivery-Accesspunkt---QA.cer"))});
    EXPECT_EQ(
        code(qa.check(certificate(shared("spec/data/certs/QA/Accesspunkt/Accesspunkt-CA-SDK-QA.cer")), {}, {}, policy)),
        "trust.usage");
    EXPECT_EQ(code(qa.check(certificate(shared("spec/data/certs/PROD/Accesspunkt/Accesspunkt-CA-SDK-PROD.cer")), {}, {},
                            policy)),
              "trust.untrusted");
}

/// A chain root → sub → leaf of the openssl program, with lists of both.
class OpensslPki : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        scratch = std::make_unique<testing::Scratch>();
        scratch->put("cnf", R"(
[req]
distinguished_name=dn
[dn]
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[ca_no_crl]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
[sign]
keyUsage=critical,digitalSignature
[encipher]
keyUsage=critical,keyEncipherment
[server]
extendedKeyUsage=serverAuth
[client]
extendedKeyUsage=clientAuth
[critical]
1.2.3.4=critical,ASN1:NULL
[root_db]
database=root.db
crlnumber=root.nr
default_md=sha256
unique_subject=no
[sub_db]
database=sub.db
crlnumber=sub.nr
default_md=sha256
[partition_db]
database=sub.db
crlnumber=sub.nr
default_md=sha256
crl_extensions=idp
[delta_db]
database=sub.db
crlnumber=sub.nr
default_md=sha256
crl_extensions=delta
[delta]
2.5.29.27=ASN1:INTEGER:1
[idp]
issuingDistributionPoint=critical,@point
[point]
onlyCA=TRUE
)");
        scratch->must(
            "for k in root sub leaf; do openssl genrsa -out $k.key 2048; done; openssl genrsa -out short.key 1024; "
            "openssl ecparam -name prime256v1 -genkey -noout -out ec.key; touch root.db sub.db; echo 01 > root.nr; "
            "echo 01 > sub.nr; "
            "openssl req -x509 -config cnf -extensions ca -key root.key -subj /CN=Root -days 1000 -out root.pem; "
            "make() { openssl req -new -config cnf -key $1.key -subj \"/CN=$2\" | openssl x509 -req -CA $3.pem -CAkey "
            "$4.key -days 500 -set_serial $5 "
            "-extfile cnf -extensions $6 $8 -out $7.pem; }; "
            "make sub Sub root root 2 ca sub && make leaf Leaf sub sub 3 sign leaf && make leaf Enc sub sub 4 encipher "
            "enc && "
            "make leaf Server sub sub 5 server server && make leaf Client sub sub 6 client client && make short Short "
            "sub sub 7 sign short && "
            "make leaf Old sub sub 8 sign sha1 -sha1 && make ec Ec sub sub 9 sign ec && make leaf Critical sub sub 10 "
            "critical critical && "
            "make leaf Below leaf leaf 11 sign below && make sub Mute root root 12 ca_no_crl mute && make leaf "
            "MuteLeaf mute sub 13 sign muteleaf && "
            "openssl ca -config cnf -name root_db -gencrl -keyfile root.key -cert root.pem -crldays 30 -out root.crl "
            "&& "
            "openssl ca -config cnf -name sub_db -gencrl -keyfile sub.key -cert sub.pem -crldays 30 -out sub.crl && "
            "openssl ca -config cnf -name sub_db -gencrl -keyfile sub.key -cert sub.pem -crldays 30 -md sha1 -out "
            "sha1.crl && "
            "openssl ca -config cnf -name partition_db -gencrl -keyfile sub.key -cert sub.pem -crldays 30 -out "
            "onlyca.crl && "
            "openssl ca -config cnf -name delta_db -gencrl -keyfile sub.key -cert sub.pem -crldays 30 -out delta.crl && "
            "openssl ca -config cnf -name root_db -keyfile root.key -cert root.pem -revoke sub.pem && "
            "openssl ca -config cnf -name root_db -gencrl -keyfile root.key -cert root.pem -crldays 30 -out root2.crl");
    }
    static void TearDownTestSuite() { scratch.reset(); }

    static Certificate pem(const std::string& name) { return certificate(scratch->file(name + ".pem")); }
    static std::string check(const std::string& leaf, Purpose purpose, const std::string& anchor,
                             const std::vector<std::string>& lists) {
        CrlStore crls;
        for (const auto& name : lists) {
            auto crl = Crl::parse(testing::octets(scratch->file(name)));
            EXPECT_TRUE(crl) << name;
            if (crl) crls.put(*crl);
        }
        return code(TrustStore(purpose, {pem(anchor)})
                        .check(pem(leaf), {pem("sub"), pem("leaf"), pem("mute")}, crls, {.at = system_clock().now()}));
    }
    static inline std::unique_ptr<testing::Scratch> scratch;
};

TEST_F(OpensslPki, EveryCertificateBelowTheAnchorIsChecked) {
    EXPECT_EQ(check("leaf", Purpose::as4, "root", {"root.crl", "sub.crl"}), "");
    EXPECT_EQ(check("leaf", Purpose::as4, "root", {"sub.crl"}), "trust.revocation_unavailable");
    EXPECT_EQ(check("leaf", Purpose::as4, "root", {"root.crl"}), "trust.revocation_unavailable");
    EXPECT_EQ(check("leaf", Purpose::as4, "root", {"root2.crl", "sub.crl"}), "trust.revoked");  // the intermediate
    EXPECT_EQ(check("leaf", Purpose::as4, "sub", {"sub.crl"}), "");
    EXPECT_EQ(check("root", Purpose::tls_server, "root", {}),
              "trust.usage");  // self-signed: no list asked for, but no server
}

TEST_F(OpensslPki, ListsMustBeAuthenticAndInScope) {
    EXPECT_EQ(check("leaf", Purpose::as4, "sub", {"sha1.crl"}), "trust.revocation_unavailable");
    EXPECT_EQ(check("leaf", Purpose::as4, "sub", {"onlyca.crl"}), "trust.revocation_unavailable");
    EXPECT_EQ(check("muteleaf", Purpose::as4, "mute", {"sub.crl"}), "trust.revocation_unavailable");
    EXPECT_EQ(check("leaf", Purpose::as4, "sub", {"delta.crl"}), "trust.revocation_unavailable")
        << "a list of changes only, even when it does not say critical";
}

TEST_F(OpensslPki, ForgedSignatureOfAListIsNoList) {
    auto der = Crl::parse(testing::octets(scratch->file("sub.crl"))).value().der();
    der.back() = static_cast<std::uint8_t>(der.back() ^ 1);
    CrlStore crls;
    crls.put(Crl::parse(der).value());
    EXPECT_EQ(code(TrustStore(Purpose::as4, {pem("sub")}).check(pem("leaf"), {}, crls, {.at = system_clock().now()})),
              "trust.revocation_unavailable");
}

TEST_F(OpensslPki, UsagePerPurpose) {
    const std::vector<std::string> lists{"sub.crl"};
    EXPECT_EQ(check("enc", Purpose::as4, "sub", lists), "trust.usage");
    EXPECT_EQ(check("enc", Purpose::o2o, "sub", lists), "trust.usage");
    EXPECT_EQ(check("enc", Purpose::smp_signature, "sub", lists), "trust.usage");
    EXPECT_EQ(check("server", Purpose::tls_server, "sub", lists), "");
    EXPECT_EQ(check("server", Purpose::tls_client, "sub", lists), "trust.usage");
    EXPECT_EQ(check("client", Purpose::tls_client, "sub", lists), "");
    EXPECT_EQ(check("client", Purpose::tls_server, "sub", lists), "trust.usage");
    EXPECT_EQ(check("leaf", Purpose::tls_server, "sub", lists), "");  // no EKU: any
}

TEST_F(OpensslPki, StrengthAndForm) {
    const std::vector<std::string> lists{"sub.crl"};
    EXPECT_EQ(check("short", Purpose::as4, "sub", lists), "trust.weak_key");
    EXPECT_EQ(check("sha1", Purpose::as4, "sub", lists), "trust.weak_signature");
    EXPECT_EQ(check("ec", Purpose::o2o, "sub", lists), "");
    EXPECT_EQ(check("critical", Purpose::as4, "sub", lists), "trust.chain");
    EXPECT_NE(check("below", Purpose::as4, "sub", lists), "");  // issued by an end entity
    CrlStore crls;
    put(crls, scratch->file("sub.crl"));
    const TrustPolicy policy{.at = system_clock().now(), .min_rsa_bits = 3072};
    EXPECT_EQ(code(TrustStore(Purpose::as4, {pem("sub")}).check(pem("leaf"), {}, crls, policy)), "trust.weak_key");
}

TEST_F(OpensslPki, ForgedSignatureOfACertificateIsNotTrusted) {
    auto der = pem("leaf").der();
    der.back() = static_cast<std::uint8_t>(der.back() ^ 1);
    const auto forged = Certificate::from_der(der);
    ASSERT_TRUE(forged);
    CrlStore crls;
    put(crls, scratch->file("sub.crl"));
    EXPECT_EQ(code(TrustStore(Purpose::as4, {pem("sub")}).check(*forged, {}, crls, {.at = system_clock().now()})),
              "trust.chain");
}

TEST_F(OpensslPki, StoreKeepsTheNewest) {
    CrlStore crls;
    put(crls, scratch->file("root.crl"));
    put(crls, scratch->file("sub.crl"));
    put(crls, scratch->file("root2.crl"));
    EXPECT_EQ(crls.all().size(), 2U);
}

}  // namespace
}  // namespace budkavle::crypto
