// The resolver against a server that lies: each case would be believed if one check were taken out.
#include "dns/resolver.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "base/bytes.hpp"
#include "dns/message.hpp"

namespace budkavle::dns {
namespace {

using namespace std::chrono_literals;

void put16(Bytes& out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value & 0xFF));
}

Bytes wire_name(std::string_view name) {
    Bytes out;
    for (const auto label : split(name, '.')) {
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
    }
    out.push_back(0);
    return out;
}

void put_record(Bytes& out, std::string_view owner, Type type, ByteView data) {
    const auto name = wire_name(owner);
    out.insert(out.end(), name.begin(), name.end());
    put16(out, static_cast<unsigned>(type));
    put16(out, 1);
    put16(out, 0);
    put16(out, 60);
    put16(out, static_cast<unsigned>(data.size()));
    out.insert(out.end(), data.begin(), data.end());
}

struct Answer {
    unsigned flags = 0x8580;  ///< reply, authoritative, recursion
    std::string question;     ///< empty: the one asked
    int id_offset = 0;
    unsigned count = 0;
    Bytes records{};
    Answer& add(std::string_view owner, Type type, ByteView data) {
        put_record(records, owner, type, data);
        ++count;
        return *this;
    }
    Answer& address(std::string_view owner, Bytes data) { return add(owner, Type::a, data); }
    Answer& alias(std::string_view owner, std::string_view target) {
        return add(owner, Type::cname, wire_name(target));
    }
    [[nodiscard]] Bytes packet(ByteView query) const {
        Bytes out;
        put16(out, static_cast<unsigned>(((query[0] << 8) | query[1]) + id_offset) & 0xFFFF);
        put16(out, flags);
        put16(out, 1);
        put16(out, count);
        put16(out, 0);
        put16(out, 0);
        std::size_t end = 12;
        while (query[end] != 0) end += query[end] + 1U;
        if (question.empty()) {
            out.insert(out.end(), query.begin() + 12, query.begin() + static_cast<std::ptrdiff_t>(end) + 5);
        } else {
            const auto name = wire_name(question);
            out.insert(out.end(), name.begin(), name.end());
            out.insert(out.end(), query.begin() + static_cast<std::ptrdiff_t>(end) + 1,
                       query.begin() + static_cast<std::ptrdiff_t>(end) + 5);
        }
        out.insert(out.end(), records.begin(), records.end());
        return out;
    }
};

std::string asked_name(ByteView query) {
    std::string out;
    for (std::size_t at = 12; query[at] != 0; at += query[at] + 1U) {
        if (!out.empty()) out += '.';
        out += as_text(query.subspan(at + 1, query[at]));
    }
    return out;
}
bool asks_for(ByteView query, Type type) {
    std::size_t end = 12;
    while (query[end] != 0) end += query[end] + 1U;
    return ((query[end + 1] << 8) | query[end + 2]) == static_cast<int>(type);
}

/// UDP and TCP on one loopback port; the script turns each query into the packets to send back.
class FakeServer {
public:
    using Script = std::function<std::vector<Bytes>(ByteView query, bool tcp)>;
    explicit FakeServer(Script script) : script_(std::move(script)) {
        udp_ = ::socket(AF_INET, SOCK_DGRAM, 0);
        tcp_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        do {
            address.sin_port = 0;
            ::close(udp_);
            udp_ = ::socket(AF_INET, SOCK_DGRAM, 0);
            EXPECT_EQ(::bind(udp_, reinterpret_cast<sockaddr*>(&address), length), 0);
            ::getsockname(udp_, reinterpret_cast<sockaddr*>(&address), &length);
        } while (::bind(tcp_, reinterpret_cast<sockaddr*>(&address), length) != 0);
        ::listen(tcp_, 8);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~FakeServer() {
        stop_ = true;
        thread_.join();
        ::close(udp_);
        ::close(tcp_);
    }
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::set<std::uint16_t> client_ports() const {
        const std::lock_guard lock(mutex_);
        return client_ports_;
    }
    [[nodiscard]] std::set<unsigned> ids() const {
        const std::lock_guard lock(mutex_);
        return ids_;
    }
    [[nodiscard]] unsigned queries() const { return queries_; }

private:
    void run() {
        std::array<std::uint8_t, 65535> buffer{};
        while (!stop_) {
            std::array<pollfd, 2> polls{pollfd{udp_, POLLIN, 0}, pollfd{tcp_, POLLIN, 0}};
            if (::poll(polls.data(), polls.size(), 20) <= 0) continue;
            if (polls[0].revents != 0) {
                sockaddr_in from{};
                socklen_t length = sizeof from;
                const auto got =
                    ::recvfrom(udp_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
                const ByteView query(buffer.data(), static_cast<std::size_t>(got));
                ++queries_;
                {
                    const std::lock_guard lock(mutex_);
                    client_ports_.insert(ntohs(from.sin_port));
                    ids_.insert(static_cast<unsigned>((query[0] << 8) | query[1]));
                }
                for (const auto& packet : script_(query, false)) {
                    ::sendto(udp_, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
                }
            }
            if (polls[1].revents != 0) {
                const int peer = ::accept(tcp_, nullptr, nullptr);
                const auto got = ::recv(peer, buffer.data(), buffer.size(), 0);
                if (got > 2) {
                    for (const auto& packet :
                         script_(ByteView(buffer.data() + 2, static_cast<std::size_t>(got) - 2), true)) {
                        Bytes framed;
                        put16(framed, static_cast<unsigned>(packet.size()));
                        framed.insert(framed.end(), packet.begin(), packet.end());
                        ::send(peer, framed.data(), framed.size(), MSG_NOSIGNAL);
                    }
                }
                ::close(peer);
            }
        }
    }
    Script script_;
    int udp_ = -1;
    int tcp_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stop_{false};
    std::atomic<unsigned> queries_{0};
    mutable std::mutex mutex_;
    std::set<std::uint16_t> client_ports_;
    std::set<unsigned> ids_;
    std::thread thread_;
};

Answer good(ByteView query) {
    Answer answer;
    if (asks_for(query, Type::a)) answer.address(asked_name(query), {192, 0, 2, 7});
    return answer;
}

std::string error_of(const auto& result) {
    return result ? "no error" : result.error().code;
}

TEST(Resolver, LiteralsPassThrough) {
    const auto resolver = make_resolver("127.0.0.1", 9, 100ms, 1);
    EXPECT_EQ(*resolver->addresses("127.0.0.1"), std::vector<std::string>{"127.0.0.1"});
    EXPECT_EQ(*resolver->addresses("::1"), std::vector<std::string>{"::1"});
}

TEST(Resolver, WrongIdIsIgnored) {
    FakeServer server([](ByteView query, bool) {
        auto forged = good(query);
        forged.id_offset = 1;
        if (!forged.records.empty()) forged.records.back() = 66;
        return std::vector<Bytes>{forged.packet(query), good(query).packet(query)};
    });
    EXPECT_EQ(make_resolver("127.0.0.1", server.port())->addresses("ap.example.se").value(),
              std::vector<std::string>{"192.0.2.7"});
}

TEST(Resolver, WrongQuestionIsIgnored) {
    FakeServer server([](ByteView query, bool) {
        Answer forged;
        forged.question = "other.example.se";
        forged.address("other.example.se", {192, 0, 2, 66});
        Answer sneaky;
        sneaky.question = "other.example.se";
        sneaky.address("ap.example.se", {192, 0, 2, 66});
        return std::vector<Bytes>{forged.packet(query), sneaky.packet(query), good(query).packet(query)};
    });
    EXPECT_EQ(make_resolver("127.0.0.1", server.port())->addresses("AP.example.se").value(),
              std::vector<std::string>{"192.0.2.7"});
}

TEST(Resolver, RecordsOfOtherNamesDoNotCount) {
    FakeServer server([](ByteView query, bool) {
        Answer answer;
        answer.address("other.example.se", {192, 0, 2, 66});
        return std::vector<Bytes>{answer.packet(query)};
    });
    EXPECT_EQ(error_of(make_resolver("127.0.0.1", server.port())->addresses("ap.example.se")), "dns.not_found");
}

TEST(Resolver, QueriesAndGarbageAreIgnoredAndTimeOut) {
    FakeServer server([](ByteView query, bool) {
        return std::vector<Bytes>{Bytes{}, Bytes{1, 2, 3}, Bytes(600, 0xFF), Bytes(query.begin(), query.end())};
    });
    const auto result = make_resolver("127.0.0.1", server.port(), 100ms, 1)->naptr("x.example.se");
    EXPECT_EQ(error_of(result), "dns.timeout");
    EXPECT_EQ(result.error().retry, Retry::later);
}

TEST(Resolver, BrokenReplyIsATechnicalFault) {
    FakeServer server([](ByteView query, bool) {
        auto packet = good(query).packet(query);
        packet.resize(packet.size() - 2);
        return std::vector<Bytes>{packet};
    });
    const auto result = make_resolver("127.0.0.1", server.port(), 100ms, 1)->addresses("ap.example.se");
    EXPECT_EQ(error_of(result), "dns.failed");
    EXPECT_EQ(result.error().retry, Retry::later);
}

TEST(Resolver, TruncatedGoesOverTcp) {
    FakeServer server([](ByteView query, bool tcp) {
        if (tcp) return std::vector<Bytes>{good(query).packet(query)};
        Answer truncated;
        truncated.flags = 0x8780;
        return std::vector<Bytes>{truncated.packet(query)};
    });
    EXPECT_EQ(make_resolver("127.0.0.1", server.port())->addresses("ap.example.se").value(),
              std::vector<std::string>{"192.0.2.7"});
}

TEST(Resolver, ServerFailureIsNotNotFound) {
    for (const unsigned rcode : {1U, 2U, 4U, 5U}) {
        FakeServer server([&](ByteView query, bool) {
            Answer answer;
            answer.flags = 0x8180 | rcode;
            return std::vector<Bytes>{answer.packet(query)};
        });
        const auto result = make_resolver("127.0.0.1", server.port(), 300ms, 2)->naptr("x.example.se");
        EXPECT_EQ(error_of(result), "dns.failed") << rcode;
        EXPECT_EQ(result.error().retry, Retry::later);
        EXPECT_EQ(server.queries(), 2U);
    }
}

TEST(Resolver, NameErrorIsFinal) {
    FakeServer server([](ByteView query, bool) {
        Answer answer;
        answer.flags = 0x8583;
        return std::vector<Bytes>{answer.packet(query)};
    });
    const auto result = make_resolver("127.0.0.1", server.port(), 300ms, 3)->naptr("x.example.se");
    EXPECT_EQ(error_of(result), "dns.not_found");
    EXPECT_EQ(result.error().retry, Retry::never);
    EXPECT_EQ(server.queries(), 1U);
}

TEST(Resolver, OneHalfFailingIsNotNotFound) {
    FakeServer server([](ByteView query, bool) {
        Answer answer;
        answer.flags = asks_for(query, Type::a) ? 0x8583 : 0x8582;
        return std::vector<Bytes>{answer.packet(query)};
    });
    EXPECT_EQ(error_of(make_resolver("127.0.0.1", server.port(), 300ms, 1)->addresses("x.example.se")), "dns.failed");
}

TEST(Resolver, AliasLoopInsideAReply) {
    FakeServer server([](ByteView query, bool) {
        return std::vector<Bytes>{
            Answer{}.alias("a.example.se", "b.example.se").alias("b.example.se", "a.example.se").packet(query)};
    });
    EXPECT_EQ(error_of(make_resolver("127.0.0.1", server.port())->naptr("a.example.se")), "dns.loop");
}

TEST(Resolver, AliasLoopAcrossReplies) {
    FakeServer server([](ByteView query, bool) {
        const auto name = asked_name(query);
        return std::vector<Bytes>{
            Answer{}.alias(name, name == "a.example.se" ? "b.example.se" : "a.example.se").packet(query)};
    });
    EXPECT_EQ(error_of(make_resolver("127.0.0.1", server.port())->naptr("a.example.se")), "dns.loop");
}

TEST(Resolver, EightAliasesAreFollowedNineAreNot) {
    FakeServer server([](ByteView query, bool) {
        const auto name = asked_name(query);
        const int at = std::stoi(name.substr(1));
        if (at == 0) return std::vector<Bytes>{good(query).packet(query)};
        return std::vector<Bytes>{Answer{}.alias(name, "n" + std::to_string(at - 1) + ".example.se").packet(query)};
    });
    const auto resolver = make_resolver("127.0.0.1", server.port());
    EXPECT_EQ(error_of(resolver->addresses("n8.example.se")), "no error");
    EXPECT_EQ(error_of(resolver->addresses("n9.example.se")), "dns.loop");
}

TEST(Resolver, EachQueryHasItsOwnIdAndPort) {
    FakeServer server([](ByteView query, bool) { return std::vector<Bytes>{good(query).packet(query)}; });
    const auto resolver = make_resolver("127.0.0.1", server.port());
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(resolver->addresses("ap.example.se"));
    EXPECT_GT(server.ids().size(), 8U);
    EXPECT_GT(server.client_ports().size(), 4U);
}

TEST(Resolver, NamesThatAreNoneAreRefusedBeforeAsking) {
    const auto resolver = make_resolver("127.0.0.1", 9, 100ms, 1);
    for (const auto& name : {std::string{}, std::string("a..b"), std::string(64, 'a') + ".se", std::string(300, 'a')}) {
        EXPECT_EQ(error_of(resolver->naptr(name)), "dns.name") << name;
    }
}

TEST(Message, QueryAsksForRecursionAndOffersEdns1232) {
    const auto query = make_query({.id = 0x1234, .name = "x.example.se", .type = Type::naptr}).value();
    EXPECT_EQ(hex_encode(query),
              "123401000001000000000001"  // header: RD, one question, one additional
              "01780765786"
              "16d706c65027365000023"
              "0001"
              "0000290"
              "4d0000000000000");  // OPT, 1232 octets
}

}  // namespace
}  // namespace budkavle::dns
