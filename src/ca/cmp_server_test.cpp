// RFC 4210: renewal by machines, with `openssl cmp` as the machine. Keys of this PKI lie in a security module here.
#include "ca/cmp_server.hpp"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "ca/publish_server.hpp"
#include "crypto/test_support.hpp"

namespace budkavle::ca {
namespace {

using crypto::testing::octets;
using crypto::testing::Scratch;
using std::chrono::days;

constexpr const char* kModule = "/usr/lib/softhsm/libsofthsm2.so";

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

class HandClock final : public Clock {
public:
    [[nodiscard]] Time now() const override { return at; }
    std::atomic<Time> at = Time(std::chrono::floor<seconds>(system_clock().now()));
};

class CmpTest : public ::testing::Test {
protected:
    void SetUp() override {
        log = obs::Log::open(scratch.file("log"), "ca", clock).value();
        AuthorityConfig config;
        config.folder = scratch.file("ca");
        config.passphrase = SecretBytes(as_bytes("en lång lösenfras"));
        config.owner = {.organisation = "Exempelmyndigheten"};
        config.key_policy.min_rsa_bits = 2048;
        config.ocsp_rsa_bits = 2048;
        config.base_urls = {"http://pki.example.se"};
        authority = Authority::open(std::move(config), *log, clock).value();
        ASSERT_TRUE(authority->create_root(
            "anna", {.id = "rot", .common_name = "Rot", .purpose = CaPurpose::issuing_cas, .rsa_bits = 2048}));
        ASSERT_TRUE(authority->create_ca(
            "anna", "rot", {.id = "ap", .common_name = "AP CA", .purpose = CaPurpose::access_point, .rsa_bits = 2048}));
        const auto chain = authority->chain_of("ap").value();
        scratch.put("ca.pem", chain.front().pem() + chain.back().pem());
        for (const auto* name : {"one", "two", "new", "newer"}) scratch.must(std::string("openssl genrsa -out ") + name + ".key 2048");
        issue("one", "AP0001-LAB", "Kommun");
        issue("two", "AP0002-LAB", "Region");
        PublishServerConfig serving;
        serving.cmp = CmpConfig{.poll = seconds(1)};
        server = PublishServer::start(serving, *authority, *log, clock).value();
    }
    void issue(const std::string& file, const std::string& name, const std::string& organisation) {
        scratch.must("openssl req -new -key " + file + ".key -subj /CN=x -out " + file + ".csr");
        const auto request = octets(scratch.file(file + ".csr"));
        const auto made = authority->issue_for_request(
            "anna", "ap",
            {.profile = Profile::access_point, .common_name = name, .organisation = organisation}, request);
        ASSERT_TRUE(made);
        scratch.put(file + ".crt", made->pem());
        certificates.emplace(file, *made);
    }
    [[nodiscard]] std::string command(const std::string& arguments) const {
        return "openssl cmp -server 127.0.0.1:" + std::to_string(server->port()) +
               " -path cmp/ap -trusted ca.pem -recipient '/CN=AP CA' " + arguments;
    }
    [[nodiscard]] std::string cmp(const std::string& arguments) const { return scratch.run(command(arguments) + " 2>&1").output; }
    [[nodiscard]] std::string update(const std::string& who, const std::string& key, const std::string& more = {}) const {
        return "-cmd kur -cert " + who + ".crt -key " + who + ".key -newkey " + key + ".key -certout out.crt " + more;
    }
    void approve_all() {
        Requests desk(*authority);
        for (const auto& one : desk.list({.state = RequestState::verified}, {}).value().rows)
            EXPECT_TRUE(desk.approve("bo", one.id, "Avtal finns."));
    }
    [[nodiscard]] bool issued() const { return std::filesystem::exists(scratch.file("out.crt")); }

    HandClock clock;
    Scratch scratch;
    std::unique_ptr<obs::Log> log;
    std::unique_ptr<Authority> authority;
    std::unique_ptr<PublishServer> server;
    std::map<std::string, crypto::Certificate> certificates;
};

TEST_F(CmpTest, MachineWaitsUntilAPersonApprovesAndThenHasItsCertificate) {
    std::thread approver([&] {
        Requests desk(*authority);
        for (int i = 0; i < 100; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            if (desk.list({.state = RequestState::verified}, {}).value().total == 1) break;
        }
        EXPECT_FALSE(issued());
        approve_all();
    });
    const auto said = cmp(update("one", "new", "-total_timeout 30"));
    approver.join();
    ASSERT_TRUE(issued()) << said;
    scratch.must("openssl verify -CAfile ca.pem out.crt");
    const auto fresh = crypto::Certificate::from_file_octets(octets(scratch.file("out.crt"))).value();
    EXPECT_EQ(fresh.subject(), certificates.at("one").subject());
    EXPECT_NE(fresh.public_key(), certificates.at("one").public_key());
    // Both are good: the overlap of pki.md 5.5.
    EXPECT_EQ(authority->certificates({.common_name = "AP0001-LAB", .state = CertificateState::valid}, {}).value().total, 2U);
    const auto kept = Requests(*authority).list({.state = RequestState::issued}, {}).value().rows;
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].verified->who, "cmp:AP0001-LAB");
    EXPECT_EQ(kept[0].approved->who, "bo");
    // The new certificate renews itself in turn, with implicit confirmation.
    scratch.must("mv out.crt new.crt");
    (void)cmp(update("new", "newer", "-total_timeout 2"));
    EXPECT_FALSE(issued());
    approve_all();
    const auto second = cmp(update("new", "newer", "-implicit_confirm"));
    EXPECT_TRUE(issued()) << second;
}

TEST_F(CmpTest, OtherNamesRevokedAndExpiredSendersAreRefused) {
    // another one's certificate as the one to renew
    (void)cmp(update("one", "new", "-oldcert two.crt -total_timeout 2"));
    EXPECT_EQ(Requests(*authority).list({}, {}).value().total, 0U);
    // a sender that is nobody here
    scratch.must("openssl req -x509 -newkey rsa:2048 -nodes -keyout liar.key -out liar.crt -subj /C=SE/O=Kommun/CN=AP0001-LAB");
    (void)cmp(update("liar", "new", "-total_timeout 2"));
    // a key that is not the certificate's
    (void)cmp("-cmd kur -cert one.crt -key two.key -newkey new.key -certout out.crt -total_timeout 2");
    // no signature at all
    (void)cmp("-cmd cr -secret pass:hemligt -ref x -newkey new.key -subject /CN=AP0001-LAB -certout out.crt -total_timeout 2");
    (void)cmp("-cmd kur -unprotected_requests -oldcert one.crt -newkey new.key -certout out.crt -total_timeout 2");
    EXPECT_EQ(Requests(*authority).list({}, {}).value().total, 0U);
    ASSERT_TRUE(authority->revoke("anna", "ap", certificates.at("one").serial_decimal(), "superseded", "Bytt."));
    const auto said = cmp(update("one", "new", "-total_timeout 2"));
    EXPECT_TRUE(has(said, "revoked")) << said;
    clock.at = clock.at.load() + days(731);
    (void)cmp(update("two", "new", "-total_timeout 2"));
    EXPECT_EQ(Requests(*authority).list({}, {}).value().total, 0U);
    EXPECT_FALSE(issued());
}

// p10cr and cr deliver what two persons have approved for exactly this key and organisation.
TEST_F(CmpTest, ApprovedRequestIsDeliveredByPkcs10) {
    scratch.must("openssl req -new -key new.key -subj /CN=x -out new.csr");
    const std::string ask = "-cmd p10cr -csr new.csr -certout out.crt -total_timeout 2 ";
    (void)cmp(ask + "-cert one.crt -key one.key");
    EXPECT_FALSE(issued());
    Requests desk(*authority);
    const auto request = desk.submit("anna", "ap", {.profile = Profile::access_point, .common_name = "AP0003-LAB", .organisation = "Kommun"},
                                     octets(scratch.file("new.csr"))).value();
    ASSERT_TRUE(desk.verify("anna", request.id, request.key_sha256, "Ringt."));
    ASSERT_TRUE(desk.approve("bo", request.id, "Ja."));
    (void)cmp(ask + "-cert two.crt -key two.key");
    EXPECT_FALSE(issued());  // another organisation
    const auto said = cmp(ask + "-cert one.crt -key one.key");
    ASSERT_TRUE(issued()) << said;
    EXPECT_TRUE(has(scratch.run("openssl x509 -in out.crt -noout -subject").output, "AP0003-LAB"));
}

// A recorded message is not served twice within its transaction, and gives nothing new later.
TEST_F(CmpTest, ReplayIsRefused) {
    (void)cmp(update("one", "new", "-total_timeout 1 -reqout m1.der"));
    approve_all();
    (void)cmp(update("one", "new", "-reqout m2.der"));
    ASSERT_TRUE(issued());
    const auto before = authority->certificates({.ca = "ap"}, {}).value().total;
    const auto url = "http://127.0.0.1:" + std::to_string(server->port()) + "/cmp/ap";
    const std::string post = "curl -s -o answer -w '%{http_code}' -H 'Content-Type: application/pkixcmp' --data-binary ";
    EXPECT_EQ(scratch.run(post + "@m2.der " + url).output, "400");
    EXPECT_EQ(authority->certificates({.ca = "ap"}, {}).value().total, before);
    EXPECT_TRUE(has(crypto::testing::text(scratch.file("log") / "audit.jsonl"), "cmp.replay"));
    // What is no message at all.
    scratch.put("rubbish", std::string(5000, 'x'));
    EXPECT_EQ(scratch.run(post + "@rubbish " + url).output, "400");
    EXPECT_EQ(scratch.run(post + "@/dev/null " + url).output, "400");
    EXPECT_EQ(scratch.run("curl -s -o answer -w '%{http_code}' " + url).output, "405");
    EXPECT_EQ(scratch.run("curl -s -o answer -w '%{http_code}' -d x " + url).output, "415");
    scratch.put("huge", std::string(70'000, 'x'));
    EXPECT_EQ(scratch.run(post + "@huge " + url).output, "413");
}

// SEC-43: CA, OCSP and CMP keys in a security module; openssl judges what comes out.
TEST(KeysInASecurityModule, WholePkiWorks) {
    const Scratch scratch;
    scratch.must("mkdir tokens");
    scratch.put("softhsm2.conf", "directories.tokendir = " + scratch.file("tokens").string() + "\nlog.level = ERROR\n");
    ::setenv("SOFTHSM2_CONF", scratch.file("softhsm2.conf").c_str(), 1);
    scratch.must("softhsm2-util --init-token --free --label pki --so-pin 12345678 --pin 4711");
    AuthorityConfig config;
    config.folder = scratch.file("ca");
    config.keys = token_keys(crypto::Pkcs11Token::open({kModule, "pki", SecretBytes(as_bytes("4711"))}).value());
    config.owner = {.organisation = "Exempelmyndigheten"};
    config.key_policy.min_rsa_bits = 2048;
    config.ocsp_rsa_bits = 2048;
    const auto authority = Authority::open(std::move(config), obs::null_log(), system_clock()).value();
    const auto root = authority->create_root(
        "anna", {.id = "rot", .common_name = "Rot", .purpose = CaPurpose::issuing_cas, .rsa_bits = 2048});
    ASSERT_TRUE(root) << root.error().describe();
    ASSERT_TRUE(authority->create_ca(
        "anna", "rot", {.id = "ap", .common_name = "AP CA", .purpose = CaPurpose::access_point, .rsa_bits = 2048}));
    const auto key = crypto::generate_rsa(2048).value()->public_key();
    const auto leaf = authority->issue(
        "anna", "ap", {.profile = Profile::access_point, .common_name = "AP1", .organisation = "Kommun"}, key);
    ASSERT_TRUE(leaf) << leaf.error().describe();
    scratch.put("leaf.pem", leaf->pem());
    scratch.put("ca.pem", authority->chain_of("ap").value().front().pem());
    scratch.put("root.pem", root->pem());
    scratch.must("openssl crl -inform DER -in ca/publish/ap.crl -out ap.pem; openssl crl -inform DER -in ca/publish/rot.crl -out rot.pem");
    scratch.must("openssl verify -crl_check_all -CAfile root.pem -untrusted ca.pem -CRLfile ap.pem -CRLfile rot.pem leaf.pem");
    const auto responder = OcspResponder::open({}, *authority).value();
    ASSERT_TRUE(responder->refresh("test"));
    scratch.must("openssl ocsp -issuer ca.pem -cert leaf.pem -no_nonce -reqout q.der");
    const auto answer = responder->answer(octets(scratch.file("q.der")));
    EXPECT_TRUE(answer.made);
    scratch.put("a.der", as_bytes(*answer.octets));
    scratch.must("cat root.pem ca.pem > all.pem; openssl ocsp -issuer ca.pem -cert leaf.pem -no_nonce -respin a.der -CAfile all.pem | grep -q good");
    EXPECT_TRUE(std::filesystem::is_empty(scratch.file("ca") / "keys"));
}

}  // namespace
}  // namespace budkavle::ca
