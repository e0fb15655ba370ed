/// The whole service with its threads, its API and its access point over real sockets; access of one participant's
/// client to another's messages, route by route (SEC-31).

#include <thread>

#include "messageservice/test_support.hpp"

namespace budkavle::messageservice {
namespace {

using namespace test;

struct Reply {
    int status = 0;
    std::string body;
    json::object object() const { return json::parse(body).as_object(); }
};

class Service : public testing::Test {
protected:
    World world;
    const Keys& keys = Keys::instance();
    std::unique_ptr<obs::Log> log = must(obs::Log::open(world.folder.path() / "log", "mt", world.clock));
    std::unique_ptr<MessageService> left;
    std::unique_ptr<MessageService> right;

    Service() {
        left = must(MessageService::start(quick(world.config("mt1", {{kSchool, {keys.school}}})), world.outside(), *log,
                                          system_clock()));
        auto config = quick(world.config("mt2", {{kTown, {keys.town}}, {kRegion, {keys.region}}}));
        config.api.clients = {
            {keys.client.certificate().sha256_hex(), {must(federation::ParticipantId::parse(kTown))}},
            {keys.other_client.certificate().sha256_hex(), {must(federation::ParticipantId::parse(kRegion))}}};
        right = must(MessageService::start(config, world.outside(), *log, system_clock()));
    }
    static MessageServiceConfig quick(MessageServiceConfig config) {
        config.schedule.retry_first = milliseconds(20);
        config.schedule.follow_first = milliseconds(20);
        config.schedule.inbox_wait = std::chrono::seconds(1);
        return config;
    }

    std::unique_ptr<net::Client> client(const std::optional<crypto::Identity>& identity) const {
        net::ClientOptions options;
        options.tls = {.server_trust = keys.tls.trust(crypto::Purpose::tls_server),
                       .crls = world.crls,
                       .revocation = crypto::RevocationPolicy::required,
                       .identity = identity};
        options.resolve = [](const std::string&) { return std::vector<std::string>{"127.0.0.1"}; };
        options.guard = must(net::AddressGuard::from_ranges({"127.0.0.0/8"}));
        return net::Client::create(options);
    }
    Reply call(const MessageService& service, const crypto::Identity& who, const std::string& method,
               const std::string& participant, const std::string& rest, std::string_view body = {}) const {
        net::ClientRequest request;
        request.method = method;
        request.url = "https://localhost.example.se:" + std::to_string(service.port()) + "/m/v1/participants/" +
                      percent_encode(participant) + "/messages" + rest;
        MemorySource source(body);
        if (method == "POST") {
            request.body = &source;
            request.body_length = body.size();
        }
        request.max_response = std::uint64_t{64} << 20;
        const auto response = client(who)->send(request);
        if (!response) return {0, response.error().describe()};
        return {response->status, std::string(as_text(response->body))};
    }
    Reply school(const std::string& method, const std::string& rest, std::string_view body = {}) const {
        return call(*left, keys.client, method, kSchool, rest, body);
    }
    Reply town(const std::string& method, const std::string& rest) const {
        return call(*right, keys.client, method, kTown, rest);
    }

    std::string status_of(const Reply& reply) const {
        return reply.status == 200 ? std::string(reply.object().at("status").as_string())
                                   : std::to_string(reply.status);
    }
    /// Until the message has that status at the sender's; the test's own time limit ends it otherwise.
    void await(const std::string& id, const std::string& status) const {
        for (int i = 0; i < 3000 && status_of(school("GET", "/" + id)) != status; ++i)
            std::this_thread::sleep_for(milliseconds(20));
        EXPECT_EQ(status_of(school("GET", "/" + id)), status);
    }
    void await_new(const std::string& id) const {
        for (int i = 0; i < 3000 && status_of(town("GET", "/" + id)) != "NEW"; ++i)
            std::this_thread::sleep_for(milliseconds(20));
        EXPECT_EQ(status_of(town("GET", "/" + id)), "NEW");
    }
    std::string payload() const { return write(draft(kSchool, kTown, system_clock().now())); }
    static std::string id_of(const Reply& reply) { return std::string(reply.object().at("messageId").as_string()); }
};

TEST_F(Service, AMessageGoesThroughAndCanBeRead) {
    const auto sent = payload();
    const auto reply = school("POST", "", sent);
    ASSERT_EQ(reply.status, 202) << reply.body;
    const auto id = id_of(reply);
    EXPECT_EQ(reply.object().at("status").as_string(), "SCHEDULED");
    await(id, "ACCEPTED");
    await_new(id);

    EXPECT_EQ(town("GET", "/" + id + "/content").body, sent);
    EXPECT_EQ(school("GET", "/" + id + "/content").body, sent);
    const auto receipt = town("GET", "/" + id + "/receipt").body;
    EXPECT_EQ(school("GET", "/" + id + "/receipt").body, receipt) << "the same signed octets on both sides";
    EXPECT_EQ(school("GET", "/" + id + "/envelope").body, town("GET", "/" + id + "/envelope").body);

    const auto inbox = town("GET", "?direction=in&function=" + percent_encode(function_of(kTown))).object();
    ASSERT_EQ(inbox.at("messages").as_array().size(), 1U);
    const auto& entry = inbox.at("messages").as_array().front().as_object();
    for (const auto* key : {"messageId", "conversationId", "from", "to", "function", "subject", "status", "received"})
        EXPECT_TRUE(entry.contains(key)) << key;
    EXPECT_EQ(entry.at("subject").as_string(), "Kanariefågel i ämnesraden");
    EXPECT_EQ(entry.at("from").as_string(), kSchool);
    EXPECT_TRUE(town("GET", "?direction=in&function=sdk%3Aannan").object().at("messages").as_array().empty());
    EXPECT_EQ(school("GET", "?direction=out").object().at("messages").as_array().size(), 1U);
    EXPECT_TRUE(school("GET", "").object().at("messages").as_array().empty()) << "a receipt is no message in the inbox";
}

TEST_F(Service, ATraceShowsEveryHop) {
    const auto id = id_of(school("POST", "", payload()));
    await(id, "ACCEPTED");
    const auto trace = school("GET", "/" + id + "/trace").object();
    std::set<std::string> events;
    bool certificate = false;
    for (const auto& value : trace.at("hops").as_array()) {
        const auto& hop = value.as_object();
        for (const auto* key : {"time", "component", "event", "ids", "certificateSha256", "error"})
            EXPECT_TRUE(hop.contains(key)) << key;
        events.insert(std::string(hop.at("component").as_string()) + " " + std::string(hop.at("event").as_string()));
        certificate = certificate || hop.at("certificateSha256").is_string();
    }
    for (const auto* expected : {"mt1 status SCHEDULED", "mt1 sealed", "mt1 handed_over", "ap as4.seen",
                                 "mt1 transport_receipt", "mt1 message_receipt", "mt1 status ACCEPTED"})
        EXPECT_TRUE(events.contains(expected)) << expected;
    EXPECT_TRUE(certificate);
}

TEST_F(Service, WhatIsWrongIsToldAtOnceAndNothingIsSent) {
    const auto good = payload();
    const auto without = [&](const std::string& element) {
        auto text = good;
        const auto at = text.find("<m:" + element + ">");
        const auto end = "</m:" + element + ">";
        text.erase(at, text.find(end) + end.size() - at);
        return text;
    };
    const auto elsewhere = [&](const std::string& from, const std::string& to) {
        auto text = good;
        text.replace(text.find(from), from.size(), to);
        return text;
    };
    const std::vector<std::pair<std::string, std::string>> cases{
        {"no XML", "SEC-64"},
        {"<!DOCTYPE a>" + good, "SEC-64"},
        {without("confidentiality"), "XSD"},
        {elsewhere(">iso6523-actorid-upis<", ">iso6523<"), "recipientIdvalue"},
        {write(draft(kTown, kSchool, system_clock().now())), "API-21"},
        {elsewhere(function_of(kSchool), "sdk:nagon:annan"), "API-21"},
        {std::string(30'000'001, 'a'), "MSG-03"},
    };
    for (const auto& [text, rule] : cases) {
        const auto reply = school("POST", "", text);
        ASSERT_EQ(reply.status, 400) << rule << reply.body;
        const auto findings = reply.object().at("findings").as_array();
        ASSERT_FALSE(findings.empty());
        bool found = false;
        for (const auto& finding : findings) found = found || finding.as_object().at("rule").as_string() == rule;
        EXPECT_TRUE(found) << rule << ": " << reply.body;
    }
    EXPECT_TRUE(school("GET", "?direction=out").object().at("messages").as_array().empty());
    EXPECT_TRUE(world.access_point->sent().empty());
}

TEST_F(Service, TheSameMessageTwiceIsOneMessage) {  // API-08
    const auto text = payload();
    const auto first = school("POST", "", text);
    const auto again = school("POST", "", text);
    EXPECT_EQ(again.status, 202);
    EXPECT_EQ(id_of(again), id_of(first));
    auto other = text;
    other.replace(other.find("Kanarief"), 8, "Koltrast");
    EXPECT_EQ(school("POST", "", other).status, 400);
    await(id_of(first), "ACCEPTED");
    EXPECT_EQ(school("GET", "?direction=out").object().at("messages").as_array().size(), 1U);
}

/// One participant's client at every route of another one of the same installation, and of nobody.
TEST_F(Service, EveryRouteIsClosedToOtherParticipantsClients) {
    const auto id = id_of(school("POST", "", payload()));
    await_new(id);
    const std::vector<std::pair<std::string, std::string>> routes{{"POST", ""},
                                                                  {"GET", ""},
                                                                  {"GET", "?direction=out"},
                                                                  {"GET", "/" + id},
                                                                  {"GET", "/" + id + "/content"},
                                                                  {"GET", "/" + id + "/receipt"},
                                                                  {"GET", "/" + id + "/envelope"},
                                                                  {"GET", "/" + id + "/trace"}};
    for (const auto& [method, rest] : routes) {
        const auto foreign = call(*right, keys.other_client, method, kTown, rest);
        EXPECT_EQ(foreign.status, 403) << method << rest;
        EXPECT_EQ(foreign.body, call(*right, keys.other_client, method, "0203:ingen.example.se", rest).body)
            << "nobody learns who exists";
        EXPECT_EQ(call(*left, keys.other_client, method, kSchool, rest).status, 403);
        // Its own participant, but another one's message.
        if (rest.starts_with("/"))
            EXPECT_EQ(call(*right, keys.other_client, method, kRegion, rest).status, 404) << rest;
    }
    EXPECT_TRUE(call(*right, keys.other_client, "GET", kRegion, "").object().at("messages").as_array().empty());
    const auto audit = must(read_file(world.folder.path() / "log" / "audit.jsonl"));
    EXPECT_NE(as_text(audit).find("mt.access_denied"), std::string_view::npos) << "SEC-10";
    EXPECT_NE(as_text(audit).find(keys.other_client.certificate().sha256_hex()), std::string_view::npos);
}

TEST_F(Service, WithoutAClientCertificateThereIsNoConnection) {  // SEC-40
    net::ClientRequest request;
    request.url = "https://localhost.example.se:" + std::to_string(left->port()) + "/health";
    EXPECT_FALSE(client(std::nullopt)->send(request).has_value());
    EXPECT_EQ(client(keys.other_client)->send(request)->status, 200);
}

TEST_F(Service, AMessageIsReadableOnlyWhenItsReceiptHasArrived) {
    world.access_point->on_submit = [](FakeAccessPoint::Sent& sent) {
        if (sent.participant == kTown) sent.state = "sending";
    };
    const auto id = id_of(school("POST", "", payload()));
    for (int i = 0; i < 3000 && status_of(town("GET", "/" + id)) != "RETRIEVED"; ++i)
        std::this_thread::sleep_for(milliseconds(20));
    EXPECT_EQ(town("GET", "/" + id + "/content").status, 404);
    EXPECT_TRUE(town("GET", "").object().at("messages").as_array().empty());
    for (int i = 0; i < 3000 && world.access_point->sent().size() < 2; ++i)
        std::this_thread::sleep_for(milliseconds(20));
    world.access_point->deliver(world.access_point->sent().back().xhe_id);
    await_new(id);
    EXPECT_EQ(town("GET", "/" + id + "/content").status, 200);
}

TEST(Config, NamesTheFirstFault) {
    World world;
    const auto& keys = Keys::instance();
    const auto good = world.config("mt", {{kSchool, {keys.school}}, {kTown, {keys.town}}});
    EXPECT_TRUE(check(good).has_value());
    const auto place = [&](const std::function<void(MessageServiceConfig&)>& change) {
        auto config = good;
        change(config);
        const auto checked = check(config);
        return checked ? std::string() : checked.error().place;
    };
    EXPECT_EQ(place([&](auto& c) { c.participants[0].identities = {keys.school}; }), "participants") << "SEC-30";
    EXPECT_EQ(place([](auto& c) { c.participants[0].id = "0203:http://skolan.example.se"; }), "participants");
    EXPECT_EQ(place([](auto& c) { c.participants[0].id = c.participants[1].id; }), "participants");
    EXPECT_EQ(place([](auto& c) { c.participants[0].identities.clear(); }), "participants");
    EXPECT_EQ(place([](auto& c) { c.keys = c.data; }), "keys");
    EXPECT_EQ(place([](auto& c) { c.environment.federation_ids.clear(); }), "environment.federation_ids");
    EXPECT_EQ(place([&](auto& c) { c.environment.o2o_trust = keys.ap.trust(crypto::Purpose::as4); }),
              "environment.o2o_trust");
    EXPECT_EQ(place([](auto& c) { c.api.clients["00"].insert(must(federation::ParticipantId::parse(kRegion))); }),
              "api.clients");
}

}  // namespace
}  // namespace budkavle::messageservice
