// pki.md 5.4: the responder, asked by `openssl ocsp` and by the client of the access point.
#include "ca/ocsp_responder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/random.hpp"
#include "ca/publish_server.hpp"
#include "crypto/test_support.hpp"

namespace budkavle::ca {
namespace {

using crypto::OcspStatus;
using crypto::testing::octets;
using crypto::testing::Scratch;
using crypto::testing::shared;
using std::chrono::days;
using std::chrono::hours;

class HandClock final : public Clock {
public:
    [[nodiscard]] Time now() const override { return at; }
    std::atomic<Time> at = Time(std::chrono::floor<seconds>(system_clock().now()));
};

crypto::PublicKey key(int number) {
    static std::map<int, crypto::KeyHandle> made;
    auto& one = made[number];
    if (!one) one = crypto::generate_rsa(2048).value();
    return one->public_key();
}

class OcspResponderTest : public ::testing::Test {
protected:
    void SetUp() override {
        log = obs::Log::open(scratch.file("log"), "ca", clock).value();
        authority = open();
        ASSERT_TRUE(authority->create_root("anna", ca_order("aprot", "Rot CA", CaPurpose::issuing_cas)));
        ASSERT_TRUE(authority->create_ca("anna", "aprot", ca_order("ap", "Accesspunkt CA", CaPurpose::access_point)));
        ASSERT_TRUE(authority->create_root("anna", ca_order("smp", "Rot CA SMP", CaPurpose::smp)));
        issuer = authority->chain_of("ap").value().front();
        scratch.put("ca.pem", issuer->pem());
        scratch.put("all.pem", issuer->pem() + authority->chain_of("ap").value().back().pem());
        one = issue("AP0001-LAB", 0);
    }
    std::unique_ptr<Authority> open() {
        AuthorityConfig config;
        config.folder = scratch.file("ca");
        config.passphrase = SecretBytes(as_bytes("en lång lösenfras"));
        config.owner = {.organisation = "Exempelmyndigheten"};
        config.key_policy.min_rsa_bits = 2048;
        config.ocsp_rsa_bits = 2048;
        return Authority::open(std::move(config), *log, clock).value();
    }
    static CaOrder ca_order(std::string id, std::string name, CaPurpose purpose) {
        return {.id = std::move(id), .common_name = std::move(name), .purpose = purpose, .rsa_bits = 2048};
    }
    std::optional<crypto::Certificate> issue(const std::string& name, int number) {
        auto made = authority->issue(
            "anna", "ap", {.profile = Profile::access_point, .common_name = name, .organisation = "Kommun"}, key(number));
        EXPECT_TRUE(made);
        scratch.put(name + ".pem", made->pem());
        return *made;
    }
    void ready(OcspConfig config = {}) {
        responder = OcspResponder::open(config, *authority).value();
        const auto done = responder->refresh("test");
        ASSERT_TRUE(done) << done.error().describe();
    }
    Bytes question(const crypto::Certificate& about, ByteView nonce = {}) const {
        return crypto::make_ocsp_request(about, *issuer, nonce).value();
    }
    Result<crypto::OcspAnswer> asked(const crypto::Certificate& about, ByteView nonce = {}) const {
        const auto answer = responder->answer(question(about, nonce));
        return crypto::read_ocsp_answer(as_bytes(*answer.octets), about, *issuer, clock.now(), nonce);
    }
    /// 1 malformedRequest, 3 tryLater, 6 unauthorized, 0 successful.
    static int status(const OcspResponder::Answer& answer) {
        return answer.octets->size() == 5 ? (*answer.octets)[4] : 0;
    }
    std::unique_ptr<PublishServer> serve() {
        PublishServerConfig config;
        config.ocsp = OcspConfig{};
        return PublishServer::start(config, *authority, *log, clock).value();
    }
    std::string openssl(const PublishServer& server, const std::string& arguments) const {
        return scratch
            .run("openssl ocsp -issuer ca.pem -CAfile all.pem -url http://127.0.0.1:" + std::to_string(server.port()) +
                 "/ocsp " + arguments + " 2>&1")
            .output;
    }

    HandClock clock;
    Scratch scratch;
    std::unique_ptr<obs::Log> log;
    std::unique_ptr<Authority> authority;
    std::unique_ptr<OcspResponder> responder;
    std::optional<crypto::Certificate> issuer, one;
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

TEST_F(OcspResponderTest, OpensslFindsGoodRevokedAndUnknown) {
    const auto two = issue("AP0002-LAB", 1);
    const auto server = serve();
    for (const auto* hash : {"-sha1", "-sha256"}) {
        for (const auto* nonce : {"-nonce", "-no_nonce"}) {
            const auto said = openssl(*server, std::string(nonce) + " " + hash + " -cert AP0001-LAB.pem -resp_text");
            EXPECT_TRUE(has(said, "Response verify OK")) << said;
            EXPECT_TRUE(has(said, "AP0001-LAB.pem: good")) << said;
            EXPECT_FALSE(has(said, "WARNING: no nonce")) << said;
            EXPECT_TRUE(has(said, std::string("Hash Algorithm: ") + (hash + 1))) << said;
            EXPECT_TRUE(has(said, "OCSP Signing") && has(said, "OCSP No Check")) << said;
        }
    }
    // federation.md 5.4: at once, although the list is another one.
    ASSERT_TRUE(authority->revoke("anna", "ap", two->serial_decimal(), "keyCompromise", "Stulen."));
    auto said = openssl(*server, "-no_nonce -cert AP0001-LAB.pem -cert AP0002-LAB.pem");
    EXPECT_TRUE(has(said, "AP0001-LAB.pem: good") && has(said, "AP0002-LAB.pem: revoked")) << said;
    EXPECT_TRUE(has(said, "Reason: keyCompromise")) << said;
    said = openssl(*server, "-nonce -serial 0x1234567890");
    EXPECT_TRUE(has(said, "0x1234567890: unknown")) << said;
    said = scratch.run("openssl ocsp -issuer ca.pem -cert AP0001-LAB.pem -no_nonce -reqout r.der; printf x >> r.der; "
                       "openssl ocsp -reqin r.der -url http://127.0.0.1:" + std::to_string(server->port()) + "/ocsp 2>&1")
               .output;
    EXPECT_TRUE(has(said, "malformedrequest") || has(said, "rror")) << said;
}

// Another process revokes; this one answers within a moment.
TEST_F(OcspResponderTest, RevocationOfAnotherProcessIsSeenWithoutARestart) {
    const auto server = serve();
    EXPECT_TRUE(has(openssl(*server, "-no_nonce -cert AP0001-LAB.pem"), "good"));
    ASSERT_TRUE(open()->revoke("anna", "ap", one->serial_decimal(), "superseded", "Bytt."));
    std::string said;
    for (int i = 0; i < 100 && !has(said, "revoked"); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        said = openssl(*server, "-no_nonce -cert AP0001-LAB.pem");
    }
    EXPECT_TRUE(has(said, "AP0001-LAB.pem: revoked")) << said;
}

TEST_F(OcspResponderTest, AnswersAreMadeInAdvanceAndKept) {
    ready();
    const auto first = responder->answer(question(*one));
    EXPECT_TRUE(first.made);
    EXPECT_EQ(responder->answer(question(*one)).octets, first.octets);
    EXPECT_EQ(asked(*one).value().status, OcspStatus::good);
    // after a restart the same octets, before anything is signed
    responder = OcspResponder::open({}, *authority).value();
    EXPECT_EQ(*responder->answer(question(*one)).octets, *first.octets);
    EXPECT_EQ(responder->refresh("test").value(), 0U);
    EXPECT_FALSE(responder->is_behind().value());
    clock.at = clock.at.load() + hours(12);
    EXPECT_EQ(responder->refresh("test").value(), 2U);  // SHA-1 and SHA-256
    EXPECT_NE(*responder->answer(question(*one)).octets, *first.octets);
    clock.at = clock.at.load() + hours(25);  // nobody renewed
    EXPECT_FALSE(responder->answer(question(*one)).made);
    EXPECT_EQ(asked(*one).value().status, OcspStatus::good);  // signed while the asker waits
}

TEST_F(OcspResponderTest, NonceOfRightLengthComesBack) {
    ready();
    const Bytes sixteen(16, 7);
    const Bytes long_one(32, 9);
    for (const auto& nonce : {sixteen, long_one}) {
        EXPECT_EQ(asked(*one, nonce).value().status, OcspStatus::good);
        const auto answer = responder->answer(question(*one, nonce));
        EXPECT_TRUE(has(*answer.octets, as_text(nonce)));
        EXPECT_FALSE(answer.made);
    }
}

TEST_F(OcspResponderTest, SignsLiveOnlySoOften) {
    ready({.live_per_second = 3, .unknown_per_second = 1});
    const Bytes nonce(16, 7);
    int later = 0;
    for (int i = 0; i < 50; ++i) later += status(responder->answer(question(*one, nonce))) == 3 ? 1 : 0;
    EXPECT_GT(later, 20);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(responder->answer(question(*one)).made);  // made in advance: no limit
}

// Numbers never issued have an allowance of their own, and cannot starve the others.
TEST_F(OcspResponderTest, UnknownNumbersDoNotStarveTheRest) {
    ready({.live_per_second = 100, .unknown_per_second = 1});
    const auto stranger = issue("AP0003-LAB", 3);  // the responder was not told
    EXPECT_EQ(asked(*stranger).value().status, OcspStatus::unknown);
    for (int i = 0; i < 20; ++i) (void)responder->answer(question(*stranger));
    EXPECT_EQ(status(responder->answer(question(*stranger))), 3);
    EXPECT_EQ(asked(*one, Bytes(16, 7)).value().status, OcspStatus::good);
    EXPECT_TRUE(responder->is_behind().value());
    ASSERT_TRUE(responder->refresh("test"));
    EXPECT_EQ(asked(*stranger).value().status, OcspStatus::good);
}

TEST_F(OcspResponderTest, OtherIssuersAreNotAnswered) {
    ready();
    const auto root = authority->chain_of("ap").value().back();
    EXPECT_EQ(status(responder->answer(crypto::make_ocsp_request(*issuer, root).value())), 6);
    const auto smp = authority->chain_of("smp").value().front();
    const auto about_two = scratch.run(
        "openssl ocsp -issuer ca.pem -cert AP0001-LAB.pem -no_nonce -reqout r.der && base64 -w0 r.der");
    scratch.put("smp.pem", smp.pem());
    scratch.must("openssl ocsp -issuer ca.pem -serial 1 -issuer smp.pem -serial 2 -no_nonce -reqout mixed.der");
    EXPECT_EQ(status(responder->answer(octets(scratch.file("mixed.der")))), 6);
}

TEST_F(OcspResponderTest, VectorsOfRequests) {
    ready();
    for (const auto& entry : std::filesystem::directory_iterator(shared("smp-vectors/ocsp"))) {
        const auto file = entry.path().filename().string();
        if (!file.starts_with("req-")) continue;
        const bool malformed = has(file, "129") || has(file, "4096") || has(file, "garbage");
        EXPECT_EQ(status(responder->answer(octets(entry.path()))), malformed ? 1 : 6) << file;
    }
    EXPECT_EQ(status(responder->answer({})), 1);
}

// pki.md 5.4: own key, EKU OCSPSigning, nocheck, 30 to 90 days, renewed by itself.
TEST_F(OcspResponderTest, SignerIsRenewedByItselfAndTheOldOneStaysGood) {
    ready();
    const auto first = authority->ocsp_signer("test", "ap").value();
    EXPECT_EQ(authority->ocsp_signer("test", "ap")->certificate(), first.certificate());
    EXPECT_NE(first.key->public_key(), issuer->public_key());
    const auto life = first.certificate().not_after() - first.certificate().not_before();
    EXPECT_GE(life, days(30));
    EXPECT_LE(life, days(90));
    const auto old = asked(*one).value();
    clock.at = clock.at.load() + days(31);
    ASSERT_TRUE(responder->refresh("test"));
    const auto second = authority->ocsp_signer("test", "ap").value();
    EXPECT_NE(second.certificate(), first.certificate());
    EXPECT_EQ(asked(*one).value().status, OcspStatus::good);
    EXPECT_EQ(authority->certificates({.profile = std::string(kOcspProfile)}, {}).value().total, 4U);  // two CAs
    EXPECT_FALSE(authority->ocsp_signer("test", "aprot"));
}

// After the end of a certificate its answer is the last one, for ever; and never "good" again when it was revoked.
TEST_F(OcspResponderTest, LastAnswersAreFinal) {
    const auto two = issue("AP0002-LAB", 1);
    ASSERT_TRUE(authority->revoke("anna", "ap", two->serial_decimal(), "keyCompromise", "Stulen."));
    clock.at = clock.at.load() + days(731);
    ready();
    for (const auto& certificate : {*one, *two}) {
        const auto answer = asked(certificate).value();
        EXPECT_EQ(format_utc(answer.next_update), "9999-12-31T23:59:59.000Z");
        EXPECT_EQ(answer.status, certificate == *one ? OcspStatus::good : OcspStatus::revoked);
    }
    EXPECT_EQ(responder->refresh("test").value(), 0U);
    clock.at = clock.at.load() + days(20);
    EXPECT_EQ(responder->refresh("test").value(), 0U);
    EXPECT_TRUE(responder->answer(question(*two)).made);
}

net::Response get(const OcspResponder& responder, const std::string& path, const std::string& tag = {}) {
    net::Request request;
    request.method = "GET";
    request.path = path;
    if (!tag.empty()) request.headers.add("If-None-Match", tag);
    return responder.serve(request, "/ocsp");
}

// RFC 5019 and pki.md 5.4: what a cache may keep, and nothing else.
TEST_F(OcspResponderTest, CacheHeaders) {
    ready();
    const auto path = "/ocsp/" + percent_encode(base64_encode(question(*one)));
    const auto answer = get(*responder, path);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.get("Content-Type"), "application/ocsp-response");
    EXPECT_EQ(answer.headers.get("Cache-Control"), "max-age=3600, public, no-transform, must-revalidate");
    EXPECT_TRUE(answer.headers.get("Last-Modified") && answer.headers.get("Expires"));
    const auto again = get(*responder, path, *answer.headers.get("ETag"));
    EXPECT_EQ(again.status, 304);
    EXPECT_TRUE(again.body.empty());
    const auto with_nonce = get(*responder, "/ocsp/" + base64_encode(question(*one, Bytes(16, 7))));
    EXPECT_EQ(with_nonce.status, 200);
    EXPECT_EQ(with_nonce.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(get(*responder, "/ocsp/nej").headers.get("Cache-Control"), "no-store");
    net::Request put;
    put.method = "PUT";
    EXPECT_EQ(responder->serve(put, "/ocsp").status, 405);
}

TEST(OcspPath, EverySpellingOfAQuestion) {
    // A question whose base64 has "+", "/" and "//".
    std::size_t checked = 0;
    for (int i = 0; i < 100'000 && checked < 20; ++i) {
        Bytes question = octets(shared("smp-vectors/ocsp/req-nonce-32.der"));
        random_bytes(std::span(question).last(32));
        const auto text = base64_encode(question);
        if (!has(text, "//") || !has(text, "+")) continue;
        ++checked;
        EXPECT_EQ(ocsp_question_in("/" + percent_encode(text)), question);
        EXPECT_EQ(ocsp_question_in("/" + text), question);
        EXPECT_EQ(ocsp_question_in("//" + text), question);
        auto merged = text;
        merged.replace(merged.find("//"), 2, "/");
        // Where it was lost can be told when it was the only one.
        if (std::count(merged.begin(), merged.end(), '/') == 1) EXPECT_EQ(ocsp_question_in("/" + merged), question) << text;
        auto bare = text;
        while (bare.ends_with('=')) bare.pop_back();
        EXPECT_EQ(ocsp_question_in("/" + bare), question);
    }
    EXPECT_GT(checked, 0U);
    for (const auto* bad : {"", "/", "/%", "/%zz", "/MEUw", "/////", "/AAAA"}) EXPECT_FALSE(ocsp_question_in(bad)) << bad;
    EXPECT_FALSE(ocsp_question_in("/" + std::string(20'000, '/')));
    EXPECT_FALSE(ocsp_question_in("/" + std::string(100'000, 'M')));
}

}  // namespace
}  // namespace budkavle::ca
