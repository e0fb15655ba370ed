/// Interface O: who may use it, what it tells, what it leaves in the audit log.

#include <thread>

#include "accesspoint/test_support.hpp"

namespace budkavle::accesspoint::test {
namespace {

class Operator : public World {
protected:
    AccessPointConfig with_operators(int number) {
        auto c = config(number);
        InterfaceO o;
        o.identity = number == 1 ? keys().tls1 : keys().tls2;
        o.client_trust = keys().tls_ca.trust(crypto::Purpose::tls_client);
        o.operators[person().certificate().sha256_hex()] = {.name = "anna.andersson", .monitor = false};
        o.operators[machine().certificate().sha256_hex()] = {.name = "prometheus", .monitor = true};
        c.o = std::move(o);
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
    Answer o(int number, const crypto::Identity& client, const std::string& method, const std::string& path,
             std::string_view body = {}) {
        return call_port(number, ap(number).port_o(), client, method, "/o/v1/" + path, body);
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
        {.body = "nonsense", .sealed = {.content_type = "text/plain", .bytes = 8, .sha256 = {}, .evidence = {}}});
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

}  // namespace
}  // namespace budkavle::accesspoint::test
