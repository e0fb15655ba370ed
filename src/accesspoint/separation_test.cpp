/// AP-30, AP-31, SEC-31: whoever acts for one participant learns nothing of another, over every route of interface C.

#include "accesspoint/test_support.hpp"

namespace budkavle::accesspoint::test {
namespace {

struct RouteCase {
    const char* method;
    const char* below;
};
constexpr RouteCase kRoutes[] = {
    {"POST", "outbox"},
    {"GET", "outbox/{id}"},
    {"GET", "outbox/{id}/request"},
    {"GET", "outbox/{id}/answer"},
    {"GET", "outbox/{id}/request"},
    {"GET", "outbox/{id}/answer"},
    {"GET", "inbox"},
    {"GET", "inbox/{id}"},
    {"POST", "inbox/{id}/ack"},
    {"GET", "events?as4MessageId={id}"},
};

std::string filled(std::string below, const std::string& id) {
    if (const auto at = below.find("{id}"); at != std::string::npos) below.replace(at, 4, percent_encode(id));
    return below;
}

class SeparationTest : public World {
protected:
    void SetUp() override {
        World::SetUp();
        start(1);
        start(2);
        sent_ = std::string(submit(1, kStad, make_envelope()).object().at("as4MessageId").as_string());
        EXPECT_EQ(await_final(1, kStad, sent_).at("state").as_string(), "delivered");
        const auto request = make_request(make_envelope({.from = kRegion, .to = kStad}).octets, {});
        EXPECT_EQ(post(request).status, 200);
        received_ = request.sealed.evidence.message_id;
    }
    std::string sent_;
    std::string received_;
};

TEST_F(SeparationTest, AnotherOrganisationsClientIsDeniedOnEveryRoute) {
    for (const auto& [method, below] : kRoutes) {
        for (const auto& id : {sent_, received_}) {
            const auto answer = call(1, keys().mt2, method, path_of(kStad, filled(below, id)));
            EXPECT_EQ(answer.status, 403) << method << " " << below;
            EXPECT_EQ(answer.object().at("code").as_string(), "access.denied");
        }
    }
    EXPECT_EQ(inbox(1, kStad).size(), 1U) << "nothing was acknowledged";
    const auto audit = log_text(1, "audit");
    EXPECT_NE(audit.find("access.denied"), std::string::npos) << "SEC-10";
    EXPECT_NE(audit.find(keys().mt2.certificate().sha256_hex()), std::string::npos) << "SEC-11";
}

TEST_F(SeparationTest, ParticipantsThatDoNotExistAnswerTheSame) {
    const auto nobody = federation::ParticipantId::parse("0203:okand.example.se").value();
    const auto theirs = call(1, keys().mt2, "GET", path_of(kStad, "inbox"));
    const auto none = call(1, keys().mt2, "GET", path_of(nobody, "inbox"));
    EXPECT_EQ(none.status, 403);
    EXPECT_EQ(none.body, theirs.body);
    EXPECT_EQ(call(1, keys().mt2, "GET", "/c/v1/participants/%00/inbox").status, 400);
    EXPECT_EQ(call(1, keys().mt2, "GET", "/c/v1/participants/..%2F..%2Fx/inbox").status, 403);
}

TEST_F(SeparationTest, OneClientOfTwoParticipantsStillSeesThemApart) {
    EXPECT_EQ(call(1, keys().mt1, "GET", path_of(kBy, filled("outbox/{id}", sent_))).status, 404);
    EXPECT_EQ(call(1, keys().mt1, "GET", path_of(kBy, filled("outbox/{id}/answer", sent_))).status, 404);
    EXPECT_EQ(call(1, keys().mt1, "GET", path_of(kBy, filled("inbox/{id}", received_))).status, 404);
    EXPECT_EQ(call(1, keys().mt1, "POST", path_of(kBy, filled("inbox/{id}/ack", received_))).status, 404);
    EXPECT_TRUE(inbox(1, kBy).empty());
    EXPECT_TRUE(events(1, kBy, sent_).empty());
    EXPECT_TRUE(events(1, kBy, received_).empty());
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
}

TEST_F(SeparationTest, EveryIncomingRequestNeedsAClientCertificateOfTheRightAuthority) {  // SEC-40, SEC-52, AP-10
    net::ClientOptions options;
    options.tls = {
        .server_trust = keys().tls_ca.trust(crypto::Purpose::tls_server), .crls = crls_, .identity = std::nullopt};
    options.resolve = [](const std::string&) -> Result<std::vector<std::string>> {
        return std::vector<std::string>{"127.0.0.1"};
    };
    options.guard = net::AddressGuard::from_ranges({"127.0.0.0/8"}).value();
    const auto anonymous = net::Client::create(options);
    options.tls.identity = keys().stranger;
    const auto stranger = net::Client::create(options);
    for (const auto port : {ap(1).port_a(), ap(1).port_c()}) {
        net::ClientRequest request;
        request.url = "https://ap1.example.se:" + std::to_string(port) + "/health";
        EXPECT_FALSE(anonymous->send(request));
        EXPECT_FALSE(stranger->send(request));
    }
}

TEST_F(SeparationTest, TheSecondProcessOnTheSameFolderIsRefused) {
    const auto second = AccessPoint::start(config(1), outside(), *logs_[1], clock_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "blob.in_use");
}

}  // namespace
}  // namespace budkavle::accesspoint::test
