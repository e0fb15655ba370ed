#pragma once
/// For the tests of this library: certificates, a small federation on loopback, message services as clients.

#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "accesspoint/access_point.hpp"
#include "as4/answer.hpp"
#include "as4/seal.hpp"
#include "base/random.hpp"
#include "crypto/issue.hpp"
#include "net/http.hpp"
#include "store/blob.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint::test {

namespace fs = std::filesystem;

inline constexpr std::string_view kCanary = "canary-5d81-content";

/// A certification authority with its revocation list.
class Authority {
public:
    explicit Authority(const std::string& name);
    crypto::Identity issue(const std::string& common_name, const std::string& dns_name = {});
    void publish(crypto::CrlStore& into, const std::vector<crypto::Certificate>& revoked = {}) const;
    [[nodiscard]] std::shared_ptr<const crypto::TrustStore> trust(crypto::Purpose purpose) const;

private:
    crypto::Identity identity_;
};

/// Keys take time: made once for the test program.
struct Keys {
    Authority ap_ca{"Example AP CA"};
    Authority tls_ca{"Example TLS CA"};
    Authority foreign_ca{"Example AP CA of another environment"};
    crypto::Identity ap1 = ap_ca.issue("AP0001-SDK-TEST");
    crypto::Identity ap2 = ap_ca.issue("AP0002-SDK-TEST");
    crypto::Identity ap3 = ap_ca.issue("AP0003-SDK-TEST");
    crypto::Identity ap1_next = ap_ca.issue("AP0001-SDK-TEST");
    crypto::Identity stranger = foreign_ca.issue("AP0002-SDK-TEST");
    crypto::Identity tls1 = tls_ca.issue("ap1.example.se", "ap1.example.se");
    crypto::Identity tls2 = tls_ca.issue("ap2.example.se", "ap2.example.se");
    crypto::Identity mt1 = tls_ca.issue("mt1.example.se", "mt1.example.se");
    crypto::Identity mt2 = tls_ca.issue("mt2.example.se", "mt2.example.se");
};
Keys& keys();

inline const federation::ParticipantId kStad = federation::ParticipantId::parse("0203:stad.example.se").value();
inline const federation::ParticipantId kBy = federation::ParticipantId::parse("0203:by.example.se").value();
inline const federation::ParticipantId kRegion = federation::ParticipantId::parse("0203:region.example.se").value();

/// What an envelope says; defaults make a conformant one.
struct EnvelopeFacts {
    federation::ParticipantId from = kStad;
    federation::ParticipantId to = kRegion;
    std::string id{};  ///< empty: a fresh one
    std::string federation_id{federation::kFederationTest};
    std::string document{federation::kMessageDocument};
    std::size_t padding = 0;  ///< octets of text added to the payload
};
/// Sealed envelope in clear, with the canary in its payload.
struct TestEnvelope {
    std::string id;
    std::string octets;
};
TestEnvelope make_envelope(const EnvelopeFacts& facts = {});

/// A wall clock that can be set forward.
class MovableClock final : public Clock {
public:
    [[nodiscard]] Time now() const override { return system_clock().now() + milliseconds(offset_.load()); }
    void forward(milliseconds by) { offset_ += by.count(); }

private:
    std::atomic<std::int64_t> offset_ = 0;
};

/// A peer that answers as told, in place of the second access point.
class StubPeer {
public:
    /// `answer` gets the number of the request, from 1.
    StubPeer(std::shared_ptr<const crypto::CrlStore> crls, std::function<net::Response(int)> answer);
    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    std::vector<std::string> bodies;
    std::vector<std::string> types;  ///< their Content-Type

private:
    net::Response serve(net::Request& request);
    std::mutex lock_;
    std::function<net::Response(int)> answer_;
    std::unique_ptr<net::Server> server_;
};

/// Two access points (the first with two participants), everything around them in memory.
class World : public ::testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    AccessPointConfig config(int number) const;
    void start(int number) { start(number, config(number)); }
    void start(int number, AccessPointConfig with);
    void stop(int number);
    [[nodiscard]] AccessPoint& ap(int number) { return *aps_.at(number); }
    /// Where messages for a participant go: port of interface A and certificate.
    void register_participant(const federation::ParticipantId& id, const std::string& host, std::uint16_t port,
                              const crypto::Certificate& certificate);
    Outside outside();

    /// A request to interface C by a message service ("mt1" may act for stad and by, "mt2" for region).
    struct Answer {
        int status = 0;
        std::string body;
        net::Headers headers;
        [[nodiscard]] boost::json::object object() const { return boost::json::parse(body).as_object(); }
    };
    Answer call(int ap_number, const crypto::Identity& client, const std::string& method, const std::string& path,
                std::string_view body = {}, const net::Headers& headers = {});
    Answer call_port(int ap_number, std::uint16_t port, const crypto::Identity& client, const std::string& method,
                     const std::string& path, std::string_view body = {}, const net::Headers& headers = {});
    /// An interface O without operators.
    static InterfaceO interface_o(int number);
    Answer call_o(int ap_number, const crypto::Identity& client, const std::string& method, const std::string& path,
                  std::string_view body = {});
    Answer submit(int ap_number, const federation::ParticipantId& from, const TestEnvelope& envelope,
                  const std::string& key = {});
    /// Asks until the message is in a final state.
    boost::json::object await_final(int ap_number, const federation::ParticipantId& from, const std::string& as4_id);
    boost::json::array inbox(int ap_number, const federation::ParticipantId& of, int wait = 0);
    boost::json::array events(int ap_number, const federation::ParticipantId& of, const std::string& as4_id);
    static const crypto::Identity& client_of(const federation::ParticipantId& id);
    static std::string path_of(const federation::ParticipantId& id, const std::string& below);

    /// An AS4 request made outside of any access point, from `sender` to the first one.
    struct Request {
        std::string body;
        as4::Sealed sealed;
    };
    struct RequestFacts {
        federation::ParticipantId from = kRegion;
        federation::ParticipantId to = kStad;
        std::string message_id{};  ///< empty: a fresh one
        std::string document{federation::kMessageDocument};
        milliseconds dated{0};  ///< eb:Timestamp, from now
    };
    static Request make_request(std::string_view payload, const RequestFacts& facts,
                                const crypto::Identity& sender = keys().ap2);
    Answer post(const Request& request, int to = 1);
    /// A second process of the first access point, on the same store: it has number 3.
    void start_second_process();
    as4::Judgement judge(const Request& request, const Answer& answer) const;

    /// Small ones in the database and large ones in files.
    [[nodiscard]] std::size_t blob_count(int number) const;
    [[nodiscard]] std::string log_text(int number, const std::string& stream) const;
    [[nodiscard]] fs::path folder(int number) const { return root_ / ("ap" + std::to_string(number)); }
    /// One integer from the database of an access point.
    std::int64_t count(int number, std::string_view sql) const;
    /// Changes something there, behind the back of the access point.
    void change(int number, std::string_view sql);
    /// On PostgreSQL when BUDKAVLE_TEST_ENGINE=postgresql, or in a test that says so: every test of an access point
    /// must hold on both engines.
    [[nodiscard]] static bool on_postgresql();
    [[nodiscard]] store::PostgresLocation schema_of(int number) const;

    bool postgresql_ = on_postgresql();
    mutable std::map<int, store::PostgresLocation> schemas_;
    fs::path root_;
    MovableClock clock_;
    std::shared_ptr<crypto::CrlStore> crls_ = std::make_shared<crypto::CrlStore>();
    std::map<int, std::unique_ptr<obs::Log>> logs_;
    std::map<int, std::unique_ptr<AccessPoint>> aps_;
    std::mutex registry_lock_;
    std::map<std::string, smp::Metadata> registry_;
    std::optional<Error> lookup_error_;  ///< answered instead of metadata
};

}  // namespace budkavle::accesspoint::test
