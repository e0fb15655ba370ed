/// SEC-107: peers that stall at any point of a connection hold up nobody else.

#include <gtest/gtest.h>

#include <atomic>

#include "base/stream.hpp"
#include "net/test_support.hpp"

namespace budkavle::net {
namespace {

using namespace std::chrono_literals;

Response count_body(Request& request) {
    CountingSink sink;
    (void)copy(*request.body, sink);
    return json_response(200, std::to_string(sink.count()));
}

/// The first request of a new connection, with the whole answer.
std::string ask(std::uint16_t port) {
    const test::RawConnection connection(port);
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    return connection.read_all();
}

TEST(Stalled, Sec107TwoHundredStalledPeersHoldUpNobody) {
    const auto server = Server::start("127.0.0.1", 0, std::nullopt, {}, count_body).value();
    std::vector<std::unique_ptr<test::RawConnection>> stalled;
    for (int i = 0; i < 200; ++i) {
        stalled.push_back(std::make_unique<test::RawConnection>(server->port()));
        switch (i % 4) {
            case 0:  // says nothing
                break;
            case 1:
                stalled.back()->send("POST / HT");
                break;
            case 2:
                stalled.back()->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nbeginning");
                break;
            case 3:
                stalled.back()->send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe");
                break;
        }
    }
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(ask(server->port()).starts_with("HTTP/1.1 200")) << i;
}

TEST(Stalled, Sec107HandshakesThatNeverEndHoldUpNobody) {
    test::Pki pki;
    const auto server =
        Server::start("127.0.0.1", 0,
                      TlsServer{.identity = pki.identity("localhost"),
                                .client_trust = pki.trust(crypto::Purpose::tls_client),
                                .crls = pki.crls()},
                      {}, count_body)
            .value();
    std::vector<std::unique_ptr<test::RawConnection>> stalled;
    for (int i = 0; i < 200; ++i) {
        stalled.push_back(std::make_unique<test::RawConnection>(server->port()));
        if (i % 2 == 0) stalled.back()->send("\x16\x03\x01");  // the beginning of a ClientHello
    }
    ClientOptions options;
    options.tls = {.server_trust = pki.trust(crypto::Purpose::tls_server), .crls = pki.crls(), .identity = pki.identity("client")};
    options.resolve = test::resolve_to({"127.0.0.1"});
    options.guard = test::loopback();
    const auto client = Client::create(options);
    MemorySource body(std::string_view("hello"));
    ClientRequest request;
    request.method = "POST";
    request.url = "https://localhost:" + std::to_string(server->port()) + "/";
    request.body = &body;
    request.body_length = 5;
    const auto answer = client->send(request);
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->status, 200);
}

TEST(Stalled, Sec107APeerThatReadsNothingHoldsUpNobody) {
    ServerLimits limits;
    limits.stall_timeout = 2s;
    const auto server = Server::start("127.0.0.1", 0, std::nullopt, limits,
                                      [](Request& request) {
                                          if (request.path != "/large") return json_response(200, "small");
                                          Response response;
                                          response.body = std::string(std::size_t{64} << 20, 'x');
                                          return response;
                                      })
                            .value();
    std::vector<std::unique_ptr<test::RawConnection>> stalled;
    for (int i = 0; i < 10; ++i) {
        stalled.push_back(std::make_unique<test::RawConnection>(server->port()));
        stalled.back()->send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    EXPECT_TRUE(ask(server->port()).starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace budkavle::net
