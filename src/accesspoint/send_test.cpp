/// Sending: submission over interface C, look-up, transmission over real TLS, retries, receipts (`access-point.md` 3,
/// 6).

#include <atomic>

#include "accesspoint/test_support.hpp"
#include "as4/names.hpp"
#include "crypto/digest.hpp"

namespace budkavle::accesspoint::test {
namespace {

using SendTest = World;

std::string id_of(const auto& answer) {
    return std::string(answer.object().at("as4MessageId").as_string());
}

TEST_F(SendTest, AMessageCrossesTwoAccessPoints) {  // AP-04, AP-17, AP-20, SEC-13
    start(1);
    start(2);
    const auto envelope = make_envelope();
    const auto submitted = submit(1, kStad, envelope);
    ASSERT_EQ(submitted.status, 202) << submitted.body;
    const auto id = id_of(submitted);
    const auto status = await_final(1, kStad, id);
    EXPECT_EQ(status.at("state").as_string(), "delivered");
    EXPECT_EQ(status.at("xheId").as_string(), envelope.id);
    EXPECT_EQ(status.at("attempts").as_int64(), 1);
    EXPECT_TRUE(status.at("cause").is_null());
    EXPECT_EQ(status.at("receiptSha256").as_string().size(), 64U);

    const auto messages = inbox(2, kRegion, 10);
    ASSERT_EQ(messages.size(), 1U);
    const auto& facts = messages[0].as_object();
    EXPECT_EQ(facts.at("as4MessageId").as_string(), id);
    EXPECT_EQ(facts.at("xheId").as_string(), envelope.id);
    EXPECT_EQ(facts.at("fromPartyId").as_string(), "AP0001-SDK-TEST");
    EXPECT_EQ(facts.at("toPartyId").as_string(), "AP0002-SDK-TEST");
    EXPECT_EQ(facts.at("originalSender").as_string(), kStad.text());
    EXPECT_EQ(facts.at("finalRecipient").as_string(), kRegion.text());
    EXPECT_EQ(facts.at("service").as_string(), federation::kProcess);
    EXPECT_EQ(facts.at("conversationId").as_string(), envelope.id) << "K1: default is the id of the envelope";
    EXPECT_EQ(facts.at("signerSha256").as_string(), keys().ap1.certificate().sha256_hex());
    EXPECT_EQ(facts.at("trace").as_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_EQ(facts.at("bytes").as_int64(), static_cast<std::int64_t>(envelope.octets.size()));

    const auto fetched = call(2, keys().mt2, "GET", path_of(kRegion, "inbox/" + percent_encode(id)));
    EXPECT_EQ(fetched.body, envelope.octets) << "not one octet may change";
    EXPECT_EQ(fetched.headers.get("X-As4-Message-Id"), id);
    EXPECT_EQ(call(2, keys().mt2, "POST", path_of(kRegion, "inbox/" + percent_encode(id) + "/ack")).status, 204);
    EXPECT_EQ(call(2, keys().mt2, "POST", path_of(kRegion, "inbox/" + percent_encode(id) + "/ack")).status, 204);
    EXPECT_EQ(call(2, keys().mt2, "GET", path_of(kRegion, "inbox/" + percent_encode(id))).status, 404);
    EXPECT_TRUE(inbox(2, kRegion).empty());
    EXPECT_EQ(blob_count(1), 0U);
    EXPECT_EQ(blob_count(2), 0U);
}

TEST_F(SendTest, BothSidesLogTheTransfer) {  // SEC-01, SEC-05, access-point.md 8
    start(1);
    start(2);
    const auto submitted = submit(1, kStad, make_envelope());
    const auto id = id_of(submitted);
    await_final(1, kStad, id);
    const auto sent = events(1, kStad, id);
    ASSERT_EQ(sent.size(), 3U);
    EXPECT_EQ(sent[0].at("event").as_string(), "as4.queued");
    EXPECT_EQ(sent[1].at("event").as_string(), "as4.sending");
    EXPECT_EQ(sent[2].at("event").as_string(), "as4.delivered");
    EXPECT_EQ(sent[2].at("ids").at("peerAp").as_string(), "AP0002-SDK-TEST");
    EXPECT_EQ(sent[2].at("certificateSha256").as_string(), keys().ap2.certificate().sha256_hex());
    EXPECT_GT(sent[2].at("signature").as_string().size(), 300U) << "of the receipt";
    EXPECT_EQ(sent[2].at("profile").as_string(), "digg-transport-as4-v1_0");
    const auto received = events(2, kRegion, id);
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0].at("event").as_string(), "as4.received");
    EXPECT_EQ(received[0].at("ids").at("peerAp").as_string(), "AP0001-SDK-TEST");
    EXPECT_EQ(received[0].at("certificateSha256").as_string(), keys().ap1.certificate().sha256_hex());
    EXPECT_GT(received[0].at("signature").as_string().size(), 300U) << "of the message";
    EXPECT_EQ(received[0].at("ids").at("trace").as_string(), "4bf92f3577b34da6a3ce929d0e0e4736") << "SEC-13";
    for (const int ap : {1, 2}) {
        const auto lines = log_text(ap, "transfer");
        EXPECT_NE(lines.find(id), std::string::npos);
        EXPECT_NE(lines.find("\"environment\":\"example-test\""), std::string::npos);
    }
}

TEST_F(SendTest, TheReceiptIsEvidenceThatCanBeFetched) {  // SEC-05
    auto with = config(1);
    with.keep_wire_octets = true;
    start(1, with);
    start(2);
    const auto envelope = make_envelope();
    const auto id = id_of(submit(1, kStad, envelope));
    const auto status = await_final(1, kStad, envelope.id);
    EXPECT_EQ(status.at("as4MessageId").as_string(), id) << "the id of the envelope names it too";
    stop(1);
    start(1, with);
    const auto fetch = [&](const char* which) {
        return call(1, keys().mt1, "GET", path_of(kStad, "outbox/" + percent_encode(id) + "/" + which));
    };
    const auto answer = fetch("answer");
    EXPECT_EQ(status.at("receiptSha256").as_string(), hex_encode(crypto::sha256(as_bytes(answer.body))));
    const auto request = fetch("request");
    ASSERT_EQ(request.status, 200) << "kept over the restart";
    MemorySource source(request.body);
    const auto evidence = as4::evidence_of_request(source, *request.headers.get("X-As4-Content-Type"), root_);
    ASSERT_TRUE(evidence);
    const auto trust = keys().ap_ca.trust(crypto::Purpose::as4);
    const as4::ExpectedPeer peer{
        .trust = {.store = trust.get(), .crls = crls_.get(), .policy = {.at = system_clock().now()}},
        .certificate = keys().ap2.certificate()};
    EXPECT_EQ(
        as4::judge_answer(*evidence, 200, *answer.headers.get("X-As4-Content-Type"), as_bytes(answer.body), peer, root_)
            .verdict,
        as4::Verdict::accepted);
}

TEST_F(SendTest, NoContentInLogsOrStorage) {  // SEC-03, SEC-43, AP-35
    start(1);
    start(2);
    await_final(1, kStad, id_of(submit(1, kStad, make_envelope())));
    EXPECT_EQ(inbox(2, kRegion, 10).size(), 1U);
    stop(1);
    stop(2);
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
        if (!entry.is_regular_file()) continue;
        const auto octets = read_file(entry.path()).value();
        EXPECT_EQ(as_text(octets).find(kCanary), std::string_view::npos) << entry.path();
    }
}

TEST_F(SendTest, TwoParticipantsOfOneAccessPointStillGoOverTheWire) {
    start(1);
    const auto id = id_of(submit(1, kStad, make_envelope({.from = kStad, .to = kBy})));
    EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
    EXPECT_EQ(inbox(1, kBy, 10).size(), 1U);
    EXPECT_TRUE(inbox(1, kStad).empty());
}

TEST_F(SendTest, TheIdempotencyKeyMakesSubmissionRepeatable) {
    start(1);
    start(2);
    const auto envelope = make_envelope();
    const auto first = submit(1, kStad, envelope);
    EXPECT_EQ(first.status, 202);
    const auto again = submit(1, kStad, envelope);
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(id_of(again), id_of(first));
    const auto other = make_envelope({.id = envelope.id, .padding = 3});
    EXPECT_EQ(submit(1, kStad, other).status, 409);
    const auto resubmitted = submit(1, kStad, envelope, envelope.id + ":1");
    EXPECT_EQ(resubmitted.status, 202);
    EXPECT_NE(id_of(resubmitted), id_of(first)) << "a resubmission is a new AS4 message";
}

TEST_F(SendTest, SubmissionIsRefusedWithItsReason) {  // AP-31, AP-20, XHE-01, XHE-02
    auto with = config(1);
    with.participants[1].approved = false;
    with.max_message = 100'000;
    start(1, with);
    const auto code = [](const Answer& answer) { return std::string(answer.object().at("code").as_string()); };

    const auto others = submit(1, kBy, make_envelope({.from = kStad}));
    EXPECT_EQ(others.status, 403);
    EXPECT_EQ(code(others), "outbox.forbidden_sender");
    const auto unapproved = submit(1, kBy, make_envelope({.from = kBy}));
    EXPECT_EQ(unapproved.status, 403);
    EXPECT_EQ(code(unapproved), "outbox.forbidden_not_approved");
    const auto foreign = submit(1, kStad, make_envelope({.federation_id = "urn:fdc:example:federation:other"}));
    EXPECT_EQ(foreign.status, 400);
    EXPECT_EQ(code(foreign), "outbox.federation");
    const auto key = submit(1, kStad, make_envelope(), new_uuid() + ":0");
    EXPECT_EQ(key.status, 400);
    EXPECT_EQ(code(key), "outbox.key");

    auto broken = make_envelope();
    broken.octets.replace(broken.octets.find("1.0</"), 3, "9.9");
    const auto findings = submit(1, kStad, broken);
    EXPECT_EQ(findings.status, 400);
    EXPECT_EQ(code(findings), "outbox.envelope");
    EXPECT_EQ(findings.object().at("findings").as_array().at(0).at("rule").as_string(), "R9-XHE");

    auto hostile = make_envelope();
    hostile.octets = "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>" + hostile.octets;
    EXPECT_EQ(submit(1, kStad, hostile).status, 400);
    EXPECT_EQ(submit(1, kStad, make_envelope({.padding = 200'000})).status, 413);
    EXPECT_EQ(blob_count(1), 0U) << "nothing of a refused submission stays";
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM outgoing"), 0);
}

TEST_F(SendTest, AnUnreachableAccessPointIsTriedBySchedule) {  // A3/A4, SEC-93
    start(1);
    start(2);
    stop(2);
    const auto id = id_of(submit(1, kStad, make_envelope()));
    const auto status = await_final(1, kStad, id);
    EXPECT_EQ(status.at("state").as_string(), "failed");
    EXPECT_EQ(status.at("attempts").as_int64(), 4);
    EXPECT_EQ(status.at("cause").at("code").as_string(), "http.connect");
    EXPECT_EQ(events(1, kStad, id).size(), 1U + 4U + 4U)
        << "queued; four times sending; three times failed, once given up";
}

TEST_F(SendTest, ThePeerComesBackInTime) {  // SEC-93
    auto with = config(1);
    with.send_retries = {50, std::chrono::seconds(5)};
    start(1, with);
    start(2);
    stop(2);
    const auto id = id_of(submit(1, kStad, make_envelope()));
    while (events(1, kStad, id).size() < 3) std::this_thread::yield();
    start(2);
    EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
    EXPECT_EQ(inbox(2, kRegion).size(), 1U);
}

TEST_F(SendTest, AnUnknownReceiverIsFinalAndAnUnreachableRegisterIsNot) {  // access-point.md 3 step 4
    start(1);
    const auto nobody = federation::ParticipantId::parse("0203:okand.example.se").value();
    const auto failed = await_final(1, kStad, id_of(submit(1, kStad, make_envelope({.to = nobody}))));
    EXPECT_EQ(failed.at("state").as_string(), "failed");
    EXPECT_EQ(failed.at("cause").at("code").as_string(), "smp.not_registered");
    EXPECT_EQ(failed.at("attempts").as_int64(), 0);

    start(2);
    {
        const std::lock_guard lock(registry_lock_);
        lookup_error_ = Error{"smp.unreachable", {}, {}, "The SMP does not answer.", {}, Retry::later};
    }
    const auto id = id_of(submit(1, kStad, make_envelope()));
    while (events(1, kStad, id).size() < 3) std::this_thread::yield();
    {
        const std::lock_guard lock(registry_lock_);
        lookup_error_.reset();
    }
    EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
}

TEST_F(SendTest, ACertificateThatWaitsForItsFirstDayIsHeldNotFinal) {  // access-point.md 3 step 5
    start(1);
    start(2);
    {
        const std::lock_guard lock(registry_lock_);
        lookup_error_ = Error{"trust.not_yet_valid", {}, {}, "Not valid yet.", {}, Retry::never};
    }
    const auto id = id_of(submit(1, kStad, make_envelope()));
    while (events(1, kStad, id).size() < 3) std::this_thread::yield();
    {
        const std::lock_guard lock(registry_lock_);
        lookup_error_.reset();
    }
    EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
}

TEST_F(SendTest, AWrongOrRevokedPeerCertificateIsNeverSentTo) {  // AP-14, AP-15
    start(1);
    start(2);
    register_participant(kRegion, "ap2.example.se", ap(2).port_a(), keys().stranger.certificate());
    auto failed = await_final(1, kStad, id_of(submit(1, kStad, make_envelope())));
    EXPECT_EQ(failed.at("cause").at("code").as_string(), "trust.untrusted");
    EXPECT_EQ(failed.at("attempts").as_int64(), 0);

    register_participant(kRegion, "ap2.example.se", ap(2).port_a(), keys().ap2.certificate());
    keys().ap_ca.publish(*crls_, {keys().ap2.certificate()});
    failed = await_final(1, kStad, id_of(submit(1, kStad, make_envelope())));
    EXPECT_EQ(failed.at("cause").at("code").as_string(), "trust.revoked");
    EXPECT_TRUE(inbox(2, kRegion).empty());
}

TEST_F(SendTest, APortThatThisEnvironmentDoesNotUseIsNeverSentTo) {  // AP-10: 443 alone in the SDK federation
    auto with = config(1);
    with.environment.peer_ports = AccessPointConfig{}.environment.peer_ports;
    start(1, std::move(with));
    start(2);
    const auto failed = await_final(1, kStad, id_of(submit(1, kStad, make_envelope())));
    EXPECT_EQ(failed.at("state").as_string(), "failed");
    EXPECT_EQ(failed.at("cause").at("code").as_string(), "http.port_refused");
    EXPECT_TRUE(inbox(2, kRegion).empty());
}

TEST_F(SendTest, ARefusalOfThePeerIsFinal) {  // access-point.md 6
    start(1);
    auto without = config(2);
    without.participants[0].documents = {std::string(federation::kReceiptDocument)};
    start(2, without);
    const auto failed = await_final(1, kStad, id_of(submit(1, kStad, make_envelope())));
    EXPECT_EQ(failed.at("state").as_string(), "failed");
    EXPECT_EQ(failed.at("attempts").as_int64(), 1);
    EXPECT_EQ(failed.at("cause").at("code").as_string(), "EBMS:0004");
    EXPECT_EQ(failed.at("cause").at("text").as_string(), "NOT_SERVICED");
}

net::Response duplicate_error() {
    net::Response response;
    response.headers.set("Content-Type", std::string(as4::kSoapContentType));
    response.body =
        R"(<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Header><eb:Messaging S:mustUnderstand="true" )"
        R"(xmlns:eb="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"><eb:SignalMessage><eb:MessageInfo>)"
        R"(<eb:Timestamp>2026-03-02T09:15:03.900Z</eb:Timestamp><eb:MessageId>e1@peer.example.se</eb:MessageId></eb:MessageInfo>)"
        R"(<eb:Error errorCode="EBMS:4001" severity="failure" shortDescription="DuplicateDetected" origin="ebMS"/>)"
        R"(</eb:SignalMessage></eb:Messaging></S:Header><S:Body/></S:Envelope>)";
    return response;
}

TEST_F(SendTest, ADuplicateErrorOnARetryIsNoFailureButNoEvidenceEither) {  // access-point.md 6, as4-wire.md 0.10
    start(1);
    StubPeer peer(crls_, [](int n) {
        if (n > 1) return duplicate_error();
        net::Response lost;
        lost.status = 502;
        return lost;
    });
    register_participant(kRegion, "ap2.example.se", peer.port(), keys().ap2.certificate());
    const auto id = id_of(submit(1, kStad, make_envelope()));
    const auto status = await_final(1, kStad, id);
    EXPECT_EQ(status.at("state").as_string(), "failed");
    EXPECT_EQ(status.at("cause").at("code").as_string(), "as4.no_evidence");
    EXPECT_EQ(status.at("attempts").as_int64(), 2);
    ASSERT_EQ(peer.bodies.size(), 2U);
    EXPECT_EQ(peer.bodies[0], peer.bodies[1]) << "retries send the same octets with the same MessageId";
}

TEST_F(SendTest, ADuplicateErrorAfterACutAttemptIsNoFailureEither) {  // the attempt that was cut may have arrived
    auto with = config(1);
    with.stop_grace = milliseconds(50);
    start(1, with);
    // The peer's handler may outlive this body.
    const auto go_on = std::make_shared<std::atomic<bool>>(false);
    std::atomic<int> calls = 0;
    StubPeer peer(crls_, [&, go_on](int n) {
        ++calls;
        while (n == 1 && !*go_on) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return duplicate_error();
    });
    register_participant(kRegion, "ap2.example.se", peer.port(), keys().ap2.certificate());
    const auto id = id_of(submit(1, kStad, make_envelope()));
    while (calls == 0) std::this_thread::yield();
    stop(1);
    *go_on = true;
    start(1, with);
    EXPECT_EQ(await_final(1, kStad, id).at("cause").at("code").as_string(), "as4.no_evidence");
}

TEST_F(SendTest, AStorageThatCannotBeReadIsNoAttempt) {  // access-point 6: nothing was sent
    start(1);
    const auto blobs = folder(1) / "blobs";
    const auto set_aside = [&](bool aside) {
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator(blobs))
            if (entry.path().extension() == (aside ? ".blob" : ".aside")) files.push_back(entry.path());
        for (const auto& file : files) {
            auto other = file;
            other.replace_extension(aside ? ".aside" : ".blob");
            if (!aside) fs::remove(other);
            fs::rename(file, other);
            if (aside) fs::create_directory(file);  // there, and cannot be read
        }
        return files.size();
    };
    std::size_t hidden = 0;
    StubPeer peer(crls_, [&](int) {
        hidden = set_aside(true);
        register_participant(kRegion, "ap2.example.se", ap(2).port_a(), keys().ap2.certificate());
        return net::json_response(502, "{}");
    });
    start(2);
    register_participant(kRegion, "ap2.example.se", peer.port(), keys().ap2.certificate());
    const auto id = id_of(submit(1, kStad, make_envelope({.padding = 200'000})));
    for (int i = 0; i < 600 && log_text(1, "technical").find("sender.failed") == std::string::npos; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(hidden, 2U);
    EXPECT_EQ(set_aside(false), 2U);
    const auto status = await_final(1, kStad, id);
    EXPECT_EQ(status.at("state").as_string(), "delivered");
    EXPECT_EQ(status.at("attempts").as_int64(), 2);
}

TEST_F(SendTest, ADeliveredMessageTellsNoCauseOfEarlierAttempts) {  // access-point.md 10: failed (cause)
    start(1);
    StubPeer peer(crls_, [&](int) {
        register_participant(kRegion, "ap2.example.se", ap(2).port_a(), keys().ap2.certificate());
        return net::json_response(502, "{}");
    });
    start(2);
    register_participant(kRegion, "ap2.example.se", peer.port(), keys().ap2.certificate());
    const auto status = await_final(1, kStad, id_of(submit(1, kStad, make_envelope())));
    EXPECT_EQ(status.at("state").as_string(), "delivered");
    EXPECT_EQ(status.at("attempts").as_int64(), 2);
    EXPECT_TRUE(status.at("cause").is_null()) << boost::json::serialize(status);
}

TEST_F(SendTest, AnAnswerWithoutEvidenceIsTriedAgain) {  // AP-17
    start(1);
    StubPeer peer(crls_, [](int) { return net::json_response(200, "{}"); });
    register_participant(kRegion, "ap2.example.se", peer.port(), keys().ap2.certificate());
    const auto status = await_final(1, kStad, id_of(submit(1, kStad, make_envelope())));
    EXPECT_EQ(status.at("state").as_string(), "failed");
    EXPECT_EQ(status.at("attempts").as_int64(), 4);
    EXPECT_EQ(peer.bodies.size(), 4U);
}

TEST_F(SendTest, WorkGoesOnAfterARestart) {  // SEC-93, SEC-102
    auto patient = config(1);
    patient.send_retries = {4, std::chrono::hours(1)};
    start(1, patient);
    start(2);
    stop(2);
    const auto id = id_of(submit(1, kStad, make_envelope()));
    while (events(1, kStad, id).size() < 3) std::this_thread::yield();
    stop(1);
    start(2);
    clock_.forward(std::chrono::hours(1));
    start(1, patient);
    EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
    EXPECT_EQ(inbox(2, kRegion).size(), 1U);

    stop(1);
    start(1, patient);
    EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
    EXPECT_EQ(inbox(2, kRegion).size(), 1U) << "a restart sends nothing twice";
}

}  // namespace
}  // namespace budkavle::accesspoint::test
