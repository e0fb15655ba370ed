// Updates and transfers against Knot and BIND, with dig and nsupdate as independent witnesses (`sml.md` 2.6).
#include "dns/test_primary.hpp"

namespace budkavle::dns {
namespace {

using Names = std::vector<std::pair<std::string, NameContent>>;

NameContent smp(const std::string& url) {
    return {.naptr = {{100, 10, "U", "Meta:SMP", "!.*!" + url + "!", "."}}};
}
template <class T>
std::string code(const Result<T>& result) {
    return result ? "none" : result.error().code;
}

class PrimaryServers : public ::testing::TestWithParam<testing::Brand> {};
INSTANTIATE_TEST_SUITE_P(Brands, PrimaryServers, ::testing::Values(testing::Brand::knot, testing::Brand::bind),
                         testing::name_of);

TEST_P(PrimaryServers, ReplaceAndTransfer) {
    testing::UpdatableServer server(GetParam(), "sml.test");
    server.start();
    const Primary primary(server.server(), server.key());
    ASSERT_TRUE(primary.replace("sml.test", Names{{"a.x.sml.test", smp("https://smp.example.se/")},
                                                  {"b.x.sml.test", {.cname = "one.publisher.sml.test"}},
                                                  {"one.publisher.sml.test", smp("https://one.example.se/a\\b")}}));
    EXPECT_NE(
        server.dig("+short NAPTR a.x.sml.test").find("100 10 \"U\" \"Meta:SMP\" \"!.*!https://smp.example.se/!\" ."),
        std::string::npos);
    EXPECT_NE(server.dig("+short NAPTR b.x.sml.test").find("https://one.example.se/a\\\\b"), std::string::npos)
        << "one backslash on the wire";
    auto zone = primary.transfer("sml.test").value();
    EXPECT_EQ(zone.size(), 3U);
    EXPECT_EQ(zone.at("a.x.sml.test"), smp("https://smp.example.se/"));
    EXPECT_EQ(zone.at("b.x.sml.test").cname, "one.publisher.sml.test");
    // From one layout to the other, twice the same, and away.
    const Names moved{{"b.x.sml.test", smp("https://b.example.se/")}, {"a.x.sml.test", {}}};
    ASSERT_TRUE(primary.replace("sml.test", moved));
    ASSERT_TRUE(primary.replace("sml.test", moved));
    zone = primary.transfer("sml.test").value();
    EXPECT_EQ(zone.size(), 2U);
    EXPECT_EQ(zone.at("b.x.sml.test"), smp("https://b.example.se/"));
    EXPECT_NE(server.dig("A smp.sml.test +short").find("127.0.0.1"), std::string::npos) << "other records stay";
    const auto sealed = server.dig("NAPTR b.x.sml.test +dnssec");
    EXPECT_NE(sealed.find("NAPTR 13 "), std::string::npos) << "signed with ECDSA P-256:\n" << sealed;
}

TEST_P(PrimaryServers, RefusalsAreFinalAndFaultsAreNot) {
    testing::UpdatableServer server(GetParam(), "sml.test");
    server.start();
    const Primary primary(server.server(), server.key(), std::chrono::seconds(2));
    EXPECT_TRUE(primary.probe("sml.test"));
    EXPECT_EQ(code(primary.replace("other.test", Names{{"a.other.test", smp("https://a.example.se/")}})),
              "dns.refused");
    EXPECT_EQ(code(primary.replace("sml.test", Names{{"a.other.test", smp("https://a.example.se/")}})), "dns.refused");
    const Primary stranger(server.server(), {"smlkey", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="});
    EXPECT_EQ(code(stranger.probe("sml.test")), "dns.refused");
    EXPECT_EQ(code(stranger.transfer("sml.test")), "dns.refused");
    const Primary nameless(server.server(), {"nokey", server.key().secret});
    EXPECT_EQ(code(nameless.probe("sml.test")), "dns.refused");
    EXPECT_EQ(code(primary.replace("sml.test", Names{{std::string(70, 'a') + ".sml.test", {}}})), "dns.name");
    server.stop();
    EXPECT_EQ(code(primary.probe("sml.test")), "dns.failed");
    EXPECT_EQ(primary.probe("sml.test").error().retry, Retry::later);
    server.start();
    EXPECT_TRUE(primary.probe("sml.test"));
}

TEST_P(PrimaryServers, ManyNamesInOneMessageAndALongTransfer) {
    testing::UpdatableServer server(GetParam(), "sml.test");
    server.start();
    const Primary primary(server.server(), server.key(), std::chrono::seconds(20));
    for (int batch = 0; batch < 10; ++batch) {
        Names names;
        for (int i = 0; i < 150; ++i)
            names.emplace_back(
                std::string(50, 'a') + std::to_string(1000 + batch * 150 + i) + ".iso6523-actorid-upis.sml.test",
                smp("https://smp.example.se/"));
        ASSERT_TRUE(primary.replace("sml.test", names));
    }
    EXPECT_EQ(primary.transfer("sml.test").value().size(), 1500U);
    Names many;
    for (int i = 0; i < 2000; ++i)
        many.emplace_back(std::to_string(i) + std::string(50, 'b') + ".sml.test", smp("https://smp.example.se/"));
    EXPECT_EQ(code(primary.replace("sml.test", many)), "dns.too_long");
}

/// Stands between and changes one octet of every answer.
class Meddler {
public:
    explicit Meddler(Server to) : to_(std::move(to)) {
        fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(fd_, 4);
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] {
            while (true) {
                const int peer = ::accept(fd_, nullptr, nullptr);
                if (peer < 0) return;
                pass(peer);
                ::close(peer);
            }
        });
    }
    ~Meddler() {
        ::shutdown(fd_, SHUT_RDWR);
        thread_.join();
        ::close(fd_);
    }
    Meddler(const Meddler&) = delete;
    Meddler& operator=(const Meddler&) = delete;
    [[nodiscard]] Server server() const { return {"127.0.0.1", port_}; }
    std::function<void(Bytes&)> change;

private:
    static Bytes message(int fd) {
        std::array<std::uint8_t, 2> length{};
        if (::recv(fd, length.data(), 2, MSG_WAITALL) != 2) return {};
        Bytes out(static_cast<std::size_t>(length[0] << 8 | length[1]));
        if (::recv(fd, out.data(), out.size(), MSG_WAITALL) != static_cast<ssize_t>(out.size())) return {};
        return out;
    }
    void pass(int peer) const {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        auto upstream = Connection::open(to_, deadline);
        const auto request = message(peer);
        if (!upstream || request.empty() || !upstream->send(request, deadline)) return;
        auto answer = upstream->receive(deadline);
        if (!answer) return;
        if (change) change(*answer);
        Bytes framed{static_cast<std::uint8_t>(answer->size() >> 8), static_cast<std::uint8_t>(answer->size() & 0xFF)};
        framed.insert(framed.end(), answer->begin(), answer->end());
        ::send(peer, framed.data(), framed.size(), MSG_NOSIGNAL);
    }
    Server to_;
    int fd_ = -1;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

TEST(Tsig, AnswersThatAreNotSignedByOurKeyDoNotCount) {
    testing::UpdatableServer server(testing::Brand::knot, "sml.test");
    server.start();
    Meddler meddler(server.server());
    const Primary primary(meddler.server(), server.key(), std::chrono::seconds(3));
    EXPECT_TRUE(primary.probe("sml.test"));
    meddler.change = [](Bytes& answer) { answer.at(answer.size() - 20) ^= 1; };  // inside the MAC
    EXPECT_EQ(code(primary.probe("sml.test")), "dns.tsig");
    EXPECT_EQ(code(primary.transfer("sml.test")), "dns.tsig");
    meddler.change = [](Bytes& answer) {  // success without a signature
        answer.resize(12);
        answer[3] = 0;
        std::fill(answer.begin() + 4, answer.end(), 0);
    };
    EXPECT_EQ(code(primary.probe("sml.test")), "dns.tsig");
    // A refusal turned into success.
    const Primary wrong_zone(meddler.server(), server.key(), std::chrono::seconds(3));
    meddler.change = [](Bytes& answer) { answer[3] &= 0xF0; };
    EXPECT_EQ(code(wrong_zone.replace("sml.test", Names{{"a.other.test", smp("https://a.example.se/")}})), "dns.tsig");
}

}  // namespace
}  // namespace budkavle::dns
