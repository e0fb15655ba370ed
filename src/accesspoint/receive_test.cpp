/// Receiving over real TLS: checks in order, durable storage before the receipt, duplicates (`access-point.md` 4–6).


#include <set>
#include <thread>

#include "accesspoint/test_support.hpp"

namespace budkavle::accesspoint::test {
namespace {

class ReceiveTest : public World {
protected:
    void SetUp() override {
        World::SetUp();
        start(1);
    }
    static TestEnvelope to_stad(std::size_t padding = 0) {
        return make_envelope({.from = kRegion, .to = kStad, .padding = padding});
    }
    /// Refused with this code and detail, signed by us, and nothing stays.
    void expect_refused(const Request& request, std::string_view code, std::string_view detail) {
        const auto judged = judge(request, post(request));
        EXPECT_EQ(judged.verdict, as4::Verdict::refused);
        EXPECT_EQ(judged.code, code);
        if (!detail.empty()) EXPECT_EQ(judged.detail, detail);
        EXPECT_TRUE(judged.authentic) << "errors are signed";
        EXPECT_TRUE(inbox(1, kStad).empty());
        EXPECT_EQ(blob_count(1), 0U) << "envelope and payload are deleted";
    }
};

TEST_F(ReceiveTest, AReceiptMeansThatTheMessageIsStored) {
    const auto envelope = to_stad();
    const auto request = make_request(envelope.octets, {});
    const auto answer = post(request);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(judge(request, answer).verdict, as4::Verdict::accepted);
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM received"), 1);
}

TEST_F(ReceiveTest, EightCopiesAtOnceAreDeliveredOnce) {  // access-point.md 6
    const auto request = make_request(to_stad().octets, {});
    std::vector<std::thread> threads;
    std::vector<Answer> answers(8);
    for (auto& answer : answers) threads.emplace_back([&] { answer = post(request); });
    for (auto& thread : threads) thread.join();
    std::set<std::string> receipts;
    for (const auto& answer : answers) {
        EXPECT_EQ(judge(request, answer).verdict, as4::Verdict::accepted);
        receipts.insert(answer.body);
    }
    EXPECT_EQ(receipts.size(), 1U) << "the stored receipt, octet by octet";
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM event WHERE event = 'as4.received'"), 1);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM event WHERE event = 'as4.duplicate'"), 7);
    EXPECT_EQ(blob_count(1), 1U);
}

TEST_F(ReceiveTest, ARebuiltCopyGetsAReceiptForItsOwnDigests) {  // as4-wire.md 1.7
    const auto envelope = to_stad();
    const auto first = make_request(envelope.octets, {});
    const auto first_answer = post(first);
    const auto rebuilt = make_request(envelope.octets, {.message_id = first.sealed.evidence.message_id});
    const auto answer = post(rebuilt);
    EXPECT_EQ(judge(rebuilt, answer).verdict, as4::Verdict::accepted);
    EXPECT_EQ(judge(rebuilt, first_answer).verdict, as4::Verdict::error) << "the first receipt would be no evidence";
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
    EXPECT_EQ(blob_count(1), 1U);
}

TEST_F(ReceiveTest, AReusedMessageIdNeverYieldsAnothersReceipt) {  // access-point.md 6
    const auto first = make_request(to_stad().octets, {});
    post(first);
    const auto id = first.sealed.evidence.message_id;
    for (const auto& request : {make_request(to_stad().octets, {.message_id = id}),
                                make_request(to_stad().octets, {.message_id = id}, keys().ap3)}) {
        const auto judged = judge(request, post(request));
        EXPECT_EQ(judged.verdict, as4::Verdict::refused);
        EXPECT_EQ(judged.code, "EBMS:0003");
    }
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
    EXPECT_NE(log_text(1, "audit").find("as4.duplicate_conflict"), std::string::npos) << "alarm";
}

TEST_F(ReceiveTest, DuplicatesAreRememberedAcrossRestartsAndAcknowledgement) {  // SEC-102
    const auto request = make_request(to_stad().octets, {});
    const auto answer = post(request);
    const auto id = percent_encode(request.sealed.evidence.message_id);
    EXPECT_EQ(call(1, keys().mt1, "POST", path_of(kStad, "inbox/" + id + "/ack")).status, 204);
    stop(1);
    start(1);
    EXPECT_EQ(post(request).body, answer.body);
    EXPECT_TRUE(inbox(1, kStad).empty());
}

TEST_F(ReceiveTest, AnUnfetchedMessageSurvivesARestart) {
    const auto envelope = to_stad();
    const auto request = make_request(envelope.octets, {});
    post(request);
    stop(1);
    start(1);
    ASSERT_EQ(inbox(1, kStad).size(), 1U);
    EXPECT_EQ(
        call(1, keys().mt1, "GET", path_of(kStad, "inbox/" + percent_encode(request.sealed.evidence.message_id))).body,
        envelope.octets);
}

TEST_F(ReceiveTest, StartUpRemovesBlobsThatNoRowNames) {
    post(make_request(to_stad().octets, {}));
    stop(1);
    const auto key = store::load_or_create_key(root_ / "ap1.key").value();
    {
        const auto blobs = store::BlobStore::open(folder(1) / "blobs", key).value();
        const auto orphan = blobs->create().value();
        ASSERT_TRUE(orphan->write(as_bytes("left by a crash")));
        ASSERT_TRUE(orphan->commit());
    }
    EXPECT_EQ(blob_count(1), 2U);
    start(1);
    EXPECT_EQ(blob_count(1), 1U);
}

TEST_F(ReceiveTest, PingIsAnsweredAndNotDelivered) {  // TA16, TA17
    const auto& profile = *federation::find_transport_profile("digg-transport-as4-v1_0");
    MemorySink body(1 << 20);
    const auto message = as4::make_ping("ping-1@peer.example.se", system_clock().now(), profile,
                                        keys().ap2.certificate(), keys().ap1.certificate());
    auto sealed = as4::seal(message, {}, keys().ap2, keys().ap1.certificate(), fs::temp_directory_path(), body);
    ASSERT_TRUE(sealed) << sealed.error().describe();
    const Request request{std::string(as_text(body.bytes())), *sealed};
    EXPECT_EQ(judge(request, post(request)).verdict, as4::Verdict::accepted);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM incoming"), 0);
    EXPECT_EQ(blob_count(1), 0U);
}

TEST_F(ReceiveTest, NotServiced) {  // access-point.md 4 check 6
    expect_refused(make_request(make_envelope({.from = kRegion, .to = kRegion}).octets, {.to = kRegion}), "EBMS:0004",
                   "NOT_SERVICED");
    EXPECT_NE(log_text(1, "transfer").find("as4.not_serviced"), std::string::npos) << "logged with cause";
}

TEST_F(ReceiveTest, NonConformantEnvelope) {  // TF-09, access-point.md 5
    auto envelope = to_stad();
    envelope.octets.replace(envelope.octets.find("1.0</"), 3, "9.9");
    expect_refused(make_request(envelope.octets, {}), "EBMS:0004", "XHE_NOT_CONFORMANT");
    expect_refused(make_request("<not-even/>", {}), "EBMS:0004", "XHE_NOT_CONFORMANT");
    expect_refused(make_request("", {}), "EBMS:0004", "XHE_NOT_CONFORMANT");
    EXPECT_NE(log_text(1, "transfer").find("R9-XHE"), std::string::npos) << "with the reason that shows why";
}

TEST_F(ReceiveTest, HeaderAndEnvelopeDisagree) {  // K23, C3.4.6 3.1.6
    expect_refused(make_request(make_envelope({.from = kRegion, .to = kBy}).octets, {}), "EBMS:0004", "NOT_SERVICED");
    expect_refused(make_request(make_envelope({.from = kBy, .to = kStad}).octets, {}), "EBMS:0004", "NOT_SERVICED");
    expect_refused(make_request(to_stad().octets, {.document = std::string(federation::kReceiptDocument)}), "EBMS:0004",
                   "NOT_SERVICED");
    EXPECT_NE(log_text(1, "transfer").find("as4.mismatch"), std::string::npos);
}

TEST_F(ReceiveTest, OtherFederationOrUnapprovedParticipant) {  // access-point.md 4 check 9, SEC-35
    expect_refused(
        make_request(
            make_envelope({.from = kRegion, .to = kStad, .federation_id = std::string(federation::kFederationSdk)})
                .octets,
            {}),
        "EBMS:0004", "NOT_SERVICED");
    stop(1);
    auto with = config(1);
    with.participants[0].approved = false;
    start(1, with);
    expect_refused(make_request(to_stad().octets, {}), "EBMS:0004", "NOT_SERVICED");
}

TEST_F(ReceiveTest, StrangersAndRevokedSignersAreRefused) {  // AP-14, AP-15
    expect_refused(make_request(to_stad().octets, {}, keys().stranger), "EBMS:0101", "");
    keys().ap_ca.publish(*crls_, {keys().ap2.certificate()});
    expect_refused(make_request(to_stad().octets, {}), "EBMS:0101", "");
    EXPECT_NE(log_text(1, "audit").find("as4.refused"), std::string::npos) << "SEC-10";
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM event"), 0) << "what nobody vouches for does not fill the database";
}

TEST_F(ReceiveTest, WithoutRevocationDataTheSenderIsAskedToComeBack) {  // AP-18
    stop(1);
    crls_ = std::make_shared<crypto::CrlStore>();
    keys().tls_ca.publish(*crls_);
    start(1);
    const auto answer = post(make_request(to_stad().octets, {}));
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.headers.get("Retry-After"));
    EXPECT_TRUE(inbox(1, kStad).empty());
}

TEST_F(ReceiveTest, WhatCannotBeStoredIsNotReceipted) {
    const auto request = make_request(to_stad().octets, {});
    const auto away = root_ / "away";
    fs::rename(folder(1) / "blobs", away);
    const auto no_blobs = post(make_request(to_stad(100'000).octets, {}));  // too large for the database
    EXPECT_EQ(no_blobs.status, 503);
    EXPECT_TRUE(no_blobs.headers.get("Retry-After"));
    EXPECT_TRUE(no_blobs.body.empty());
    fs::rename(away, folder(1) / "blobs");

    // The database refuses: the table of the duplicate memory has gone.
    change(1, "ALTER TABLE received RENAME TO received_away");
    EXPECT_EQ(post(request).status, 503);
    EXPECT_EQ(blob_count(1), 0U);
    change(1, "ALTER TABLE received_away RENAME TO received");

    EXPECT_EQ(judge(request, post(request)).verdict, as4::Verdict::accepted) << "the retry comes through";
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
}

TEST_F(ReceiveTest, ThePreviousKeyStillDecryptsDuringTheOverlap) {  // AP-19
    stop(1);
    auto with = config(1);
    with.as4 = keys().ap1_next;
    with.previous_as4 = {keys().ap1};
    start(1, with);
    const auto answer = post(make_request(to_stad().octets, {}));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
}

TEST_F(ReceiveTest, TheInboxAnswersAsSoonAsSomethingArrives) {
    std::thread later([&] { post(make_request(to_stad().octets, {})); });
    EXPECT_EQ(inbox(1, kStad, 60).size(), 1U);
    later.join();
}

}  // namespace
}  // namespace budkavle::accesspoint::test
