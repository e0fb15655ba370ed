/// Receiving: the rules on origin, age, room and load (`access-point.md` 4, 6; K26, SEC-91, SEC-107).

#include <fstream>
#include <thread>

#include "accesspoint/header_checks.hpp"
#include "accesspoint/test_support.hpp"

namespace budkavle::accesspoint::test {
namespace {

class ReceiveRules : public World {
protected:
    static TestEnvelope to_stad(std::size_t padding = 0) {
        return make_envelope({.from = kRegion, .to = kStad, .padding = padding});
    }
    static Request request_to_stad(std::size_t padding = 0) { return make_request(to_stad(padding).octets, {}); }
    void expect_taken(const Request& request) {
        EXPECT_EQ(judge(request, post(request)).verdict, as4::Verdict::accepted);
    }
    as4::Judgement expect_refused(const Request& request, std::string_view code) {
        auto judged = judge(request, post(request));
        EXPECT_EQ(judged.verdict, as4::Verdict::refused);
        EXPECT_EQ(judged.code, code);
        EXPECT_TRUE(judged.authentic);
        return judged;
    }
    /// Asked to come again: nothing acknowledged, nothing kept.
    void expect_later(const Request& request) {
        const auto answer = post(request);
        EXPECT_EQ(answer.status, 503);
        EXPECT_TRUE(answer.headers.get("Retry-After"));
        EXPECT_EQ(judge(request, answer).retry, Retry::later);
    }
    void set_lookup_error(std::optional<Error> error) {
        const std::lock_guard lock(registry_lock_);
        lookup_error_ = std::move(error);
    }
};

TEST_F(ReceiveRules, K26_TheSenderIsServedByTheAccessPointThatSent) {
    start(1);
    expect_taken(request_to_stad());
    // AP3 is an access point of the environment, but not the one of the sender.
    expect_refused(make_request(to_stad().octets, {}, keys().ap3), "EBMS:0101");
    EXPECT_NE(log_text(1, "transfer").find("\"rule\":\"K26\""), std::string::npos);
    EXPECT_EQ(count(1, "SELECT COUNT(*) FROM event WHERE event = 'as4.refused' AND participant = '0203:stad.example.se'"),
              1)
        << "told to the participant it was for";
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
    EXPECT_EQ(blob_count(1), 1U);
}

TEST_F(ReceiveRules, K26_AnUnknownSenderIsRefused) {
    start(1);
    const auto nobody = federation::ParticipantId::parse("0203:okand.example.se").value();
    expect_refused(make_request(make_envelope({.from = nobody, .to = kStad}).octets, {.from = nobody}), "EBMS:0101");
    EXPECT_TRUE(inbox(1, kStad).empty());
}

TEST_F(ReceiveRules, K26_ARegisterOutOfReachAcknowledgesNothing) {
    start(1);
    const auto request = request_to_stad();
    set_lookup_error(Error{"smp.unreachable", {}, {}, "The SMP does not answer.", {}, Retry::later});
    expect_later(request);
    set_lookup_error(Error{"smp.signature", "FED-13", {}, "The answer is not signed by the SMP.", {}, Retry::never});
    expect_later(request);
    EXPECT_EQ(blob_count(1), 0U);
    set_lookup_error(std::nullopt);
    expect_taken(request);
    set_lookup_error(Error{"smp.unreachable", {}, {}, "The SMP does not answer.", {}, Retry::later});
    expect_taken(request);  // a copy needs no register
}

TEST_F(ReceiveRules, K26_CanBeSwitchedOffPerEnvironment) {
    auto with = config(1);
    with.environment.check_original_sender = false;
    start(1, with);
    expect_taken(make_request(to_stad().octets, {}, keys().ap3));
}

TEST_F(ReceiveRules, K26_TheSenderIsLookedUpForReceiptsOfTheSameTransportModel) {  // federation.md 6.1
    const auto action = [](std::string_view document) { return "busdox-docid-qns::" + std::string(document); };
    EXPECT_EQ(receipt_document_for(action(federation::kMessageDocument)), federation::kReceiptDocument);
    EXPECT_EQ(receipt_document_for(action(federation::kReceiptDocument)), federation::kReceiptDocument);
    const auto base = receipt_document_for("busdox-docid-qns::urn:x::y##1::tm-base");
    EXPECT_TRUE(base.ends_with("::tm-base")) << base;
    EXPECT_EQ(receipt_document_for("urn:x"), "");
    EXPECT_EQ(receipt_document_for("busdox-docid-qns::urn:x::y##1::tm-other"), "");
}

TEST_F(ReceiveRules, AP6_MessagesOlderThanTheDuplicateMemoryAreRefused) {
    start(1);
    const milliseconds memory = std::chrono::hours(24 * 30);
    const auto skew = config(1).clock_skew;
    const auto fresh = make_request(to_stad().octets, {.dated = skew + std::chrono::minutes(1) - memory});
    expect_taken(fresh);
    const auto judged =
        expect_refused(make_request(to_stad().octets, {.dated = skew - std::chrono::minutes(1) - memory}), "EBMS:0103");
    EXPECT_EQ(judged.retry, Retry::never);
    EXPECT_NE(log_text(1, "transfer").find("as4.outdated"), std::string::npos);

    // A month later the first is forgotten; taken again it would be delivered twice.
    call(1, keys().mt1, "POST", path_of(kStad, "inbox/" + percent_encode(fresh.sealed.evidence.message_id) + "/ack"));
    clock_.forward(std::chrono::minutes(2));
    stop(1);
    start(1);
    expect_refused(fresh, "EBMS:0103");
    EXPECT_TRUE(inbox(1, kStad).empty());
}

TEST_F(ReceiveRules, AP6_MessagesFromTheFutureAreRefusedForNow) {
    start(1);
    expect_taken(make_request(to_stad().octets, {.dated = std::chrono::minutes(4)}));
    const auto early = make_request(to_stad().octets, {.dated = std::chrono::minutes(7)});
    const auto judged = expect_refused(early, "EBMS:0004");
    EXPECT_EQ(judged.detail, "TIMESTAMP_IN_FUTURE [AP-6]");
    EXPECT_EQ(judged.retry, Retry::later) << "one of the clocks is wrong, maybe ours";
    clock_.forward(std::chrono::minutes(4));
    expect_taken(early);
}

TEST_F(ReceiveRules, SEC107_AFullParticipantHoldsUpNobodyElse) {
    auto with = config(1);
    with.participants[0].quota = Quota{.messages = 2};
    start(1, with);
    const auto first = request_to_stad();
    expect_taken(first);
    expect_taken(request_to_stad());
    const auto third = request_to_stad();
    expect_later(third);
    expect_taken(first);  // a copy gets its receipt
    expect_taken(make_request(make_envelope({.from = kRegion, .to = kBy}).octets, {.to = kBy}));
    EXPECT_EQ(blob_count(1), 3U);
    const auto id = percent_encode(first.sealed.evidence.message_id);
    EXPECT_EQ(call(1, keys().mt1, "POST", path_of(kStad, "inbox/" + id + "/ack")).status, 204);
    expect_taken(third);
}

TEST_F(ReceiveRules, SEC107_TheQuotaCountsOctetsToo) {
    auto with = config(1);
    with.participants[0].quota = Quota{.octets = 5'000};
    start(1, with);
    expect_taken(request_to_stad(6'000));
    expect_later(request_to_stad());
}

TEST_F(ReceiveRules, SEC107_ADiskAtItsReserveTakesNothingNew) {
    auto with = config(1);
    with.least_free_disk = std::uint64_t{1} << 60;
    start(1, with);
    const auto request = request_to_stad(400'000);
    expect_later(request);
    EXPECT_EQ(submit(1, kStad, make_envelope()).status, 503);
    EXPECT_NE(log_text(1, "technical").find("ap.disk_full"), std::string::npos);
    EXPECT_EQ(blob_count(1), 0U);
    stop(1);
    start(1);
    expect_taken(request);
}

TEST_F(ReceiveRules, SEC91_MaintenanceTakesNothingNewAndHandsOutWhatWaits) {
    start(1);
    const auto waiting = request_to_stad();
    expect_taken(waiting);
    { std::ofstream(folder(1) / std::string(Admission::kMaintenanceFile)) << "planned stop"; }
    const auto request = request_to_stad();
    expect_later(request);
    const auto refused = submit(1, kStad, make_envelope());
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.object().at("code").as_string(), "ap.maintenance");
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
    const auto id = percent_encode(waiting.sealed.evidence.message_id);
    EXPECT_EQ(call(1, keys().mt1, "POST", path_of(kStad, "inbox/" + id + "/ack")).status, 204);
    fs::remove(folder(1) / std::string(Admission::kMaintenanceFile));
    expect_taken(request);
}

TEST_F(ReceiveRules, SEC107_OnePeerDoesNotTakeEveryPlace) {
    auto with = config(1);
    with.receives_per_peer = 2;
    Admission admission(with);
    auto one = admission.enter("a");
    const auto two = admission.enter("a");
    EXPECT_TRUE(one && two);
    EXPECT_EQ(admission.enter("a").error().code, "ap.peer_busy");
    EXPECT_TRUE(admission.enter("b"));
    one->reset();
    EXPECT_TRUE(admission.enter("a"));
}

TEST_F(ReceiveRules, SEC35_OneProcessServesOneEnvironment) {
    start(1);
    // The AP CA of another environment, and an envelope of another federation from a good access point.
    const auto stranger = judge(request_to_stad(), post(make_request(to_stad().octets, {}, keys().stranger)));
    EXPECT_NE(stranger.verdict, as4::Verdict::accepted);
    const auto foreign = make_envelope(
        {.from = kRegion, .to = kStad, .federation_id = std::string(federation::kFederationSdk)});
    expect_refused(make_request(foreign.octets, {}), "EBMS:0004");
    // Storage of one environment is not opened by another one.
    stop(1);
    auto other = config(1);
    other.environment.name = "example-prod";
    auto started = AccessPoint::start(std::move(other), outside(), *logs_[1], clock_);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, "ap.other_environment");
    start(1);
}

}  // namespace
}  // namespace budkavle::accesspoint::test
