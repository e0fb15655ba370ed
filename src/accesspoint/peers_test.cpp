/// Receiving: what a peer must learn whatever it sends, and what nobody must be told (`access-point.md` 4–6).

#include <thread>

#include "accesspoint/evidence_package.hpp"
#include "accesspoint/test_support.hpp"
#include "accesspoint/wire_head.hpp"

namespace budkavle::accesspoint::test {
namespace {

TestEnvelope to_stad(std::size_t padding = 0) {
    return make_envelope({.from = kRegion, .to = kStad, .padding = padding});
}

/// Gives the octets, and before the last ones does something.
class EventfulSource final : public Source {
public:
    EventfulSource(std::string_view octets, std::function<Result<>()> event) : octets_(octets), event_(std::move(event)) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        constexpr std::size_t kLast = 300'000;
        if (octets_.size() > kLast) into = into.first(std::min(into.size(), octets_.size() - kLast));
        if (octets_.size() == kLast) BUDKAVLE_CHECK(event_());
        const auto n = std::min(into.size(), octets_.size());
        std::copy_n(octets_.begin(), n, into.begin());
        octets_.remove_prefix(n);
        return n;
    }

private:
    std::string_view octets_;
    std::function<Result<>()> event_;
};

class PeersTest : public World {
protected:
    /// Sends a large request, with something before its last octets; an error of that drops the connection.
    Result<net::ClientResponse> send_with(const Request& request, std::function<Result<>()> event) {
        net::ClientOptions options;
        options.tls = {
            .server_trust = keys().tls_ca.trust(crypto::Purpose::tls_server), .crls = crls_, .identity = keys().tls2};
        options.resolve = [](const std::string&) -> Result<std::vector<std::string>> {
            return std::vector<std::string>{"127.0.0.1"};
        };
        options.guard = net::AddressGuard::from_ranges({"127.0.0.0/8"}).value();
        EventfulSource source(request.body, std::move(event));
        net::ClientRequest r;
        r.method = "POST";
        r.url = "https://ap1.example.se:" + std::to_string(ap(1).port_a()) + "/as4";
        r.headers.set("Content-Type", request.sealed.content_type);
        if (!encoding_.empty()) r.headers.set("Content-Encoding", encoding_);
        r.body = &source;
        r.body_length = request.body.size();
        return net::Client::create(std::move(options))->send(r);
    }
    std::string encoding_;
    void await_log(const std::string& stream, std::string_view what) {
        for (int i = 0; i < 200 && log_text(1, stream).find(what) == std::string::npos; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        EXPECT_NE(log_text(1, stream).find(what), std::string::npos) << what;
    }
};

TEST_F(PeersTest, ARefusedUploadIsReadToItsEndSoThatTheSenderLearnsWhy) {  // as4-wire 1.7, access-point 6: permanent
    start(1);
    const auto nobody = federation::ParticipantId::parse("0203:okand.example.se").value();
    auto request = make_request(to_stad().octets, {.to = nobody});
    // Known by its header to be refused; far more follows than what a closed connection swallows.
    request.body += std::string(std::size_t{90} << 20, 'x');
    const auto judged = judge(request, post(request));
    EXPECT_EQ(judged.verdict, as4::Verdict::refused);
    EXPECT_EQ(judged.detail, "NOT_SERVICED");
    EXPECT_EQ(judged.retry, Retry::never);
}

TEST_F(PeersTest, AnEncodedBodyIsNotTaken) {  // as4-wire 1.1; RFC 9110 15.5.16
    start(1);
    const auto request = make_request(to_stad().octets, {});
    const auto nothing = []() -> Result<> { return {}; };
    encoding_ = "gzip";
    const auto refused = send_with(request, nothing);
    ASSERT_TRUE(refused) << refused.error().describe();
    EXPECT_EQ(refused->status, 415);
    EXPECT_EQ(refused->headers.get("Accept-Encoding"), "identity");
    encoding_ = "Identity";
    const auto taken = send_with(request, nothing);
    ASSERT_TRUE(taken) << taken.error().describe();
    EXPECT_EQ(taken->status, 200);
}

TEST_F(PeersTest, AConnectionThatBreaksWithinTheBodyIsNoRefusal) {  // access-point 6: the sender comes again
    start(1);
    const auto request = make_request(to_stad(600'000).octets, {});
    const auto sent = send_with(request, [] { return Result<>(fail("test.broken", "The sender is gone.")); });
    EXPECT_EQ(sent.error().code, "test.broken");
    await_log("technical", "as4.interrupted");
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM event"), 0) << "its participant must not be told of a damaged message";
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM refused"), 0);
    EXPECT_EQ(log_text(1, "transfer").find("as4.refused"), std::string::npos);
    EXPECT_EQ(blob_count(1), 0U);
    EXPECT_EQ(judge(request, post(request)).verdict, as4::Verdict::accepted);
    // The same octets in a whole request are a damaged message (TA31).
    auto damaged = make_request(to_stad(600'000).octets, {});
    damaged.body.resize(300'000);
    EXPECT_EQ(judge(damaged, post(damaged)).code, "EBMS:0007");
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM event WHERE event = 'as4.refused'"), 1);
}

TEST_F(PeersTest, AP8_ReceivedIsWhenTheWholeMessageWasThere) {  // access-point 8: time received
    start(1);
    const auto before = clock_.now();
    const auto request = make_request(to_stad(600'000).octets, {});
    const auto answer = send_with(request, [&] {
        clock_.forward(std::chrono::minutes(9));  // a slow upload
        return Result<>();
    });
    ASSERT_TRUE(answer) << answer.error().describe();
    const auto judged = judge(request, {answer->status, std::string(as_text(answer->body)), answer->headers});
    EXPECT_EQ(judged.verdict, as4::Verdict::accepted);
    EXPECT_GE(parse_time(judged.signed_at).value(), before + std::chrono::minutes(9)) << "no receipt before the receipt";
    const auto waiting = inbox(1, kStad);
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_GE(parse_time(waiting[0].at("received").as_string()).value(), before + std::chrono::minutes(9));
}

TEST_F(PeersTest, AP30_ACopyThatNamesAnotherRecipientIsNoCopy) {  // access-point 4 check 8
    start(1);
    const auto envelope = to_stad();
    const auto first = make_request(envelope.octets, {});
    EXPECT_EQ(judge(first, post(first)).verdict, as4::Verdict::accepted);
    const auto other = make_request(envelope.octets, {.to = kBy, .message_id = first.sealed.evidence.message_id});
    const auto judged = judge(other, post(other));
    EXPECT_EQ(judged.verdict, as4::Verdict::refused) << "a receipt would vouch for a delivery that never was";
    EXPECT_EQ(judged.code, "EBMS:0004");
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM event WHERE event = 'as4.duplicate'"), 0);
    EXPECT_TRUE(inbox(1, kBy).empty());
    // Built anew with the same recipient it is one.
    const auto rebuilt = make_request(envelope.octets, {.message_id = first.sealed.evidence.message_id});
    EXPECT_EQ(judge(rebuilt, post(rebuilt)).verdict, as4::Verdict::accepted);
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
}

TEST_F(PeersTest, B142_AnyDocumentTypeIsCarried) {  // access-point 10: content-agnostic
    const std::string document = "urn:example:permit:1::permit##1.0::tm-base";
    auto with = config(1);
    with.participants.front().documents.push_back(document);
    start(1, with);
    const auto envelope = make_envelope({.from = kRegion, .to = kStad, .document = document});
    const auto request = make_request(envelope.octets, {.document = document});
    EXPECT_EQ(judge(request, post(request)).verdict, as4::Verdict::accepted);
    // Another participant does not take it.
    const auto to_by = make_envelope({.from = kRegion, .to = kBy, .document = document});
    const auto refused = make_request(to_by.octets, {.to = kBy, .document = document});
    EXPECT_EQ(judge(refused, post(refused)).detail, "NOT_SERVICED");
    // One without a transport model: the sender is looked up for the type itself.
    const std::string plain = "urn:example:notice:1::notice##1.0";
    with.participants.front().documents.push_back(plain);
    ASSERT_TRUE(ap(1).reload(with));
    const auto notice = make_request(make_envelope({.from = kRegion, .to = kStad, .document = plain}).octets,
                                     {.document = plain});
    EXPECT_EQ(judge(notice, post(notice)).verdict, as4::Verdict::accepted);
}

TEST_F(PeersTest, SEC05_EvidenceIsKeptWhereverTheRootPartStands) {  // as4-wire 1.2: start
    const std::string head = "--b\r\nContent-ID: <p>\r\n\r\npayload\r\n--b\r\nContent-ID: <r>\r\n\r\n<soap/>\r\n--b--\r\n";
    EXPECT_EQ(soap_part(as_bytes(head), "multipart/related; boundary=b; start=\"<r>\""), "<soap/>");
    EXPECT_EQ(soap_part(as_bytes(head), "multipart/related; boundary=b"), "payload");
    EXPECT_EQ(soap_part(as_bytes(head), "multipart/related; boundary=b; start=\"<x>\""), std::nullopt);
}

/// The certificate changes (AP-19, SEC-122): every signature of ours is made with the key that the other side knows.
class RolloverTest : public PeersTest {
protected:
    AccessPointConfig taken_over() const {
        auto both = config(1);
        both.next_as4 = {{.identity = keys().ap1_next, .sign_from = clock_.now() - std::chrono::hours(1)}};
        return both;
    }
    void with_operator(AccessPointConfig& c, int number) {
        c.o = interface_o(number);
        c.o->operators[keys().mt2.certificate().sha256_hex()] = {.name = "bo.berg", .monitor = false};
    }
    std::string delivered(int number, const federation::ParticipantId& from, const TestEnvelope& envelope) {
        const auto id = std::string(submit(number, from, envelope).object().at("as4MessageId").as_string());
        EXPECT_EQ(await_final(number, from, id).at("state").as_string(), "delivered");
        return id;
    }
    PackageVerdict package(int number, const std::string& id) {
        const auto answer = call_o(number, keys().mt2, "GET", "messages/" + percent_encode(id) + "/evidence");
        EXPECT_EQ(answer.status, 200) << answer.body;
        return verify_package(to_bytes(answer.body), *keys().ap_ca.trust(crypto::Purpose::as4),
                              fs::temp_directory_path());
    }
};

TEST_F(RolloverTest, AP19_ErrorsAreSignedWithTheKeyThatTheSenderKnows) {
    for (const bool next : {false, true}) {
        auto with = taken_over();
        if (!next) with.next_as4.front().sign_from = clock_.now() + std::chrono::hours(1);
        with.participants.front().approved = false;
        start(1, with);
        start(2);
        const auto& known = next ? keys().ap1_next : keys().ap1;
        register_participant(kStad, "ap1.example.se", ap(1).port_a(), known.certificate());
        const auto id = std::string(submit(2, kRegion, to_stad()).object().at("as4MessageId").as_string());
        const auto failed = await_final(2, kRegion, id);
        EXPECT_EQ(failed.at("cause").at("code").as_string(), "EBMS:0004") << next;
        EXPECT_EQ(failed.at("attempts").as_int64(), 1) << "the answer is believed at once";
        stop(1);
        stop(2);
    }
}

TEST_F(RolloverTest, SEC05_EvidenceNamesTheCertificateThatSigned) {
    auto first = taken_over();
    auto second = config(2);
    with_operator(first, 1);
    with_operator(second, 2);
    start(1, first);
    start(2, second);
    const auto sent = delivered(1, kStad, make_envelope());
    register_participant(kStad, "ap1.example.se", ap(1).port_a(), keys().ap1_next.certificate());
    const auto received = delivered(2, kRegion, to_stad());
    for (const auto& id : {sent, received}) {
        for (const int number : {1, 2}) {
            const auto verdict = package(number, id);
            EXPECT_TRUE(verdict.good) << number << " " << (verdict.steps.empty() ? "" : verdict.steps.back().detail);
        }
    }
}

TEST_F(RolloverTest, AP19_WhatAKeySignedThatIsNoLongerOursIsSealedAnew) {  // access-point 6: retries
    start(1);
    StubPeer peer(crls_, [](int) { return net::json_response(502, "{}"); });
    register_participant(kRegion, "ap2.example.se", peer.port(), keys().ap2.certificate());
    (void)submit(1, kStad, make_envelope());
    const auto signers = [&](std::size_t wanted) {
        for (int i = 0; i < 600 && peer.bodies.size() < wanted; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        std::vector<std::string> all;
        for (std::size_t i = 0; i < std::min(wanted, peer.bodies.size()); ++i) {
            const auto soap = soap_part(as_bytes(peer.bodies[i]), peer.types[i]).value_or("");
            const auto signer = read_claims(soap).signer;
            all.push_back(signer ? signer->sha256_hex() : "");
        }
        return all;
    };
    const auto before = keys().ap1.certificate().sha256_hex();
    EXPECT_EQ(signers(1), std::vector{before});
    stop(1);
    const auto sent = peer.bodies.size();
    auto replaced = config(1);
    replaced.as4 = keys().ap1_next;
    start(1, replaced);
    const auto all = signers(sent + 1);
    ASSERT_EQ(all.size(), sent + 1);
    EXPECT_EQ(all.front(), before);
    EXPECT_EQ(all.back(), keys().ap1_next.certificate().sha256_hex());
}

TEST_F(RolloverTest, AP19_PingsAreSignedLikeMessages) {
    auto first = taken_over();
    with_operator(first, 1);
    start(1, first);
    start(2);
    const auto answer = call_o(1, keys().mt2, "POST", "connection-tests", R"({"participant":"0203:region.example.se"})");
    EXPECT_TRUE(answer.object().at("reachable").as_bool()) << answer.body;
    EXPECT_EQ(count(2, "SELECT COUNT(*) FROM event WHERE event = 'as4.ping' AND facts LIKE '%" +
                           keys().ap1_next.certificate().sha256_hex() + "%'"),
              1);
}

}  // namespace
}  // namespace budkavle::accesspoint::test
