/// Interface O: who may use it, what it tells, what it leaves in the audit log.

#include <thread>

#include "accesspoint/test_support.hpp"

namespace budkavle::accesspoint::test {
namespace {

class Operator : public World {
protected:
    AccessPointConfig with_operators(int number) {
        auto c = config(number);
        c.o = interface_o(number);
        c.o->operators[person().certificate().sha256_hex()] = {.name = "anna.andersson", .monitor = false};
        c.o->operators[machine().certificate().sha256_hex()] = {.name = "prometheus", .monitor = true};
        c.reporter = {.organisation = "Exempel Drift AB", .contact = "drift@example.se"};
        c.least_free_disk = 1;
        return c;
    }
    static const crypto::Identity& person() {
        static const auto identity = keys().tls_ca.issue("anna.example.se", "anna.example.se");
        return identity;
    }
    static const crypto::Identity& machine() {
        static const auto identity = keys().tls_ca.issue("monitor.example.se", "monitor.example.se");
        return identity;
    }
    static std::string json_text(const boost::json::object& object) { return boost::json::serialize(object); }
    Answer o(int number, const crypto::Identity& client, const std::string& method, const std::string& path,
             std::string_view body = {}) {
        return call_o(number, client, method, path, body);
    }
};

TEST_F(Operator, Sec51OnlyListedCertificatesMayUseInterfaceO) {
    start(1, with_operators(1));
    EXPECT_EQ(o(1, person(), "GET", "health").status, 200);
    EXPECT_EQ(o(1, machine(), "GET", "health").status, 200);
    // Trusted by the same CA, even a message service of this access point: not listed, not let in.
    EXPECT_EQ(o(1, keys().mt1, "GET", "health").status, 403);
    EXPECT_EQ(o(1, keys().mt1, "GET", "certificates").status, 403);
    EXPECT_EQ(o(1, machine(), "GET", "certificates").status, 403);
    const auto audit = log_text(1, "audit");
    EXPECT_NE(audit.find(keys().mt1.certificate().sha256_hex()), std::string::npos);
    EXPECT_NE(audit.find(R"("who":"prometheus","event":"access.denied")"), std::string::npos) << audit;
}

TEST_F(Operator, Sec10EveryCallOfAPersonIsInTheAuditLog) {
    start(1, with_operators(1));
    EXPECT_EQ(o(1, person(), "GET", "certificates").status, 200);
    EXPECT_EQ(o(1, machine(), "GET", "metrics").status, 200);
    const auto audit = log_text(1, "audit");
    EXPECT_NE(audit.find("operator.certificates"), std::string::npos);
    EXPECT_NE(audit.find("anna.andersson"), std::string::npos);
    EXPECT_EQ(audit.find("operator.metrics"), std::string::npos);
}

TEST_F(Operator, ReadinessSaysWhatIsMissing) {
    auto c = with_operators(1);
    start(1, c);
    const auto ready = o(1, machine(), "GET", "readiness");
    EXPECT_EQ(ready.status, 200) << ready.body;
    EXPECT_TRUE(ready.object().at("ready").as_bool());
    stop(1);
    c.least_free_disk = std::uint64_t{1} << 62;
    start(1, c);
    clock_.forward(std::chrono::hours(24 * 100));  // the revocation lists of the test end after 90 days (AP-18)
    const auto answer = o(1, machine(), "GET", "readiness");
    EXPECT_EQ(answer.status, 503);
    std::map<std::string, bool> fine;
    for (const auto& check : answer.object().at("checks").as_array()) {
        fine[std::string(check.at("name").as_string())] = check.at("ok").as_bool();
        if (!check.at("ok").as_bool()) {
            EXPECT_FALSE(check.at("remedy").as_string().empty());
        }
    }
    EXPECT_FALSE(fine.at("disk"));
    EXPECT_FALSE(fine.at("certificate"));
    EXPECT_TRUE(fine.at("storage"));
}

TEST_F(Operator, Sec120CertificatesAreListedWithUseAndExpiry) {
    start(1, with_operators(1));
    const auto list = o(1, person(), "GET", "certificates").object().at("certificates").as_array();
    ASSERT_GE(list.size(), 6U);
    EXPECT_EQ(list[0].at("use").as_string(), "as4");
    EXPECT_EQ(std::string(list[0].at("sha256").as_string()), keys().ap1.certificate().sha256_hex());
}

TEST_F(Operator, FiguresCountMessagesRefusalsAndHandshakes) {
    start(1, with_operators(1));
    start(2, with_operators(2));
    const auto envelope = make_envelope();
    const auto submitted = submit(1, kStad, envelope);
    ASSERT_EQ(submitted.status, 202);
    const auto id = std::string(submitted.object().at("as4MessageId").as_string());
    (void)await_final(1, kStad, id);
    (void)post(
        {.body = "nonsense", .sealed = {.content_type = "text/plain", .bytes = 8, .evidence = {}}});
    const auto sender = o(1, machine(), "GET", "metrics").body;
    for (const auto* line :
         {R"(budkavle_ap_events_total{direction="out",event="as4.delivered"} 1)",
          R"(budkavle_ap_events_total{direction="out",event="as4.sending"} 1)",
          R"(budkavle_ap_refused_total{cause="as4.content_type")",
          R"(budkavle_ap_exchange_seconds_count{direction="out"} 1)", R"(budkavle_ap_queue_messages{queue="send"} 0)",
          R"(budkavle_ap_certificate_days_left{use="as4"})", "budkavle_ap_disk_free_bytes ",
          "budkavle_ap_resident_memory_bytes ", R"(budkavle_ap_revocation_list_age_seconds{issuer=)"}) {
        EXPECT_NE(sender.find(line), std::string::npos) << line << "\n" << sender;
    }
    const auto receiver = o(2, machine(), "GET", "metrics").body;
    EXPECT_NE(receiver.find(R"(budkavle_ap_events_total{direction="in",event="as4.received"} 1)"), std::string::npos);
    EXPECT_NE(receiver.find(R"(budkavle_ap_queue_messages{queue="fetch"} 1)"), std::string::npos);
    for (const auto& text : {sender, receiver}) {
        EXPECT_EQ(text.find(id), std::string::npos);
        EXPECT_EQ(text.find(kStad.text()), std::string::npos);
    }
}

/// access-point.md 5, SEC-05: header, certificate, reason, digests; never content.
TEST_F(Operator, RefusedMessagesAreKeptWithTheirReason) {
    start(1, with_operators(1));
    const auto envelope = make_envelope({.from = kRegion, .to = kRegion});  // not served here
    const auto request = make_request(envelope.octets, {.to = kRegion});
    (void)post(request);
    const auto found = o(1, person(), "GET", "messages?state=refused");
    ASSERT_EQ(found.status, 200) << found.body;
    const auto list = found.object().at("messages").as_array();
    ASSERT_EQ(list.size(), 1U) << found.body;
    EXPECT_EQ(list[0].at("as4MessageId").as_string(), request.sealed.evidence.message_id);
    const auto id = std::string(list[0].at("refusedId").as_string());
    const auto one = o(1, person(), "GET", "refused/" + id).object();
    EXPECT_EQ(one.at("cause").as_string(), "as4.not_serviced");
    EXPECT_EQ(one.at("answered").as_string(), "EBMS:0004");
    EXPECT_EQ(one.at("certificate").at("sha256").as_string(), keys().ap2.certificate().sha256_hex());
    EXPECT_NE(one.at("header").as_string().find(request.sealed.evidence.message_id), std::string_view::npos);
    EXPECT_EQ(one.at("digests").as_array().size(), request.sealed.evidence.references.size());
    for (const auto& reference : request.sealed.evidence.references)
        EXPECT_NE(json_text(one).find(reference.digest_value), std::string::npos);
    EXPECT_EQ(json_text(one).find(kCanary), std::string::npos);
    EXPECT_EQ(o(1, person(), "GET", "refused/unknown").status, 404);
}

TEST_F(Operator, Sec82NonConformityIsReportedOnce) {
    start(1, with_operators(1));
    (void)post(make_request("<not-an-envelope/>", {}));
    const auto open = o(1, person(), "GET", "reports?open=true").object().at("reports").as_array();
    ASSERT_EQ(open.size(), 1U);
    EXPECT_EQ(open[0].at("cause").as_string(), "as4.xhe_not_conformant");
    const auto path = "reports/" + std::string(open[0].at("refusedId").as_string());
    const auto report = o(1, person(), "GET", path).object();
    EXPECT_EQ(report.at("reporter").at("organisation").as_string(), "Exempel Drift AB");
    for (const auto* field : {"what", "environment", "occurred", "discovered", "scope", "consequences", "extract"})
        EXPECT_TRUE(report.contains(field)) << field;
    const auto text = o(1, person(), "GET", path + "?format=text").body;
    EXPECT_NE(text.find("AP0002-SDK-TEST"), std::string::npos) << text;
    EXPECT_EQ(o(1, person(), "POST", path, "{}").status, 400);
    EXPECT_EQ(o(1, person(), "POST", path, R"({"reference":"ärende 17"})").status, 200);
    EXPECT_EQ(o(1, person(), "POST", path, R"({"reference":"igen"})").status, 409);
    EXPECT_TRUE(o(1, person(), "GET", "reports?open=true").object().at("reports").as_array().empty());
    EXPECT_NE(log_text(1, "audit").find("operator.reported"), std::string::npos);
}

/// Nobody can have another reported: what is not authenticated is kept, but is no non-conformity of the named peer.
TEST_F(Operator, RefusedStrangersAreNotReported) {
    start(1, with_operators(1));
    (void)post(make_request(make_envelope({.from = kRegion, .to = kStad}).octets, {}, keys().stranger));
    const auto list = o(1, person(), "GET", "messages?state=refused").object().at("messages").as_array();
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0].at("cause").at("code").as_string(), "as4.untrusted");
    EXPECT_TRUE(o(1, person(), "GET", "reports").object().at("reports").as_array().empty());
}

TEST_F(Operator, RefusedFloodIsSummedUp) {
    auto c = with_operators(1);
    c.refused_per_hour = 5;
    start(1, c);
    for (int i = 0; i < 30; ++i)
        (void)post({.body = "x", .sealed = {.content_type = "text/plain", .bytes = 1, .evidence = {}}});
    const auto list = o(1, person(), "GET", "messages?state=refused").object().at("messages").as_array();
    EXPECT_EQ(list.size(), 6U);
    EXPECT_EQ(count(1, "SELECT SUM(repeats) FROM refused"), 30);
    // The flood hides no peer: what an authenticated one does is still kept by itself.
    (void)post(make_request("<not-an-envelope/>", {}));
    EXPECT_EQ(o(1, person(), "GET", "reports").object().at("reports").as_array().size(), 1U);
}

TEST_F(Operator, RefusedHandshakesAreKeptToo) {
    start(1, with_operators(1));
    net::ClientOptions options;
    options.tls = {.server_trust = keys().tls_ca.trust(crypto::Purpose::tls_server), .crls = crls_, .identity = {}};
    options.resolve = outside().resolve;
    options.guard = net::AddressGuard::from_ranges({"127.0.0.0/8"}).value();
    net::ClientRequest request;
    request.url = "https://ap1.example.se:" + std::to_string(ap(1).port_a()) + "/health";
    EXPECT_FALSE(net::Client::create(std::move(options))->send(request));
    std::string found;
    for (int i = 0; i < 100 && found.find("tls.") == std::string::npos; ++i) {
        found = o(1, person(), "GET", "messages?state=refused").body;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_NE(found.find("tls."), std::string::npos) << found;
}

TEST_F(Operator, Sec06SearchFindsByEveryIdAndPages) {
    start(1, with_operators(1));
    start(2, with_operators(2));
    std::vector<std::string> ids;
    TestEnvelope first;
    for (int i = 0; i < 5; ++i) {
        const auto envelope = make_envelope();
        if (i == 0) first = envelope;
        ids.emplace_back(submit(1, kStad, envelope).object().at("as4MessageId").as_string());
        (void)await_final(1, kStad, ids.back());
    }
    const auto find = [&](int number, const std::string& query) {
        return o(number, person(), "GET", "messages?" + query).object().at("messages").as_array();
    };
    for (const int number : {1, 2}) {
        EXPECT_EQ(find(number, "id=" + percent_encode(ids[0])).size(), 1U);
        EXPECT_EQ(find(number, "id=" + first.id).size(), 1U);  // XHE/ID, and by K1 the conversation
        // SEC-13: the trace that the message service began goes all the way.
        EXPECT_EQ(find(number, "id=4bf92f3577b34da6a3ce929d0e0e4736").size(), 5U);
        EXPECT_EQ(find(number, "participant=0203%3ASTAD.example.se").size(), 5U);
        EXPECT_EQ(find(number, "participant=0203%3Aby.example.se").size(), 0U);
        EXPECT_EQ(find(number, "from=2000-01-01T00%3A00%3A00Z&to=2001-01-01T00%3A00%3A00Z").size(), 0U);
    }
    EXPECT_EQ(find(1, "peer=AP0002-SDK-TEST").size(), 5U);
    EXPECT_EQ(find(1, "state=delivered").size(), 5U);
    EXPECT_EQ(find(1, "state=failed").size(), 0U);
    std::set<std::string> seen;
    std::string cursor;
    for (int page = 0; page < 3; ++page) {
        const auto answer = o(1, person(), "GET", "messages?limit=2&cursor=" + cursor).object();
        for (const auto& one : answer.at("messages").as_array())
            seen.insert(std::string(one.at("as4MessageId").as_string()));
        cursor = answer.at("next").is_string() ? std::string(answer.at("next").as_string()) : std::string();
        EXPECT_EQ(cursor.empty(), page == 2);
    }
    EXPECT_EQ(seen.size(), 5U);
    for (const auto* bad : {"limit=0", "limit=501", "limit=x", "from=yesterday", "cursor=x.y"})
        EXPECT_EQ(o(1, person(), "GET", std::string("messages?") + bad).status, 400) << bad;
    const auto shown = o(1, person(), "GET", "messages/" + percent_encode(ids[0])).object();
    EXPECT_GE(shown.at("messages").at(0).at("events").as_array().size(), 3U);
    EXPECT_EQ(json_text(shown).find(kCanary), std::string::npos);
}

TEST_F(Operator, Ap30ParticipantsFindOnlyTheirOwn) {
    start(1, with_operators(1));
    start(2, with_operators(2));
    const auto envelope = make_envelope();
    const auto id = std::string(submit(1, kStad, envelope).object().at("as4MessageId").as_string());
    (void)await_final(1, kStad, id);
    const auto mine = call(1, keys().mt1, "GET", path_of(kStad, "messages") + "?id=" + percent_encode(id));
    EXPECT_EQ(mine.object().at("messages").as_array().size(), 1U) << mine.body;
    for (const auto* query : {"", "?participant=0203%3Astad.example.se", "?peer=AP0002-SDK-TEST"}) {
        const auto others = call(1, keys().mt1, "GET", path_of(kBy, "messages") + query);
        EXPECT_TRUE(others.object().at("messages").as_array().empty()) << others.body;
    }
    EXPECT_EQ(call(1, keys().mt2, "GET", path_of(kStad, "messages")).status, 403);
}

/// access-point.md 10 "ping": step by step, with what to do at the step that fails.
TEST_F(Operator, ConnectionTestNamesTheStepThatFails) {
    start(1, with_operators(1));
    start(2, with_operators(2));
    const auto test = [&] {
        return o(1, person(), "POST", "connection-tests", R"({"participant":"0203:region.example.se"})").object();
    };
    const auto last = [](const boost::json::object& verdict) {
        const auto& step = verdict.at("steps").as_array().back().as_object();
        EXPECT_EQ(step.contains("remedy"), !step.at("ok").as_bool());
        EXPECT_TRUE(step.at("ok").as_bool() || !step.at("remedy").as_string().empty());
        return std::string(step.at("step").as_string());
    };
    const auto good = test();
    EXPECT_TRUE(good.at("reachable").as_bool()) << json_text(good);
    EXPECT_EQ(last(good), "ping");
    EXPECT_EQ(good.at("peer").as_string(), "AP0002-SDK-TEST");
    EXPECT_NE(log_text(2, "transfer").find("as4.ping"), std::string::npos);
    EXPECT_TRUE(inbox(2, kRegion).empty());  // a ping is never delivered

    lookup_error_ = Error{"smp.not_registered", {}, {}, "Not registered.", {}, Retry::never};
    EXPECT_EQ(last(test()), "dns");
    lookup_error_ = Error{"smp.unreachable", {}, {}, "No answer.", {}, Retry::later};
    EXPECT_EQ(last(test()), "smp");
    lookup_error_.reset();
    register_participant(kRegion, "ap2.example.se", ap(2).port_a(), keys().stranger.certificate());
    EXPECT_EQ(last(test()), "certificate");
    register_participant(kRegion, "ap2.example.se", 1, keys().ap2.certificate());
    EXPECT_EQ(last(test()), "connect");
    register_participant(kRegion, "other.example.se", ap(2).port_a(), keys().ap2.certificate());
    EXPECT_EQ(last(test()), "tls");
    register_participant(kRegion, "ap2.example.se", ap(2).port_a(), keys().ap3.certificate());
    EXPECT_EQ(last(test()), "ping");
    keys().ap_ca.publish(*crls_, {keys().ap3.certificate()});
    EXPECT_EQ(last(test()), "revocation");
    EXPECT_EQ(o(1, person(), "POST", "connection-tests", R"({"participant":"x"})").status, 400);
    // The participant may ask the same over interface C.
    register_participant(kRegion, "ap2.example.se", ap(2).port_a(), keys().ap2.certificate());
    const auto mine =
        call(1, keys().mt1, "POST", path_of(kStad, "connection-tests"), R"({"participant":"0203:region.example.se"})");
    EXPECT_TRUE(mine.object().at("reachable").as_bool()) << mine.body;
}

TEST_F(Operator, Sec111DailyReportCountsPerParticipantAndType) {
    start(1, with_operators(1));
    start(2, with_operators(2));
    for (int i = 0; i < 3; ++i)
        (void)await_final(1, kStad,
                          std::string(submit(1, kStad, make_envelope()).object().at("as4MessageId").as_string()));
    lookup_error_ = Error{"smp.not_registered", {}, {}, "Not registered.", {}, Retry::never};
    (void)await_final(1, kStad, std::string(submit(1, kStad, make_envelope()).object().at("as4MessageId").as_string()));
    lookup_error_.reset();
    const auto report = o(1, person(), "GET", "statistics").object();
    ASSERT_EQ(report.at("rows").as_array().size(), 1U) << json_text(report);
    const auto& row = report.at("rows").at(0).as_object();
    EXPECT_EQ(row.at("participant").as_string(), kStad.folded());
    EXPECT_EQ(row.at("sent").as_int64(), 4);
    EXPECT_EQ(row.at("delivered").as_int64(), 3);
    EXPECT_EQ(row.at("causes").at("smp.not_registered").as_int64(), 1);
    EXPECT_GE(row.at("latencyMs").at("max").as_int64(), row.at("latencyMs").at("p50").as_int64());
    const auto receiver = o(2, person(), "GET", "statistics").object();
    const auto& other = receiver.at("rows").at(0).as_object();
    EXPECT_EQ(other.at("received").as_int64(), 3);
    EXPECT_EQ(other.at("document").as_string(), row.at("document").as_string());
    // AP-30: over interface C one's own; SEC-112: no ids of messages.
    EXPECT_TRUE(call(1, keys().mt1, "GET", path_of(kBy, "statistics")).object().at("rows").as_array().empty());
    EXPECT_EQ(call(1, keys().mt1, "GET", path_of(kStad, "statistics")).object().at("rows").as_array().size(), 1U);
    EXPECT_EQ(json_text(report).find('@'), std::string::npos);
    EXPECT_EQ(o(1, person(), "GET", "statistics?day=2001-02-03").object().at("rows").as_array().size(), 0U);
    EXPECT_EQ(o(1, person(), "GET", "statistics?day=soon").status, 400);
}

}  // namespace
}  // namespace budkavle::accesspoint::test
