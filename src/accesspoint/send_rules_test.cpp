/// Sending: every kind of answer (`access-point.md` 6), schedules, peers that hang, clocks that jump, profiles, stops.

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "accesspoint/retry.hpp"
#include "accesspoint/sealing.hpp"
#include "accesspoint/test_support.hpp"
#include "as4/open.hpp"
#include "as4/memory_store.hpp"

namespace budkavle::accesspoint::test {
namespace {

std::string id_of(const auto& answer) {
    return std::string(answer.object().at("as4MessageId").as_string());
}

net::Response plain(int status, std::string body, std::string type = "text/plain") {
    net::Response response;
    response.status = status;
    response.headers.set("Content-Type", std::move(type));
    response.body = std::move(body);
    return response;
}

constexpr std::string_view kSoap = "http://www.w3.org/2003/05/soap-envelope";

/// As Domibus, phase4 and gateways write them.
net::Response ebms_error(int status, const std::string& code, const std::string& detail) {
    return plain(status,
                 R"(<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Header><eb:Messaging )"
                 R"(S:mustUnderstand="true" xmlns:eb="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/">)"
                 R"(<eb:SignalMessage><eb:MessageInfo><eb:Timestamp>2026-03-02T09:15:03.900Z</eb:Timestamp>)"
                 R"(<eb:MessageId>e1@peer.example.se</eb:MessageId></eb:MessageInfo><eb:Error errorCode=")" +
                     code + R"(" severity="failure" origin="ebMS"><eb:ErrorDetail>)" + detail +
                     R"(</eb:ErrorDetail></eb:Error></eb:SignalMessage></eb:Messaging></S:Header><S:Body/></S:Envelope>)",
                 "application/soap+xml");
}
net::Response bare_fault(int status) {
    return plain(status,
                 "<env:Envelope xmlns:env=\"" + std::string(kSoap) +
                     "\"><env:Body><env:Fault><env:Code><env:Value>env:Receiver</env:Value></env:Code><env:Reason>"
                     "<env:Text xml:lang=\"en\">Fault</env:Text></env:Reason></env:Fault></env:Body></env:Envelope>",
                 "application/soap+xml;charset=UTF-8");
}

class SendRules : public World {
protected:
    /// A peer for kRegion that answers as told.
    void peer(std::function<net::Response(int)> answer) {
        stub_ = std::make_unique<StubPeer>(crls_, std::move(answer));
        register_participant(kRegion, "ap2.example.se", stub_->port(), keys().ap2.certificate());
    }
    boost::json::object send() { return await_final(1, kStad, id_of(submit(1, kStad, make_envelope()))); }
    boost::json::object notifications(const federation::ParticipantId& of, std::int64_t after, int wait = 0) {
        const auto answer = call(1, client_of(of), "GET",
                                 path_of(of, "notifications") + "?after=" + std::to_string(after) +
                                     "&wait=" + std::to_string(wait));
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.object();
    }
    std::unique_ptr<StubPeer> stub_;
};

struct AnswerCase {
    std::string name;
    std::function<net::Response()> answer;
    bool transient;
    std::string cause;
};

TEST_F(SendRules, AP6_EveryKindOfAnswerIsTransientOrPermanentAsTheTableSays) {
    const std::vector<AnswerCase> cases{
        {"plain text 500", [] { return plain(500, "Internal Server Error"); }, true, "EBMS:0301"},
        {"gateway page 502", [] { return plain(502, "<html>Bad Gateway</html>", "text/html"); }, true, "EBMS:0301"},
        {"plain text 404", [] { return plain(404, "no such service"); }, true, "EBMS:0301"},
        {"empty 202", [] { return plain(202, ""); }, true, "EBMS:0301"},
        {"bare SOAP fault 500", [] { return bare_fault(500); }, true, "EBMS:0301"},
        {"bare SOAP fault 200", [] { return bare_fault(200); }, true, "EBMS:0301"},
        {"EBMS:0202 in 200", [] { return ebms_error(200, "EBMS:0202", "store is full"); }, true, "EBMS:0202"},
        {"EBMS:0004 of an application", [] { return ebms_error(500, "EBMS:0004", "queue is down"); }, true, "EBMS:0004"},
        {"too large 413", [] { return plain(413, "too large"); }, false, "EBMS:0301"},
        {"NOT_SERVICED", [] { return ebms_error(200, "EBMS:0004", "NOT_SERVICED"); }, false, "EBMS:0004"},
        {"XHE_NOT_CONFORMANT", [] { return ebms_error(200, "EBMS:0004", "XHE_NOT_CONFORMANT"); }, false, "EBMS:0004"},
        {"EBMS:0101", [] { return ebms_error(500, "EBMS:0101", "FailedAuthentication"); }, false, "EBMS:0101"},
        {"EBMS:0103", [] { return ebms_error(400, "EBMS:0103", "PolicyNoncompliance"); }, false, "EBMS:0103"},
        {"EBMS:0010", [] { return ebms_error(200, "EBMS:0010", "ProcessingModeMismatch"); }, false, "EBMS:0010"},
        {"a receipt for something else", [] { return ebms_error(200, "EBMS:0302", "x"); }, false, "EBMS:0302"},
    };
    auto with = config(1);
    with.send_retries = {2, milliseconds(1)};
    start(1, with);
    for (const auto& one : cases) {
        std::atomic<int> calls = 0;
        peer([&](int) {
            ++calls;
            return one.answer();
        });
        const auto status = send();
        EXPECT_EQ(status.at("state").as_string(), "failed") << one.name;
        EXPECT_EQ(calls, one.transient ? 2 : 1) << one.name;
        EXPECT_EQ(status.at("cause").at("code").as_string(), one.cause) << one.name;
    }
}

TEST_F(SendRules, TA15_AnAnswerThatNeverComesIsAMissingReceipt) {
    auto with = config(1);
    with.send_retries = {1, milliseconds(1)};
    with.answer_timeout = std::chrono::seconds(1);
    start(1, with);
    // The peer's handler may outlive this body.
    const auto go_on = std::make_shared<std::atomic<bool>>(false);
    peer([&, go_on](int) {
        while (!*go_on) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return plain(200, "");
    });
    const auto status = send();
    *go_on = true;
    EXPECT_EQ(status.at("cause").at("code").as_string(), "EBMS:0301");
}

TEST_F(SendRules, A3A4_SchedulesAreConstantOrProgressive) {
    using std::chrono::minutes;
    const RetrySchedule constant{4, minutes(12)};
    for (const unsigned made : {1U, 2U, 3U, 9U}) EXPECT_EQ(constant.wait_after(made), minutes(4));
    const RetrySchedule progressive{4, minutes(14), 2.0};
    EXPECT_EQ(progressive.wait_after(1), minutes(2));
    EXPECT_EQ(progressive.wait_after(2), minutes(4));
    EXPECT_EQ(progressive.wait_after(3), minutes(8));
    EXPECT_EQ(progressive.longest_wait(), minutes(8));
    EXPECT_EQ((RetrySchedule{1, minutes(12)}.wait_after(1)), milliseconds(0));
}

TEST_F(SendRules, RetryAfterIsHonouredWithinBounds) {
    const auto now = parse_time("1994-11-06T08:49:30Z").value();
    EXPECT_EQ(parse_retry_after(" 120 ", now), std::chrono::seconds(120));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), std::chrono::seconds(7));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now), std::chrono::seconds(0)) << "in the past";
    for (const auto* wrong : {"", "-1", "soon", "12345678901", "Sun, 06 Foo 1994 08:49:37 GMT"})
        EXPECT_FALSE(parse_retry_after(wrong, now)) << wrong;
    const auto minutes = [](int n) { return milliseconds(std::chrono::minutes(n)); };
    EXPECT_EQ(bounded_wait(minutes(4), std::nullopt, minutes(15)), minutes(4));
    EXPECT_EQ(bounded_wait(minutes(4), minutes(1), minutes(15)), minutes(4)) << "never sooner than the schedule";
    EXPECT_EQ(bounded_wait(minutes(4), minutes(10), minutes(15)), minutes(10));
    EXPECT_EQ(bounded_wait(minutes(4), minutes(600), minutes(15)), minutes(15));

    start(1);  // 100 ms between attempts
    std::atomic<bool> busy = true;
    peer([&](int) {
        if (!busy) return plain(500, "");
        auto response = plain(503, "");
        response.headers.set("Retry-After", "3600");
        return response;
    });
    const auto id = id_of(submit(1, kStad, make_envelope()));
    while (events(1, kStad, id).size() < 3) std::this_thread::yield();
    const auto due = count(1, "SELECT MIN(due) FROM job WHERE kind LIKE 'as4.send %'");
    const auto wait = Time(milliseconds(due)) - clock_.now();
    EXPECT_GT(wait, std::chrono::minutes(14));
    EXPECT_LE(wait, std::chrono::minutes(15));
    EXPECT_EQ(stub_->bodies.size(), 1U);
}

TEST_F(SendRules, APeerThatHangsHoldsUpNobodyElse) {
    auto with = config(1);
    with.senders = 3;
    with.sends_per_peer = 2;
    start(1, with);
    // The peer's handler may outlive this body.
    const auto go_on = std::make_shared<std::atomic<bool>>(false);
    peer([&, go_on](int) {
        while (!*go_on) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return plain(500, "");
    });
    const auto neighbour = federation::ParticipantId::parse("0203:grannen.example.se").value();
    register_participant(neighbour, "ap2.example.se", stub_->port(), keys().ap2.certificate());
    std::vector<std::string> hanging;
    for (int i = 0; i < 3; ++i) {
        hanging.push_back(id_of(submit(1, kStad, make_envelope())));
        hanging.push_back(id_of(submit(1, kStad, make_envelope({.to = neighbour}))));
    }
    for (int i = 0; i < 3; ++i) {
        const auto id = id_of(submit(1, kStad, make_envelope({.from = kStad, .to = kBy})));
        EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
    }
    EXPECT_LE(stub_->bodies.size(), 2U) << "no more than its places";
    *go_on = true;
    for (const auto& id : hanging) {
        const auto status = await_final(1, kStad, id);
        EXPECT_EQ(status.at("attempts").as_int64(), 4) << "waiting for a place is no attempt";
    }
}

TEST_F(SendRules, AStopCutsWhatHangsAndTheAttemptDoesNotCount) {
    auto with = config(1);
    with.stop_grace = milliseconds(50);
    start(1, with);
    // The peer's handler may outlive this body.
    const auto go_on = std::make_shared<std::atomic<bool>>(false);
    std::atomic<int> calls = 0;
    peer([&, go_on](int) {
        ++calls;
        while (!*go_on) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return plain(500, "");
    });
    const auto id = id_of(submit(1, kStad, make_envelope()));
    while (calls == 0) std::this_thread::yield();
    ap(1).stop();  // would otherwise last as long as the peer hangs: the answer time-out is ten minutes
    stop(1);
    EXPECT_EQ(count(1, "SELECT attempts FROM outgoing"), 0);
    *go_on = true;
    start(2);
    start(1);
    EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
    EXPECT_EQ(inbox(2, kRegion).size(), 1U);
}

TEST_F(SendRules, SEC91_NothingIsBegunInMaintenance) {
    auto with = config(1);
    with.send_retries = {500, std::chrono::seconds(50)};
    start(1, with);
    start(2);
    const auto flag = folder(1) / std::string(Admission::kMaintenanceFile);
    const auto before = id_of(submit(1, kStad, make_envelope()));
    await_final(1, kStad, before);
    register_participant(kRegion, "ap2.example.se", 1, keys().ap2.certificate());
    const auto id = id_of(submit(1, kStad, make_envelope()));
    while (events(1, kStad, id).size() < 3) std::this_thread::yield();
    { std::ofstream(flag) << ""; }
    std::this_thread::sleep_for(std::chrono::milliseconds(1000));  // what runs ends
    const auto seen = events(1, kStad, id).size();
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    EXPECT_EQ(events(1, kStad, id).size(), seen) << "retries are due every 100 ms";
    register_participant(kRegion, "ap2.example.se", ap(2).port_a(), keys().ap2.certificate());
    fs::remove(flag);
    EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
}

TEST_F(SendRules, AClockThatJumpsBackDelaysByOneWaitAtMost) {
    start(1);
    start(2);
    stop(2);
    clock_.forward(std::chrono::hours(24 * 20));
    const auto id = id_of(submit(1, kStad, make_envelope()));
    while (events(1, kStad, id).size() < 3) std::this_thread::yield();
    // The job is now due in 20 days by a clock that was set right.
    stop(1);
    clock_.forward(-std::chrono::hours(24 * 20));
    start(2);
    start(1);
    const auto latest = (clock_.now() + std::chrono::minutes(16)).time_since_epoch().count();
    const auto due = [&] { return count(1, "SELECT COALESCE(MAX(due), 0) FROM job WHERE kind LIKE 'as4.send %'"); };
    for (int i = 0; i < 600 && due() > latest; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_LE(due(), latest);
    stop(1);
    clock_.forward(std::chrono::minutes(16));
    start(1);
    EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
}

TEST_F(SendRules, AClockThatJumpsAheadKeepsTheNumberOfAttempts) {
    auto with = config(1);
    with.send_retries = {3, std::chrono::hours(2)};
    start(1, with);
    start(2);
    stop(2);
    const auto id = id_of(submit(1, kStad, make_envelope()));
    while (events(1, kStad, id).size() < 3) std::this_thread::yield();
    for (int i = 0; i < 5; ++i) clock_.forward(std::chrono::minutes(30));
    stop(1);
    start(1, with);
    // An attempt that the stop interrupts is begun again: only attempts that came to an end count.
    const auto ended = [&] {
        return std::ranges::count_if(events(1, kStad, id), [](const auto& event) {
            return event.as_object().at("event").as_string() == "as4.attempt_failed";
        });
    };
    while (ended() < 2) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(ended(), 2) << "one attempt, then the next wait";
    start(2);
    clock_.forward(std::chrono::hours(2));
    stop(1);
    start(1, with);
    EXPECT_EQ(await_final(1, kStad, id).at("state").as_string(), "delivered");
}

/// What the peer gets, opened with its key.
as4::Opened open_sent(const std::string& body, const std::string& type, const crypto::CrlStore& crls) {
    const auto trust = keys().ap_ca.trust(crypto::Purpose::as4);
    const std::vector identities{keys().ap2};
    as4::ReceiveContext context{.identities = identities,
                                .party_id = "AP0002-SDK-TEST",
                                .trust = {.store = trust.get(), .crls = &crls, .policy = {.at = system_clock().now()}},
                                .spool_folder = fs::temp_directory_path()};
    as4::MemoryStore store(std::size_t{1} << 20);
    MemorySource source(body);
    auto opened = as4::open(source, type, context, store);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().detail);
    return std::move(opened.value());
}

TEST_F(SendRules, AP01_TheProfileOfTheEndpointDecidesWhatIsSent) {
    start(1);
    peer([](int) { return ebms_error(200, "EBMS:0010", "enough"); });
    send();
    auto sent = open_sent(stub_->bodies.at(0), stub_->types.at(0), *crls_);
    EXPECT_TRUE(sent.message.from.role.ends_with("/initiator"));
    EXPECT_TRUE(sent.message.to.role.ends_with("/responder"));
    // The strictness of the reference configuration: one part cid:message of text/xml, exactly the two properties.
    ASSERT_EQ(sent.message.parts.size(), 1U);
    EXPECT_EQ(sent.message.parts[0].cid, "message");
    EXPECT_EQ(sent.message.parts[0].mime_type, "text/xml");
    EXPECT_TRUE(sent.message.parts[0].compressed);
    ASSERT_EQ(sent.message.properties.size(), 2U);
    for (const auto& property : sent.message.properties) EXPECT_EQ(property.type, "iso6523-actorid-upis") << "K4";
    EXPECT_TRUE(sent.message.agreement.empty());
    EXPECT_EQ(stub_->bodies[0].find("wsu:Timestamp"), std::string::npos) << "K41";

    {
        const std::lock_guard lock(registry_lock_);
        registry_.at(kRegion.folded()).endpoint.profile = "digg-transport-as4-v1_2";
    }
    send();
    sent = open_sent(stub_->bodies.at(1), stub_->types.at(1), *crls_);
    EXPECT_EQ(sent.message.from.role, "urn:fdc:digg.se:edelivery:transportprofile:as4:role:ap") << "K3";
    EXPECT_EQ(sent.message.to.role, sent.message.from.role);
    for (const auto& property : sent.message.properties)
        EXPECT_EQ(property.type, "urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:participant") << "K4";
    EXPECT_NE(stub_->bodies[1].find("wsu:Timestamp"), std::string::npos) << "K41";
}

TEST_F(SendRules, AP01_AFederationAddsAProfileByConfigurationOnly) {
    auto with = config(1);
    auto own = with.profile_values.front();
    own.base.id = "example-transport-v1";
    own.base.initiator_role = "urn:example:role:one";
    own.base.responder_role = "urn:example:role:two";
    own.payload_type = "application/xml";
    with.profile_values.push_back(own);
    with.profiles = {"example-transport-v1"};
    auto receiving = config(2);
    receiving.profile_values = with.profile_values;
    start(1, with);
    start(2, receiving);
    {
        const std::lock_guard lock(registry_lock_);
        registry_.at(kRegion.folded()).endpoint.profile = "example-transport-v1";
    }
    EXPECT_EQ(send().at("state").as_string(), "delivered");
    // AP-02: an access point that does not know the profile refuses its roles.
    stop(2);
    start(2);
    {
        const std::lock_guard lock(registry_lock_);
        registry_.at(kRegion.folded()).endpoint.profile = "example-transport-v1";
    }
    const auto refused = send();
    EXPECT_EQ(refused.at("cause").at("code").as_string(), "EBMS:0010");
}

TEST_F(SendRules, TheStrictnessOfTheReferenceConfigurationIsTheDefault) {  // as4-wire.md 0.1
    as4::UserMessage message;
    message.message_id = "a@b";
    message.properties = {{"originalSender", "x", ""}, {"finalRecipient", "y", ""}};
    EXPECT_TRUE(check_strict(message));
    auto more = message;
    more.properties.push_back({"trackingIdentifier", "z", ""});
    EXPECT_EQ(check_strict(more).error().code, "as4.strict");
    auto longer = message;
    longer.properties[0].value = std::string(1025, 'x');
    EXPECT_FALSE(check_strict(longer));
    longer.properties[0].value.pop_back();
    EXPECT_TRUE(check_strict(longer));
    auto id = message;
    id.message_id = std::string(256, 'x');
    EXPECT_FALSE(check_strict(id));
}

TEST_F(SendRules, TheParticipantIsToldAtOnce) {  // access-point.md 10: notifications
    start(1);
    const auto nobody = federation::ParticipantId::parse("0203:okand.example.se").value();
    auto seen = notifications(kStad, 0);
    EXPECT_TRUE(seen.at("notifications").as_array().empty());
    boost::json::object told;
    std::thread waiting([&] {
        std::int64_t after = seen.at("position").as_int64();
        for (bool failure = false; !failure;) {
            told = notifications(kStad, after, 60);
            after = told.at("position").as_int64();
            for (const auto& one : told.at("notifications").as_array()) failure |= one.at("kind") == "failure";
        }
    });
    const auto id = id_of(submit(1, kStad, make_envelope({.to = nobody})));
    waiting.join();
    const auto& last = told.at("notifications").as_array().back();
    EXPECT_EQ(last.at("event").at("ids").at("as4MessageId").as_string(), id);
    EXPECT_EQ(last.at("event").at("error").at("code").as_string(), "smp.not_registered") << "with the reason";

    start(2);
    post(make_request(make_envelope({.from = kRegion, .to = kStad}).octets, {}));
    const auto incoming = notifications(kStad, told.at("position").as_int64(), 10);
    EXPECT_EQ(incoming.at("notifications").as_array().at(0).at("kind").as_string(), "incoming");
    EXPECT_TRUE(notifications(kBy, 0).at("notifications").as_array().empty()) << "AP-30";
    EXPECT_EQ(call(1, keys().mt2, "GET", path_of(kStad, "notifications")).status, 403) << "AP-31";
}

TEST_F(SendRules, LookUpRetriesAreAgreedPerParticipant) {  // access-point.md 3
    auto with = config(1);
    with.participants[1].lookup_retries = RetrySchedule{2, milliseconds(10)};
    start(1, with);
    {
        const std::lock_guard lock(registry_lock_);
        lookup_error_ = Error{"smp.unreachable", {}, {}, "The SMP does not answer.", {}, Retry::later};
    }
    const auto looked = [&](const federation::ParticipantId& from) {
        const auto id = id_of(submit(1, from, make_envelope({.from = from, .to = kRegion})));
        EXPECT_EQ(await_final(1, from, id).at("cause").at("code").as_string(), "smp.unreachable");
        return events(1, from, id).size();
    };
    EXPECT_EQ(looked(kBy), 1U + 2U);
    EXPECT_EQ(looked(kStad), 1U + 5U);
}

}  // namespace
}  // namespace budkavle::accesspoint::test
