// An offline root and its ceremony, and a register that comes back from a backup.
#include <gtest/gtest.h>

#include <set>

#include "ca/ocsp_responder.hpp"
#include "crypto/test_support.hpp"

namespace budkavle::ca {
namespace {

using crypto::testing::octets;
using crypto::testing::Scratch;
using crypto::testing::text;

std::string code(const auto& result) {
    return result ? std::string() : result.error().code;
}

crypto::PublicKey fresh_key() {
    return crypto::generate_rsa(2048).value()->public_key();
}

class OfflineTest : public ::testing::Test {
protected:
    std::unique_ptr<Authority> open(const std::string& folder) {
        AuthorityConfig config;
        config.folder = scratch.file(folder);
        config.passphrase = SecretBytes(as_bytes("en lång lösenfras"));
        config.owner = {.organisation = "Exempelmyndigheten"};
        config.key_policy.min_rsa_bits = 2048;
        config.ocsp_rsa_bits = 2048;
        config.base_urls = {"http://pki.example.se"};
        return Authority::open(std::move(config), obs::null_log(), system_clock()).value();
    }
    static CaOrder order(std::string id, std::string name, CaPurpose purpose) {
        return {.id = std::move(id), .common_name = std::move(name), .purpose = purpose, .rsa_bits = 2048};
    }
    Scratch scratch;
};

// pki.md 5.3, 5.6: the key of the root is never where the issuing CA is; openssl verifies what the ceremony leaves.
TEST_F(OfflineTest, RootIsOfflineAndTheIssuingCaWorksBelowIt) {
    const auto vault = open("vault");
    const auto online = open("online");
    const auto root = vault->create_root("anna + bo", order("rot", "Rot CA", CaPurpose::issuing_cas)).value();
    const auto wanted = order("ap", "Accesspunkt CA", CaPurpose::access_point);
    const auto request = online->request_ca("anna", wanted).value();
    EXPECT_EQ(code(vault->certify_ca("anna + bo", "rot", wanted, as_bytes("nej"))), "ca.request");
    const auto made = vault->certify_ca("anna + bo", "rot", wanted, as_bytes(request));
    ASSERT_TRUE(made) << made.error().describe();
    const auto other_root = vault->create_root("anna + bo", order("rot2", "Annan rot", CaPurpose::issuing_cas)).value();
    EXPECT_EQ(code(online->install_ca("anna", wanted, *made, "rot", other_root)), "ca.offline");
    EXPECT_EQ(code(online->install_ca("anna", wanted, root, "rot", root)), "ca.offline");  // another key
    const auto installed = online->install_ca("anna", wanted, *made, "rot", root);
    ASSERT_TRUE(installed) << installed.error().describe();
    EXPECT_FALSE(std::filesystem::exists(scratch.file("online") / "keys" / "rot.pem"));
    const auto list = octets(scratch.file("vault") / "publish" / "rot.crl");
    ASSERT_EQ(code(online->import_list("anna", "rot", list)), "");
    EXPECT_EQ(code(online->import_list("anna", "rot", list)), "ca.offline");  // not twice, and never an older one
    EXPECT_EQ(code(online->import_list("anna", "rot", octets(scratch.file("vault") / "publish" / "rot2.crl"))), "ca.offline");
    EXPECT_EQ(code(online->import_list("anna", "ap", octets(scratch.file("online") / "publish" / "ap.crl"))), "ca.offline");
    EXPECT_EQ(code(online->publish_now("anna", "rot")), "ca.offline");
    const auto leaf = online->issue("anna", "ap", {.profile = Profile::access_point, .common_name = "AP1", .organisation = "Kommun"}, fresh_key());
    ASSERT_TRUE(leaf);
    scratch.put("root.pem", root.pem());
    scratch.put("ca.pem", made->pem());
    scratch.put("leaf.pem", leaf->pem());
    scratch.must("for i in ap rot; do openssl crl -inform DER -in online/publish/$i.crl -out $i.pem || exit 1; done");
    scratch.must("openssl verify -crl_check_all -CAfile root.pem -untrusted ca.pem -CRLfile ap.pem -CRLfile rot.pem leaf.pem");
    // The sub-CA is revoked at the root, and the list brought over.
    ASSERT_TRUE(vault->revoke("anna + bo", "rot", made->serial_decimal(), "cACompromise", "Övning."));
    ASSERT_TRUE(online->import_list("anna", "rot", octets(scratch.file("vault") / "publish" / "rot.crl")));
    scratch.must("openssl crl -inform DER -in online/publish/rot.crl -out rot.pem");
    EXPECT_NE(scratch.run("openssl verify -crl_check_all -CAfile root.pem -untrusted ca.pem -CRLfile ap.pem -CRLfile rot.pem leaf.pem").output.find("revoked"), std::string::npos);
    // The online side opens again without the root's key.
    EXPECT_EQ(open("online")->cas().value().size(), 2U);
    // The protocol.
    scratch.put("protocol.txt", std::string_view("act: root\n"));
    scratch.put("protocol.sig", vault->sign_protocol("anna + bo", "rot", as_bytes("act: root\n")).value());
    scratch.must("openssl x509 -in root.pem -noout -pubkey > pub; openssl dgst -sha256 -verify pub -signature protocol.sig protocol.txt");
    scratch.must("printf x >> protocol.txt; ! openssl dgst -sha256 -verify pub -signature protocol.sig protocol.txt");
}

// pki.md 5.2: backup and restore without loss. What came after the backup is taken from the published list.
TEST_F(OfflineTest, RestoredRegisterNeitherForgetsRevocationsNorReusesNumbers) {
    auto pki = open("ca");
    ASSERT_TRUE(pki->create_root("anna", order("o2o", "O2O CA", CaPurpose::organisation)));
    const auto issue = [&](const std::string& name) {
        return pki->issue("anna", "o2o", {.profile = Profile::organisation_sign, .common_name = name, .organisation = name}, fresh_key()).value();
    };
    const auto before = issue("A");
    scratch.must("cp -r ca backup");
    const auto after = issue("B");
    ASSERT_TRUE(pki->revoke("anna", "o2o", before.serial_decimal(), "keyCompromise", "Stulen."));
    ASSERT_TRUE(pki->revoke("anna", "o2o", after.serial_decimal(), "superseded", "Bytt."));
    const auto published = octets(scratch.file("ca") / "publish" / "o2o.crl");
    pki.reset();
    scratch.must("mv ca lost && mv backup ca");
    pki = open("ca");
    EXPECT_FALSE(pki->certificate("o2o", before.serial_decimal()).value().revocation);
    EXPECT_EQ(code(pki->recover("anna", "o2o", octets(scratch.file("lost") / "keys" / "o2o.pem"))), "crl.malformed");
    EXPECT_EQ(pki->recover("anna", "o2o", published).value(), 2U);
    EXPECT_EQ(pki->recover("anna", "o2o", published).value(), 0U);
    EXPECT_EQ(pki->certificate("o2o", before.serial_decimal()).value().revocation->reason, "keyCompromise");
    const auto shown = scratch.run("openssl crl -inform DER -in ca/publish/o2o.crl -noout -text").output;
    EXPECT_NE(shown.find("Key Compromise"), std::string::npos);
    EXPECT_NE(shown.find("Superseded"), std::string::npos);
    const auto number = [&](const std::string& file) {
        return std::stoll(scratch.run("openssl crl -inform DER -in " + file + " -noout -crlnumber | sed s/.*=//").output, nullptr, 0);
    };
    EXPECT_GT(number("ca/publish/o2o.crl"), number("lost/publish/o2o.crl"));
    std::set<std::string> serials{before.serial_decimal(), after.serial_decimal()};
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(serials.insert(issue("C" + std::to_string(i)).serial_decimal()).second);
    // What the register no longer knows is not good for the responder.
    const auto responder = OcspResponder::open({}, *pki).value();
    ASSERT_TRUE(responder->refresh("test"));
    const auto issuer = pki->chain_of("o2o").value().front();
    const auto answer = responder->answer(crypto::make_ocsp_request(after, issuer).value());
    EXPECT_EQ(crypto::read_ocsp_answer(as_bytes(*answer.octets), after, issuer, system_clock().now()).value().status, crypto::OcspStatus::unknown);
}

// pki.md 5.5: a new issuing CA has its list before its first leaf, and both work side by side.
TEST_F(OfflineTest, IssuingCaIsRolledOver) {
    const auto pki = open("ca");
    const auto root = pki->create_root("anna", order("rot", "Rot CA", CaPurpose::issuing_cas)).value();
    scratch.put("root.pem", root.pem());
    std::string chain;
    for (const auto* id : {"ap-1", "ap-2"}) {
        const auto made = pki->create_ca("anna", "rot", order(id, std::string("Accesspunkt CA ") + id, CaPurpose::access_point)).value();
        EXPECT_TRUE(std::filesystem::exists(pki->publish_folder() / (std::string(id) + ".crl")));
        chain += made.pem();
        const auto leaf = pki->issue("anna", id, {.profile = Profile::access_point, .common_name = "AP1", .organisation = "Kommun"}, fresh_key());
        ASSERT_TRUE(leaf);
        scratch.put(std::string(id) + ".pem", leaf->pem());
    }
    scratch.put("cas.pem", chain);
    scratch.must("for i in ap-1 ap-2; do openssl verify -CAfile root.pem -untrusted cas.pem $i.pem || exit 1; done");
    EXPECT_EQ(pki->certificates({.common_name = "AP1", .state = CertificateState::valid}, {}).value().total, 2U);
}

}  // namespace
}  // namespace budkavle::ca
