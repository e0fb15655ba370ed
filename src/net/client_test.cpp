// The client's HTTP side: addresses, redirects, limits, kept connections, bodies. Python and our server as peers.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "net/client_url.hpp"
#include "net/test_support.hpp"

namespace budkavle::net {
namespace {

ClientOptions plain() {
    ClientOptions options;
    options.allow_plain_http = true;
    options.resolve = test::resolve_to({"127.0.0.1"});
    options.guard = test::loopback();
    options.connect_timeout = seconds(2);
    options.stall_timeout = seconds(2);
    return options;
}

ClientRequest to(std::uint16_t port, const std::string& path = "/", const std::string& host = "crl.example.se") {
    ClientRequest request;
    request.url = "http://" + host + ":" + std::to_string(port) + path;
    return request;
}

std::string code(const Result<ClientResponse>& response) {
    return response ? "status " + std::to_string(response->status) : response.error().code;
}

std::unique_ptr<Server> serve(Handler handler) {
    return Server::start("127.0.0.1", 0, std::nullopt, {}, std::move(handler)).value();
}

/// A server in Python whose one connection does what `behaviour` says with socket `c`.
class PythonPeer {
public:
    explicit PythonPeer(const std::string& behaviour)
        : program_(
              "python3 " +
              dir_.file(
                  "peer.py",
                  "import socket\ns = socket.create_server(('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\n" +
                      behaviour)),
          port_(static_cast<std::uint16_t>(std::stoi(program_.line()))) {}
    [[nodiscard]] std::uint16_t port() const { return port_; }
    std::string line() { return program_.line(); }

private:
    test::TempDir dir_;
    test::Program program_;
    std::uint16_t port_;
};

TEST(ClientUrl, OnlyWhatItIsFor) {
    for (const auto* bad : {"http://a.example.se/", "ftp://a.example.se/", "file:///etc/passwd",
                            "https://user@a.example.se/", "https://u:p@a.example.se/", "https://", "a.example.se",
                            "https://a b/", "https://a.example.se:0/", "https://a.example.se:99999/",
                            "https://[fe80::1%25eth0]/", "https://a.example.se./", "https://\xc3\xa5.example.se/"})
        EXPECT_FALSE(parse_client_url(bad, false)) << bad;
    EXPECT_EQ(parse_client_url("https://A.example.se/x?y", false)->host, "a.example.se");
    EXPECT_EQ(parse_client_url("https://a.example.se/", false)->port, 443);
    EXPECT_EQ(parse_client_url("https://[::1]:8443/", false)->host, "::1");
    // Other spellings of an address are the address, for the guard to see.
    for (const auto* spelling :
         {"https://127.0.0.1/", "https://127.1/", "https://0x7f.1/", "https://2130706433/", "https://0177.0.0.1/"}) {
        const auto url = parse_client_url(spelling, false);
        if (!url) continue;
        EXPECT_EQ(url->host, "127.0.0.1") << spelling;
        EXPECT_TRUE(url->is_literal) << spelling;
    }
}

TEST(ClientAddress, Ap10OnlyPermittedPortsAreConnected) {
    std::atomic<int> requests = 0;
    const auto server = serve([&](Request&) {
        ++requests;
        return Response{};
    });
    auto options = plain();
    options.ports = {{443, 443}};
    EXPECT_EQ(code(Client::create(options)->send(to(server->port()))), "http.port_refused");
    EXPECT_EQ(requests, 0);
    options.ports.push_back({server->port(), server->port()});
    EXPECT_EQ(code(Client::create(options)->send(to(server->port()))), "status 200");
    EXPECT_EQ(requests, 1);
}

TEST(ClientAddress, Sec42ForbiddenAddressesAreNotConnected) {
    std::atomic<int> requests = 0;
    const auto server = serve([&](Request&) {
        ++requests;
        return Response{};
    });
    auto options = plain();
    options.guard = AddressGuard::from_ranges({"192.0.2.0/24"}).value();
    EXPECT_EQ(code(Client::create(options)->send(to(server->port()))), "http.address_refused");
    EXPECT_EQ(code(Client::create(options)->send(to(server->port(), "/", "127.0.0.1"))), "http.address_refused");
    options = plain();
    options.resolve = test::resolve_to({"127.0.0.1", "198.51.100.7"});
    EXPECT_EQ(code(Client::create(options)->send(to(server->port()))), "http.address_refused");
    options.resolve = [](const std::string&) -> Result<std::vector<std::string>> {
        return fail("dns.not_found", "no such name");
    };
    EXPECT_EQ(code(Client::create(options)->send(to(server->port()))), "dns.not_found");
    options.resolve = test::resolve_to({});
    EXPECT_EQ(code(Client::create(options)->send(to(server->port()))), "dns.not_found");
    EXPECT_EQ(requests, 0);
    options = plain();
    options.allow_plain_http = false;
    EXPECT_EQ(code(Client::create(options)->send(to(server->port()))), "http.url");
}

TEST(ClientAddress, NameIsResolvedOnceByOurResolver) {
    const auto server = serve([](Request& request) {
        Response response;
        response.body = request.headers.get("Host").value_or("");
        return response;
    });
    int asked = 0;
    auto options = plain();
    options.resolve = [&](const std::string& host) -> Result<std::vector<std::string>> {
        ++asked;
        EXPECT_EQ(host, "localhost");  // the machine's own table is not looked at
        return std::vector<std::string>{"127.0.0.2"};
    };
    const auto elsewhere = Server::start("127.0.0.2", 0, std::nullopt, {}, [](Request& request) {
                               Response response;
                               response.body = request.peer_address;
                               return response;
                           }).value();
    const auto response = Client::create(options)->send(to(elsewhere->port(), "/", "localhost"));
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(asked, 1);
}

TEST(ClientSend, RedirectsAndProxiesAreNotFollowed) {
    const auto server = serve([](Request& request) {
        Response response;
        response.status = 302;
        response.headers.add("Location", "/elsewhere");
        response.body = request.target;
        return response;
    });
    ::setenv("http_proxy", ("http://127.0.0.1:" + std::to_string(test::unused_port())).c_str(), 1);
    const auto response = Client::create(plain())->send(to(server->port(), "/a/../b/%2e%2e/c"));
    ::unsetenv("http_proxy");
    ASSERT_TRUE(response) << response.error().describe();
    EXPECT_EQ(response->status, 302);
    EXPECT_EQ(as_text(response->body), "/a/../b/%2e%2e/c");
}

TEST(ClientSend, BodiesOfBothDirections) {
    const auto server = serve([](Request& request) {
        Response response;
        const auto body = read_all(*request.body, 10'000'000);
        response.headers.add("X-Method", request.method);
        response.headers.add("X-Length", request.content_length ? std::to_string(*request.content_length) : "none");
        response.headers.add("X-Type", request.headers.get("Content-Type").value_or("none"));
        response.body = body ? std::string(as_text(*body)) : body.error().code;
        return response;
    });
    const auto client = Client::create(plain());
    const std::string text(3'000'000, 'y');
    for (const auto* method : {"POST", "PUT"}) {
        MemorySource body(text);
        auto request = to(server->port());
        request.method = method;
        request.body = &body;
        request.body_length = text.size();
        request.max_response = text.size();
        request.headers.add("Content-Type", "application/xml");
        const auto response = client->send(request);
        ASSERT_TRUE(response) << response.error().describe();
        EXPECT_EQ(response->headers.get("x-method"), method);
        EXPECT_EQ(response->headers.get("x-length"), "3000000");
        EXPECT_EQ(response->headers.get("x-type"), "application/xml");
        EXPECT_EQ(as_text(response->body), text);
    }
    for (const auto* method : {"GET", "HEAD", "DELETE", "POST"}) {
        auto request = to(server->port());
        request.method = method;
        const auto response = client->send(request);
        ASSERT_TRUE(response) << method << response.error().describe();
        EXPECT_EQ(response->headers.get("x-method"), method);
        EXPECT_EQ(response->headers.get("x-type"), "none");
    }
    MemorySource body("short");
    auto request = to(server->port());
    request.method = "POST";
    request.body = &body;
    request.body_length = 10;
    EXPECT_EQ(code(client->send(request)), "http.body_length");
    request = to(server->port());
    request.headers.add("X-A", "b\r\nX-Evil: c");
    EXPECT_EQ(code(client->send(request)), "http.url");
}

TEST(ClientSend, AnswersAreLimitedAndGoToTheSink) {
    const auto server = serve([](Request&) {
        Response response;
        response.body = std::string(2000, 'a');
        return response;
    });
    const auto client = Client::create(plain());
    auto request = to(server->port());
    request.max_response = 1999;
    EXPECT_EQ(code(client->send(request)), "http.too_long");
    request.max_response = 2000;
    CountingSink sink;
    const auto response = client->send(request, &sink);
    EXPECT_EQ(code(response), "status 200");
    EXPECT_TRUE(response->body.empty());
    EXPECT_EQ(sink.count(), 2000U);
    MemorySink full(100);
    EXPECT_EQ(code(client->send(request, &full)), "stream.too_long");
    PythonPeer peer(
        "c, _ = s.accept()\nc.recv(9999)\nc.sendall(b'HTTP/1.1 200 OK\\r\\n' + b'X: ' + b'y' * 90000 + "
        "b'\\r\\n\\r\\n')\nc.recv(1)\n");
    EXPECT_EQ(code(client->send(to(peer.port()))), "http.too_long");
}

TEST(ClientSend, KeepsTheConnection) {
    std::mutex mutex;
    std::vector<std::string> peers;
    const auto server = serve([&](Request& request) {
        const std::lock_guard lock(mutex);
        peers.push_back(request.peer_address);
        return Response{};
    });
    const auto client = Client::create(plain());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(code(client->send(to(server->port()))), "status 200");
    EXPECT_EQ(peers.at(0), peers.at(1));
    EXPECT_EQ(peers.at(0), peers.at(2));
}

TEST(ClientSend, ManyThreads) {
    const auto server = serve([](Request& request) {
        Response response;
        response.body = request.target;
        return response;
    });
    const auto client = Client::create(plain());
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 20; ++i) {
                const auto path = "/" + std::to_string(t) + "/" + std::to_string(i);
                const auto response = client->send(to(server->port(), path));
                ASSERT_TRUE(response);
                EXPECT_EQ(as_text(response->body), path);
            }
        });
}

TEST(ClientSend, APeerMayTakeItsTimeForAWholeRequest) {  // as4-wire 1.1: large messages need more than 60 s
    const auto server = serve([](Request& request) {
        (void)read_all(*request.body, 1 << 20);
        std::this_thread::sleep_for(std::chrono::seconds(4));
        return json_response(200, "{}");
    });
    auto options = plain();
    options.stall_timeout = seconds(1);
    const auto client = Client::create(std::move(options));
    MemorySource body(std::string_view("whole"));
    auto request = to(server->port());
    request.method = "POST";
    request.body = &body;
    request.body_length = 5;
    EXPECT_EQ(code(client->send(request)), "status 200");
    // Who asks for something waits no longer than a stall.
    EXPECT_EQ(code(client->send(to(server->port()))), "http.timeout");
}

TEST(ClientSend, AnEarlyAnswerCountsWhenTheRestCannotBeSent) {
    PythonPeer peer(R"(
c, _ = s.accept()
c.recv(100)
c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nrefused')
import time
time.sleep(0.3)
c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')
c.close()
)");
    const auto client = Client::create(plain());
    const std::string much(std::size_t{64} << 20, 'x');
    MemorySource body(much);
    auto request = to(peer.port());
    request.method = "POST";
    request.body = &body;
    request.body_length = much.size();
    const auto answer = client->send(request);
    ASSERT_TRUE(answer) << answer.error().code << " " << answer.error().text;
    EXPECT_EQ(as_text(answer->body), "refused");
}

TEST(ClientSend, AConnectionThatEndsAfterTheWholeRequestIsAMissingAnswer) {  // TA15
    PythonPeer peer("c, _ = s.accept()\nc.recv(100000)\nc.close()\n");
    const auto client = Client::create(plain());
    MemorySource body(std::string_view("whole"));
    auto request = to(peer.port());
    request.method = "POST";
    request.body = &body;
    request.body_length = 5;
    EXPECT_EQ(code(client->send(request)), "http.no_answer");
}

TEST(ClientSend, PeersThatFail) {
    const auto client = Client::create(plain());
    const auto refused = client->send(to(test::unused_port()));
    EXPECT_EQ(code(refused), "http.connect");
    EXPECT_EQ(refused.error().retry, Retry::later);
    PythonPeer silent("c, _ = s.accept()\nc.recv(9999)\nc.close()\n");
    EXPECT_EQ(code(client->send(to(silent.port()))), "http.connect");
    PythonPeer nonsense("c, _ = s.accept()\nc.recv(9999)\nc.sendall(b'SSH-2.0-hello\\r\\n')\nc.close()\n");
    EXPECT_EQ(code(client->send(to(nonsense.port()))), "http.protocol");
    PythonPeer cut(
        "c, _ = s.accept()\nc.recv(9999)\nc.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: "
        "10\\r\\n\\r\\nhalf')\nc.close()\n");
    EXPECT_EQ(code(client->send(to(cut.port()))), "http.protocol");
    PythonPeer hanging("c, _ = s.accept()\nc.recv(9999)\nc.recv(9999)\n");
    const auto late = client->send(to(hanging.port()));
    EXPECT_EQ(code(late), "http.timeout");
    EXPECT_EQ(late.error().retry, Retry::later);
}

TEST(ClientSend, BodyBegunOnADyingConnectionIsNotSentAgain) {
    // The kept connection takes the second request whole and then ends without an answer; a fresh one would be
    // answered.
    PythonPeer peer(R"(
def more(c):
    piece = c.recv(65536)
    if not piece: raise EOFError
    return piece
def request(c):
    data = b''
    while b'\r\n\r\n' not in data: data += more(c)
    head, body = data.split(b'\r\n\r\n', 1)
    length = next((int(l.split(b':')[1]) for l in head.split(b'\r\n') if l.lower().startswith(b'content-length')), 0)
    while len(body) < length: body += more(c)
    return len(body)
ok = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
c, _ = s.accept()
request(c); c.sendall(ok)
print(request(c), flush=True); c.close()
while True:
    c, _ = s.accept()
    try: print('again', request(c), flush=True); c.sendall(ok)
    except EOFError: pass
)");
    const auto client = Client::create(plain());
    ASSERT_EQ(code(client->send(to(peer.port()))), "status 200");
    const std::string text(100'000, 'b');
    MemorySource body(text);
    auto request = to(peer.port());
    request.method = "POST";
    request.body = &body;
    request.body_length = text.size();
    const auto lost = client->send(request);
    EXPECT_EQ(code(lost), "http.no_answer");
    EXPECT_EQ(lost.error().retry, Retry::later);
    EXPECT_EQ(peer.line(), "100000");
    // The caller may send it again with a fresh source.
    MemorySource again(text);
    request.body = &again;
    EXPECT_EQ(code(client->send(request)), "status 200");
    EXPECT_EQ(peer.line(), "again 100000");
}

}  // namespace
}  // namespace budkavle::net
