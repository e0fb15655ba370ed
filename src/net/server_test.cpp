// The server over real sockets: raw octets, curl and Python as clients.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "net/test_support.hpp"

namespace budkavle::net {
namespace {

using test::RawConnection;

class Endless final : public Source {
public:
    explicit Endless(std::uint64_t left) : left_(left) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_));
        std::fill_n(into.begin(), n, std::uint8_t{'z'});
        left_ -= n;
        return n;
    }

private:
    std::uint64_t left_;
};

class Failing final : public Source {
public:
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        if (given_) return fail("test", "broken");
        given_ = true;
        into[0] = 'x';
        return std::size_t{1};
    }

private:
    bool given_ = false;
};

Response standard(Request& request) {
    Response response;
    if (request.path == "/count") {
        CountingSink sink;
        const auto copied = copy(*request.body, sink);
        response.body = copied ? std::to_string(sink.count()) : copied.error().code;
    } else if (request.path == "/ignore") {
        response.body = "ignored";
    } else if (request.path == "/throw") {
        throw std::runtime_error("secret detail");
    } else if (request.path == "/inject") {
        response.headers.add("X-A", "b\r\nX-Evil: c");
    } else if (request.path == "/chunked") {
        response.stream = std::make_unique<Endless>(200'000);
    } else if (request.path == "/length") {
        response.stream = std::make_unique<Endless>(200'000);
        response.stream_length = 200'000;
    } else if (request.path == "/short") {
        response.stream = std::make_unique<Endless>(10);
        response.stream_length = 20;
    } else if (request.path == "/broken") {
        response.stream = std::make_unique<Failing>();
    } else if (request.path == "/none") {
        response.status = 204;
    } else {
        response.body = request.method + " " + request.target;
    }
    return response;
}

ServerLimits quick() {
    ServerLimits limits;
    limits.head_timeout = seconds(1);
    limits.idle_timeout = seconds(1);
    limits.stall_timeout = seconds(1);
    limits.body_timeout = seconds(2);
    limits.body_bytes = 1000;
    return limits;
}

std::unique_ptr<Server> start(ServerLimits limits = {}, Handler handler = standard) {
    return Server::start("127.0.0.1", 0, std::nullopt, limits, std::move(handler)).value();
}

std::string url(const Server& server, const std::string& path) {
    return "http://127.0.0.1:" + std::to_string(server.port()) + path;
}

/// Status line of the answer to exactly these octets; "" when there is none.
std::string status_for(const Server& server, std::string_view octets) {
    const RawConnection raw(server.port());
    raw.send(octets);
    const auto answer = raw.read_all();
    return answer.substr(0, answer.find("\r\n"));
}

TEST(Server, CurlGetsPostsAndKeepsTheConnection) {
    const auto server = start();
    EXPECT_EQ(test::run("curl -s '" + url(*server, "/a?b=c") + "'").output, "GET /a?b=c");
    const auto twice = test::run("curl -sv -o /dev/null -o /dev/null " + url(*server, "/1") + " " + url(*server, "/2"));
    EXPECT_TRUE(twice.output.contains("Re-using existing connection")) << twice.output;
    const test::TempDir dir;
    const auto file = dir.file("body", std::string(3'000'000, 'x'));
    EXPECT_EQ(test::run("curl -s --data-binary @" + file + " " + url(*server, "/count")).output, "3000000");
    EXPECT_EQ(test::run("curl -s -H 'Transfer-Encoding: chunked' --data-binary @" + file + " " + url(*server, "/count"))
                  .output,
              "3000000");
    EXPECT_TRUE(test::run("curl -sv -H 'Expect: 100-continue' --data-binary @" + file + " " + url(*server, "/count"))
                    .output.contains("100 Continue"));
}

TEST(Server, CurlReadsEveryFormOfAnswer) {
    const auto server = start();
    const auto size = [&](const std::string& options, const std::string& path) {
        return test::run("curl -s -o /dev/null -w '%{http_code} %{size_download}' " + options + " " +
                         url(*server, path))
            .output;
    };
    EXPECT_EQ(size("", "/chunked"), "200 200000");
    EXPECT_EQ(size("--http1.0", "/chunked"), "200 200000");
    EXPECT_EQ(size("", "/length"), "200 200000");
    EXPECT_EQ(size("-I", "/length"), "200 0");
    EXPECT_EQ(size("-I", "/chunked"), "200 0");
    EXPECT_EQ(size("", "/none"), "204 0");
    EXPECT_NE(test::run("curl -s -o /dev/null " + url(*server, "/short")).exit_code, 0);  // cut off, not ended
    EXPECT_NE(test::run("curl -s -o /dev/null " + url(*server, "/broken")).exit_code, 0);
    const auto head = test::run("curl -si " + url(*server, "/x")).output;
    EXPECT_TRUE(head.contains("\r\nDate: "));
    EXPECT_TRUE(head.contains(" GMT\r\n"));
}

TEST(Server, HandlerFaultsBecome500WithoutDetail) {
    const auto server = start();
    const auto thrown = test::run("curl -si " + url(*server, "/throw")).output;
    EXPECT_TRUE(thrown.starts_with("HTTP/1.1 500"));
    EXPECT_FALSE(thrown.contains("secret"));
    const auto injected = test::run("curl -si " + url(*server, "/inject")).output;
    EXPECT_TRUE(injected.starts_with("HTTP/1.1 500"));
    EXPECT_FALSE(injected.contains("X-Evil"));
}

TEST(Server, PythonClientPipelinesAndChunks) {
    const auto server = start();
    const test::TempDir dir;
    const auto script = dir.file("client.py", R"(
import http.client, sys
c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
for i in range(3):
    c.request('POST', '/count', body=iter([b'abc'] * 1000), encode_chunked=True, headers={'Transfer-Encoding': 'chunked'})
    r = c.getresponse(); print(r.status, r.read().decode())
c.request('POST', '/ignore', body=b'x' * 1000); r = c.getresponse(); print(r.status, r.read().decode())
c.request('HEAD', '/length'); r = c.getresponse(); print(r.status, r.getheader('Content-Length'), r.read())
c.request('GET', '/chunked'); r = c.getresponse(); print(r.status, len(r.read()))
)");
    EXPECT_EQ(test::run("python3 " + script + " " + std::to_string(server->port())).output,
              "200 3000\n200 3000\n200 3000\n200 ignored\n200 200000 b''\n200 200000\n");
    const RawConnection raw(server->port());
    raw.send(
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyzGET /3 "
        "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const auto answers = raw.read_all();
    EXPECT_TRUE(answers.contains("GET /1"));
    EXPECT_TRUE(answers.contains("ignored"));
    EXPECT_TRUE(answers.ends_with("GET /3"));
}

TEST(ServerSmuggling, WhatReadersDifferAboutIs400) {
    const auto server = start();
    const std::string get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    const std::string post = "POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    ASSERT_EQ(status_for(*server, get + "\r\n"), "HTTP/1.1 200 OK");
    ASSERT_EQ(status_for(*server, post + "Content-Length: 1\r\n\r\nx"), "HTTP/1.1 200 OK");
    ASSERT_EQ(status_for(*server, post + "transfer-encoding: Chunked\r\n\r\n1;ext=1\r\nx\r\n0\r\nTrailer: t\r\n\r\n"),
              "HTTP/1.1 200 OK");
    for (const auto& octets : {
             get + "X-A: b\r\n folded\r\n\r\n",
             get + "Host: b\r\n\r\n",
             get + "X-A : b\r\n\r\n",
             get + "X-A: b\nX-C: d\r\n\r\n",
             get + "X-A: b\rX-C: d\r\n\r\n",
             get + std::string("X-A: \0b\r\n\r\n", 10),
             std::string("GET / HTTP/1.1\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
             std::string("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
             std::string("GET http://other.example.se/ HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
             std::string("GET /\nHost: a\n\n"),
             post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
             post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
             post + "Content-Length: 1, 1\r\n\r\nx",
             post + "Content-Length: +1\r\n\r\nx",
             post + "Content-Length: 0x1\r\n\r\nx",
             post + "Content-Length: -1\r\n\r\nx",
             post + "Content-Length: 99999999999999999999\r\n\r\nx",
             post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
             post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
             post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
             post + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             post + "Transfer-Encoding: \x0b"
                    "chunked\r\n\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\nx\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n",
             post + "Transfer-Encoding: chunked\r\n\r\n1 ;a\r\nx\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n00000000000000001\r\nx\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n0\r\nT: a\nGET / HTTP/1.1\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(2000, 'x') + "\r\nx\r\n0\r\n\r\n",
             post + "Transfer-Encoding: chunked\r\n\r\n0\r\nT: " + std::string(9000, 'x') + "\r\n\r\n",
             std::string("POST /count HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
         })
        EXPECT_EQ(status_for(*server, octets), "HTTP/1.1 400 Bad Request") << octets;
    EXPECT_EQ(status_for(*server, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"), "HTTP/1.1 505 HTTP Version Not Supported");
    EXPECT_EQ(status_for(*server, get + "Expect: 200-maybe\r\n\r\n"), "HTTP/1.1 417 Expectation Failed");
}

TEST(ServerLimits, Sec107HeadAndBody) {
    const auto server = start(quick());
    const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
    EXPECT_EQ(status_for(*server, get + "X: " + std::string(40'000, 'x') + "\r\n\r\n"),
              "HTTP/1.1 431 Request Header Fields Too Large");
    EXPECT_EQ(status_for(*server, get + std::string(40'000, 'x')), "HTTP/1.1 431 Request Header Fields Too Large");
    std::string many;
    for (int i = 0; i < 101; ++i) many += "A: b\r\n";
    EXPECT_EQ(status_for(*server, get + many + "\r\n"), "HTTP/1.1 431 Request Header Fields Too Large");
    const test::TempDir dir;
    const auto file = dir.file("body", std::string(5'000'000, 'x'));
    const auto code = [&](const std::string& options, const std::string& path) {
        return test::run("curl -s -o /dev/null -w '%{http_code}' -H Expect: " + options + " --data-binary @" + file +
                         " " + url(*server, path))
            .output;
    };
    EXPECT_EQ(code("", "/count"), "413");
    EXPECT_EQ(code("-H 'Transfer-Encoding: chunked'", "/count"), "413");
    EXPECT_EQ(code("-H 'Expect: 100-continue'", "/count"), "413");
}

TEST(ServerLimits, Sec107SlowPeersEnd) {
    const auto server = start(quick());
    EXPECT_EQ(status_for(*server, "GET / HTTP/1.1\r\nHo"), "HTTP/1.1 408 Request Timeout");
    EXPECT_EQ(status_for(*server, ""), "");
    EXPECT_EQ(status_for(*server, "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nxx"),
              "HTTP/1.1 408 Request Timeout");
    // One octet now and then is no way around the deadline of the whole body.
    const RawConnection drip(server->port());
    drip.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
    std::jthread dripper([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            drip.send("x");
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
        }
    });
    EXPECT_TRUE(drip.read_all().starts_with("HTTP/1.1 408"));
}

TEST(ServerLimits, BodyCutOffIsNeverAnsweredAsWhole) {
    bool whole = false;
    std::mutex mutex;
    std::condition_variable handled;
    bool done = false;
    const auto server = start({}, [&](Request& request) {
        CountingSink sink;
        const std::lock_guard lock(mutex);
        whole = copy(*request.body, sink).has_value();
        done = true;
        handled.notify_all();
        return Response{};
    });
    {
        const RawConnection raw(server->port());
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nxx");
    }
    std::unique_lock lock(mutex);
    handled.wait(lock, [&] { return done; });
    EXPECT_FALSE(whole);
}

TEST(ServerLimits, Sec107TooManyConnectionsGet503) {
    ServerLimits limits;
    limits.connections = 2;
    const auto server = start(limits);
    const RawConnection one(server->port()), two(server->port());
    for (const auto* raw : {&one, &two}) {
        raw->send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
        ASSERT_TRUE(raw->read_until("/busy").contains("200 OK"));
    }
    const auto refused = test::run("curl -si " + url(*server, "/")).output;
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 503")) << refused;
    EXPECT_TRUE(refused.contains("Retry-After: 5"));
    one.send("GET /still HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(one.read_until("/still").contains("200 OK"));
}

TEST(Server, AgedConnectionsAreClosedAfterAnAnswer) {
    ServerLimits limits;
    limits.connection_age = seconds(-1);
    const auto server = start(limits);
    const RawConnection raw(server->port());
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(raw.read_all().contains("Connection: close"));
}

TEST(Server, UnreadBodyWithoutContinueClosesTheConnection) {
    const auto server = start();
    const RawConnection raw(server->port());
    raw.send("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    const auto answer = raw.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200"));
    EXPECT_TRUE(answer.contains("Connection: close"));
}

TEST(Server, LargeBodiesStreamInBoundedMemory) {
    ServerLimits limits;
    limits.body_bytes = std::uint64_t{1} << 30;
    const auto server = start(limits, [](Request& request) {
        CountingSink sink;
        Response response;
        if (!copy(*request.body, sink)) return response;
        response.stream = std::make_unique<Endless>(sink.count());
        return response;
    });
    const auto before = test::peak_memory_kib();
    const auto outcome =
        test::run("head -c 200000000 /dev/zero | curl -s -T - -o /dev/null -w '%{http_code} %{size_download}' " +
                  url(*server, "/"));
    EXPECT_EQ(outcome.output, "200 200000000");
    EXPECT_LT(test::peak_memory_kib() - before, 16 * 1024);
}

TEST(Server, StopLetsTheRunningRequestEnd) {
    std::mutex mutex;
    std::condition_variable changed;
    bool inside = false, release = false;
    const auto server = start({}, [&](Request&) {
        std::unique_lock lock(mutex);
        inside = true;
        changed.notify_all();
        changed.wait(lock, [&] { return release; });
        Response response;
        response.body = "finished";
        return response;
    });
    const RawConnection busy(server->port()), idle(server->port());
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return inside; });
    }
    std::jthread stopper([&] { server->stop(); });
    EXPECT_EQ(idle.read_all(), "");  // ended by the stop, while the handler is still running
    {
        const std::lock_guard lock(mutex);
        release = true;
        changed.notify_all();
    }
    const auto answer = busy.read_all();
    EXPECT_TRUE(answer.ends_with("finished"));
    EXPECT_TRUE(answer.contains("Connection: close"));
}

TEST(Server, ListenErrors) {
    const auto server = start();
    EXPECT_EQ(Server::start("127.0.0.1", server->port(), std::nullopt, {}, standard).error().code, "http.listen");
    EXPECT_EQ(Server::start("localhost", 0, std::nullopt, {}, standard).error().code, "http.listen");
    EXPECT_TRUE(Server::start("::1", 0, std::nullopt, {}, standard));
}

}  // namespace
}  // namespace budkavle::net
