// AP-18: OCSP answers are asked for in time, outlive their source and a restart, and one responder that hangs delays
// nobody else. The responder is `openssl ocsp`: as the server that it is, and behind a server that misbehaves.
#include "smp/ocsp_fetcher.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <thread>

#include "base/random.hpp"
#include "smp/outside.hpp"
#include "smp/test_support.hpp"

namespace budkavle::smp {
namespace {

using namespace testing;

class MovableClock final : public Clock {
public:
    std::atomic<Time> at = system_clock().now();
    Time now() const override { return at; }
};

const Time kFrom = std::chrono::floor<seconds>(system_clock().now()) - std::chrono::hours(24);

crypto::Identity authority(const std::string& name) {
    const auto key = must(crypto::generate_rsa(2048));
    auto what = make_template({{"C", "SE"}, {"CN", name}}, kFrom, kFrom + std::chrono::hours(24 * 400));
    what.ca = true;
    what.key_usage = {"keyCertSign", "cRLSign", "digitalSignature"};
    return must(crypto::make_identity(key, {must(crypto::issue_self_signed(what, key))}));
}

crypto::Certificate leaf(const std::string& name, const crypto::Identity& issuer, const std::string& responder) {
    static const auto key = must(crypto::generate_rsa(2048));
    auto what = make_template({{"C", "SE"}, {"CN", name}}, kFrom, kFrom + std::chrono::hours(24 * 400));
    what.key_usage = {"digitalSignature"};
    if (!responder.empty()) what.ocsp_urls = {responder};
    return must(crypto::issue(what, key->public_key(), issuer));
}

void run(const std::string& command) {
    ASSERT_EQ(std::system((command + " >/dev/null 2>&1").c_str()), 0) << command;
}

/// A CA with the index of `openssl ca`, and what `openssl ocsp` says with it.
class Office {
public:
    Office() {
        std::filesystem::create_directories(folder_);
        write("ca.crt", ca_.certificate().pem());
        write("ca.key", must(ca_.key->to_pem({})));
    }
    ~Office() { std::filesystem::remove_all(folder_); }
    Office(const Office&) = delete;
    Office& operator=(const Office&) = delete;

    void enter(const crypto::Certificate& certificate, bool revoked) {
        write("one.crt", certificate.pem());
        run("openssl x509 -in " + path("one.crt") + " -noout -serial -out " + path("serial"));
        auto serial = read_text(path("serial"));
        serial = std::string(trim(serial.substr(serial.find('=') + 1)));
        index_ += (revoked ? "R\t491231235959Z\t260101000000Z\t" : "V\t491231235959Z\t\t") + serial + "\tunknown\t/CN=" + serial + "\n";
        write("index.txt", index_);
    }
    /// The answer to a posted question.
    std::string answer(const Bytes& question) {
        const std::lock_guard lock(mutex_);
        write("req.der", as_text(question));
        run("openssl ocsp -index " + path("index.txt") + " -CA " + path("ca.crt") + " -rsigner " + path("ca.crt") +
            " -rkey " + path("ca.key") + " -ndays 1 -reqin " + path("req.der") + " -respout " + path("resp.der"));
        return read_text(path("resp.der"));
    }
    [[nodiscard]] std::string server_command() const {
        return "exec openssl ocsp -port 0 -index " + path("index.txt") + " -CA " + path("ca.crt") + " -rsigner " +
               path("ca.crt") + " -rkey " + path("ca.key") + " -ndays 1 2>&1";
    }
    [[nodiscard]] const crypto::Certificate& certificate() const { return ca_.certificate(); }
    [[nodiscard]] const crypto::Identity& identity() const { return ca_; }
    [[nodiscard]] std::filesystem::path folder() const { return folder_; }

private:
    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
    void write(const std::string& name, std::string_view text) const {
        ASSERT_TRUE(write_file_atomic(folder_ / name, as_bytes(text)));
    }
    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("ocsp-" + new_uuid());
    crypto::Identity ca_ = authority("Accesspunkt CA-LAB");
    std::string index_;
    std::mutex mutex_;
};

std::shared_ptr<net::Client> http_client() {
    net::ClientOptions options;
    options.guard = must(net::AddressGuard::from_ranges({"127.0.0.0/8"}));
    options.connect_timeout = seconds(2);
    options.stall_timeout = seconds(30);
    options.total_timeout = seconds(30);
    options.allow_plain_http = true;
    return net::Client::create(std::move(options));
}

class OcspFetcherTest : public ::testing::Test {
protected:
    OcspFetcherTest() {
        server_ = must(net::Server::start("127.0.0.1", 0, std::nullopt, {},
                                          [this](net::Request& request) { return serve(request); }));
        url_ = "http://127.0.0.1:" + std::to_string(server_->port()) + "/ocsp";
    }
    net::Response serve(net::Request& request) {
        ++questions_;
        MemorySink question(4096);
        Bytes piece(4096);
        while (true) {
            const auto n = must(request.body->read(piece));
            if (n == 0) break;
            (void)question.write(ByteView(piece).first(n));
        }
        net::Response response;
        response.status = status_;
        response.headers.set("Content-Type", "application/ocsp-response");
        response.body = body_ ? *body_ : office_.answer(question.bytes());
        return response;
    }
    std::unique_ptr<OcspFetcher> fetcher(OcspFetcherConfig config = {}) {
        config.min_interval = seconds(60);
        if (config.patience == OcspFetcherConfig{}.patience) config.patience = seconds(20);
        return std::make_unique<OcspFetcher>(config, data_, http_client(), clock_, [this](const RevocationEvent& event) {
            const std::lock_guard lock(mutex_);
            events_.push_back(std::string(name_of(event.kind)) + " " + event.error.code);
        });
    }
    std::string check(const crypto::Certificate& certificate) {
        const crypto::TrustStore store(crypto::Purpose::as4, {office_.certificate()});
        const auto verdict = store.check(certificate, {}, *data_, {.at = clock_.at});
        return verdict ? "" : verdict.error().code;
    }
    bool saw(const std::string& event) {
        for (int i = 0; i < 600; ++i) {
            {
                const std::lock_guard lock(mutex_);
                if (std::ranges::find(events_, event) != events_.end()) return true;
            }
            std::this_thread::sleep_for(milliseconds(50));
        }
        return false;
    }

    Office office_;
    MovableClock clock_;
    std::shared_ptr<crypto::CrlStore> data_ = std::make_shared<crypto::CrlStore>();
    std::atomic<int> questions_ = 0;
    std::atomic<int> status_ = 200;
    std::optional<std::string> body_;
    std::mutex mutex_;
    std::vector<std::string> events_;
    std::unique_ptr<net::Server> server_;
    std::string url_;
};

TEST_F(OcspFetcherTest, AP18_TheRealResponderVouchesAndRevokes) {
    const auto good = leaf("good", office_.identity(), "");
    const auto revoked = leaf("revoked", office_.identity(), "");
    office_.enter(good, false);
    office_.enter(revoked, true);
    auto* responder = ::popen(office_.server_command().c_str(), "r");
    ASSERT_NE(responder, nullptr);
    std::array<char, 200> line{};
    ASSERT_NE(std::fgets(line.data(), line.size(), responder), nullptr);
    int port = 0;
    int pid = 0;
    ASSERT_EQ(std::sscanf(line.data(), "ACCEPT %*[^]]]:%d PID=%d", &port, &pid), 2) << line.data();
    for (const bool get : {false, true}) {
        data_ = std::make_shared<crypto::CrlStore>();
        OcspFetcherConfig config;
        config.get = get;
        config.responders[office_.certificate().sha256_hex()] = "http://127.0.0.1:" + std::to_string(port) + "/";
        const auto fetching = fetcher(config);
        EXPECT_EQ(check(good), "trust.revocation_unavailable");
        fetching->gather(good, office_.certificate());
        fetching->gather(revoked, office_.certificate());
        EXPECT_EQ(check(good), "") << (get ? "GET" : "POST");
        EXPECT_EQ(check(revoked), "trust.revoked");
    }
    ::kill(pid, SIGTERM);
    ::pclose(responder);
}

TEST_F(OcspFetcherTest, AP18_AnswersAreCachedAndSurviveARestart) {
    const auto good = leaf("good", office_.identity(), url_);
    office_.enter(good, false);
    OcspFetcherConfig config;
    config.folder = office_.folder() / "copies";
    {
        const auto fetching = fetcher(config);
        for (int i = 0; i < 5; ++i) fetching->gather(good, office_.certificate());
        EXPECT_EQ(questions_, 1) << "one question serves every check while it is valid";
        EXPECT_EQ(check(good), "");
    }
    status_ = 500;
    data_ = std::make_shared<crypto::CrlStore>();
    const auto again = fetcher(config);
    again->watch(good, office_.certificate());
    EXPECT_EQ(check(good), "") << "from the copy";
}

TEST_F(OcspFetcherTest, AP18_AResponderThatIsDownIsToldAndItsAnswerUsedToItsEnd) {
    const auto good = leaf("good", office_.identity(), url_);
    office_.enter(good, false);
    const auto fetching = fetcher();
    fetching->gather(good, office_.certificate());
    EXPECT_EQ(check(good), "");
    status_ = 503;
    const auto begin = clock_.at.load();
    clock_.at = begin + std::chrono::hours(2);
    ASSERT_TRUE(saw("revocation.failed ocsp.http"));
    EXPECT_EQ(check(good), "") << "stale while it is asked for again";
    clock_.at = begin + std::chrono::hours(20);
    ASSERT_TRUE(saw("revocation.late ocsp.http"));
    EXPECT_EQ(check(good), "");
    clock_.at = begin + std::chrono::hours(25);
    ASSERT_TRUE(saw("revocation.ended ocsp.http"));
    EXPECT_EQ(check(good), "trust.revocation_unavailable") << "hard fail";
    data_->set_grace(std::chrono::hours(2));
    EXPECT_EQ(check(good), "") << "by configuration only";
    const auto asked = questions_.load();
    fetching->gather(good, office_.certificate());
    EXPECT_LE(questions_, asked + 1) << "a check does not wait for a responder that is known to be down";
}

TEST_F(OcspFetcherTest, AP18_FaultyAnswersAreNeverUsed) {
    const auto good = leaf("good", office_.identity(), url_);
    office_.enter(good, false);
    for (const std::string& body : {std::string("<html>404</html>"), std::string(), std::string(100'000, '0')}) {
        body_ = body;
        data_ = std::make_shared<crypto::CrlStore>();
        const auto fetching = fetcher();
        fetching->gather(good, office_.certificate());
        EXPECT_EQ(check(good), "trust.revocation_unavailable") << body.size();
    }
    // An answer that is right, but about another certificate.
    const auto other = leaf("other", office_.identity(), url_);
    office_.enter(other, false);
    body_ = office_.answer(must(crypto::make_ocsp_request(other, office_.certificate())));
    data_ = std::make_shared<crypto::CrlStore>();
    const auto fetching = fetcher();
    fetching->gather(good, office_.certificate());
    EXPECT_EQ(check(good), "trust.revocation_unavailable");
    EXPECT_TRUE(saw("revocation.failed ocsp.other_certificate"));
}

TEST_F(OcspFetcherTest, AP18_ACertificateUnknownToItsIssuerIsHeld) {
    const auto never = leaf("never", office_.identity(), url_);
    office_.enter(leaf("somebody", office_.identity(), ""), false);
    data_->put(must(crypto::Crl::parse(must(
        crypto::issue_crl(office_.identity(), {}, 1, kFrom, kFrom + std::chrono::hours(24 * 30))))));
    EXPECT_EQ(check(never), "") << "the list alone";
    const auto fetching = fetcher();
    fetching->gather(never, office_.certificate());
    EXPECT_EQ(check(never), "trust.revocation_unavailable");
    EXPECT_TRUE(saw("revocation.unknown_certificate "));
}

TEST(OutsideTest, AP18_WhatAReloadThatFailedHadTakenOverIsGivenBack) {
    std::atomic<int> asked = 0;
    const auto responder = must(net::Server::start("127.0.0.1", 0, std::nullopt, {}, [&](net::Request&) {
        ++asked;
        return net::json_response(500, "{}");
    }));
    const Office office;
    OutsideConfig config;
    config.resolver_address = "127.0.0.1";
    config.permitted_addresses = {"127.0.0.0/8"};
    config.ocsp_responders = {{office.certificate().sha256_hex(), "http://127.0.0.1:" + std::to_string(responder->port())}};
    const auto running = must(Outside::start(config, system_clock()));
    {
        OutsideConfig other;
        other.resolver_address = "127.0.0.1";
        other.permitted_addresses = {"127.0.0.0/8"};
        other.revocation_grace = std::chrono::hours(9);
        const auto fresh = must(Outside::start(other, system_clock(), {}, running->revocation()));
        EXPECT_EQ(running->revocation()->grace(), std::chrono::hours(9));
    }
    running->attend();
    EXPECT_EQ(running->revocation()->grace(), seconds(0));
    running->revocation()->gather(leaf("AP0001-SDK-TEST", office.identity(), ""), office.certificate());
    EXPECT_GT(asked, 0);
}

TEST_F(OcspFetcherTest, SEC107_OneThatHangsDelaysNobodyElse) {
    // Takes connections and never says a word.
    const int mute = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(mute, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(mute, 8), 0);
    ::getsockname(mute, reinterpret_cast<sockaddr*>(&address), &size);
    const auto hanging =
        leaf("hanging", office_.identity(), "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/");
    const auto good = leaf("good", office_.identity(), url_);
    office_.enter(good, false);
    OcspFetcherConfig config;
    config.patience = milliseconds(100);
    const auto impatient = fetcher(config);
    impatient->gather(hanging, office_.certificate());
    EXPECT_EQ(check(hanging), "trust.revocation_unavailable");
    // The client waits 30 s for the mute one; were there one queue, nothing would come within the patience of this.
    for (int i = 0; i < 200 && !check(good).empty(); ++i) impatient->gather(good, office_.certificate());
    EXPECT_EQ(check(good), "");
    ::close(mute);
}

}  // namespace
}  // namespace budkavle::smp
