// TLS of the server and of the client: openssl, curl and Python as peers, and every reason to refuse one (AP-10, AP-11,
// AP-12).
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "net/test_support.hpp"

namespace budkavle::net {
namespace {

using test::Fault;
using test::Pki;

/// Reasons of failed handshakes, in order.
class Refusals {
public:
    void add(const Error& error) {
        const std::lock_guard lock(mutex_);
        codes_.push_back(error.code);
        changed_.notify_all();
    }
    std::string next() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, seconds(20), [this] { return !codes_.empty(); })) return "nothing was refused";
        auto code = codes_.front();
        codes_.erase(codes_.begin());
        return code;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> codes_;
};

class MutualTls : public ::testing::Test {
protected:
    MutualTls() {
        TlsServer tls{pki_.identity("ap.example.se"), pki_.trust(crypto::Purpose::tls_client), pki_.crls()};
        server_ = Server::start(
                      "127.0.0.1", 0, tls, {},
                      [](Request& request) {
                          Response response;
                          response.body = request.peer_certificate ? request.peer_certificate->common_name() : "nobody";
                          return response;
                      },
                      [this](const std::string&, const Error& error) { refusals_.add(error); })
                      .value();
        ca_file_ = dir_.file("ca.pem", pki_.certificate().pem());
    }

    std::string curl(const std::string& options) {
        const auto port = std::to_string(server_->port());
        return test::run("curl -s --cacert " + ca_file_ + " --resolve ap.example.se:" + port + ":127.0.0.1 " + options +
                         " https://ap.example.se:" + port + "/")
            .output;
    }
    std::string curl_as(const crypto::Identity& identity, const std::string& options = {}) {
        const auto file = dir_.file("client.pem", identity);
        return curl("--cert " + file + " " + options);
    }
    ClientOptions client_options() {
        ClientOptions options;
        options.tls.server_trust = pki_.trust(crypto::Purpose::tls_server);
        options.tls.crls = pki_.crls();
        options.tls.identity = pki_.identity("client.example.se");
        options.resolve = test::resolve_to({"127.0.0.1"});
        options.guard = test::loopback();
        return options;
    }

    Pki pki_;
    test::TempDir dir_;
    Refusals refusals_;
    std::unique_ptr<Server> server_;
    std::string ca_file_;
};

TEST_F(MutualTls, CurlWithCertificateIsKnownByIt) {
    const auto identity = pki_.identity("mt.example.se");
    EXPECT_EQ(curl_as(identity), "mt.example.se");
    EXPECT_EQ(curl_as(identity, "--tls-max 1.2"), "mt.example.se");
}

TEST_F(MutualTls, Ap10EveryRefusalHasItsReason) {
    EXPECT_EQ(curl(""), "");
    EXPECT_EQ(refusals_.next(), "tls.no_certificate");
    EXPECT_EQ(curl_as(pki_.identity("a.example.se", Fault::expired)), "");
    EXPECT_EQ(refusals_.next(), "tls.expired");
    EXPECT_EQ(curl_as(pki_.identity("a.example.se", Fault::revoked)), "");
    EXPECT_EQ(refusals_.next(), "tls.revoked");
    Pki other("Another CA");
    EXPECT_EQ(curl_as(other.identity("a.example.se")), "");
    EXPECT_EQ(refusals_.next(), "tls.untrusted");
    EXPECT_EQ(curl_as(Pki().identity("a.example.se")), "");  // a CA of the same name with another key
    EXPECT_TRUE(refusals_.next().starts_with("tls."));
}

TEST_F(MutualTls, WithoutCurrentRevocationListNobodyEnters) {
    TlsServer tls{pki_.identity("ap.example.se"), pki_.trust(crypto::Purpose::tls_client),
                  std::make_shared<crypto::CrlStore>()};
    server_ = Server::start(
                  "127.0.0.1", 0, tls, {}, [](Request&) { return Response{}; },
                  [this](const std::string&, const Error& error) { refusals_.add(error); })
                  .value();
    EXPECT_EQ(curl_as(pki_.identity("a.example.se")), "");
    EXPECT_EQ(refusals_.next(), "tls.revocation_unavailable");
}

TEST_F(MutualTls, Ap12OldVersionsAndSuitesAreRefused) {
    const auto file = dir_.file("client.pem", pki_.identity("mt.example.se"));
    const auto s_client = [&](const std::string& options) {
        return test::run("openssl s_client -connect 127.0.0.1:" + std::to_string(server_->port()) + " -cert " + file +
                         " " + options)
            .output;
    };
    s_client("-tls1_1 -cipher DEFAULT@SECLEVEL=0");
    EXPECT_EQ(refusals_.next(), "tls.version");
    s_client("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA");  // CBC
    EXPECT_EQ(refusals_.next(), "tls.cipher");
    s_client("-tls1_2 -cipher AES128-GCM-SHA256");  // no forward secrecy
    EXPECT_EQ(refusals_.next(), "tls.cipher");
    const auto good = s_client("-tls1_2");
    EXPECT_TRUE(good.contains("Secure Renegotiation IS supported")) << good;
    EXPECT_TRUE(good.contains("Compression: NONE"));
    EXPECT_FALSE(good.contains("TLS session ticket:"));
    const test::RawConnection plain(server_->port());
    plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(plain.read_all().find("HTTP/1.1 200"), std::string::npos);
    EXPECT_EQ(refusals_.next(), "tls.not_tls");
}

TEST_F(MutualTls, RenegotiationIsRefused) {
    const auto file = dir_.file("client.pem", pki_.identity("mt.example.se"));
    const auto outcome = test::run("(sleep 0.5; echo R; sleep 0.5) | openssl s_client -tls1_2 -connect 127.0.0.1:" +
                                   std::to_string(server_->port()) + " -cert " + file);
    EXPECT_TRUE(outcome.output.contains("no renegotiation")) << outcome.output;
}

TEST_F(MutualTls, OurClientAndServerKnowEachOther) {
    const auto client = Client::create(client_options());
    ClientRequest request;
    request.url = "https://ap.example.se:" + std::to_string(server_->port()) + "/";
    for (int i = 0; i < 2; ++i) {  // also on the kept connection
        const auto response = client->send(request);
        ASSERT_TRUE(response) << response.error().describe();
        EXPECT_EQ(as_text(response->body), "client.example.se");
        ASSERT_TRUE(response->peer_certificate);
        EXPECT_EQ(response->peer_certificate->common_name(), "ap.example.se");
    }
    auto options = client_options();
    options.tls.identity = pki_.identity("client.example.se", Fault::expired);
    const auto refused = Client::create(options)->send(request);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "tls.handshake");
    EXPECT_EQ(refused.error().retry, Retry::later);
    EXPECT_EQ(refusals_.next(), "tls.expired");
}

/// Python's ssl module as the server.
class ClientTls : public ::testing::Test {
protected:
    static constexpr std::string_view kServer = R"(
import http.server, ssl, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *a): pass
    def do_GET(self):
        body = (self.connection.version() or '').encode()
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
class S(http.server.ThreadingHTTPServer):
    def handle_error(self, *a): pass
s = S(('127.0.0.1', 0), H)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
if sys.argv[2:]:
    c.set_ciphers('ALL:@SECLEVEL=0'); c.minimum_version = ssl.TLSVersion.TLSv1_1; c.maximum_version = getattr(ssl.TLSVersion, sys.argv[2])
c.load_cert_chain(sys.argv[1])
s.socket = c.wrap_socket(s.socket, server_side=True)
print(s.server_address[1], flush=True)
s.serve_forever()
)";

    Result<ClientResponse> ask(const crypto::Identity& server, const std::string& host = "smp.example.se",
                               const std::string& version = {}) {
        const auto script = dir_.file("server.py", kServer);
        const auto file = dir_.file("server.pem", server);
        test::Program program("python3 -W ignore " + script + " " + file + " " + version);
        const auto port = program.line();
        ClientOptions options;
        options.tls.server_trust = pki_.trust(crypto::Purpose::tls_server);
        options.tls.crls = pki_.crls();
        options.resolve = test::resolve_to({"127.0.0.1"});
        options.guard = test::loopback();
        ClientRequest request;
        request.url = "https://" + host + ":" + port + "/";
        return Client::create(options)->send(request);
    }
    std::string code(const crypto::Identity& server, const std::string& host = "smp.example.se",
                     const std::string& version = {}) {
        const auto response = ask(server, host, version);
        return response ? "accepted" : response.error().code;
    }

    Pki pki_;
    test::TempDir dir_;
};

TEST_F(ClientTls, PythonServerInBothVersions) {
    const auto identity = pki_.identity("smp.example.se");
    const auto newest = ask(identity);
    ASSERT_TRUE(newest) << newest.error().describe();
    EXPECT_EQ(as_text(newest->body), "TLSv1.3");
    EXPECT_EQ(newest->peer_certificate->sha256_hex(), identity.certificate().sha256_hex());
    EXPECT_EQ(as_text(ask(identity, "smp.example.se", "TLSv1_2")->body), "TLSv1.2");
}

TEST_F(ClientTls, Ap11Ap12EveryRefusalHasItsReason) {
    EXPECT_EQ(code(pki_.identity("other.example.se")), "tls.host_name");
    EXPECT_EQ(code(pki_.identity("smp.example.se"), "127.0.0.1"), "tls.host_name");
    EXPECT_EQ(code(pki_.identity("smp.example.se", Fault::expired)), "tls.expired");
    EXPECT_EQ(code(pki_.identity("smp.example.se", Fault::revoked)), "tls.revoked");
    EXPECT_EQ(code(Pki("Another CA").identity("smp.example.se")), "tls.untrusted");
    EXPECT_EQ(code(pki_.identity("smp.example.se"), "smp.example.se", "TLSv1_1"), "tls.handshake");
}

TEST_F(ClientTls, WithoutTrustStoreThereIsNoConnection) {
    ClientOptions options;
    options.resolve = test::resolve_to({"127.0.0.1"});
    options.guard = test::loopback();
    TlsServer tls{pki_.identity("smp.example.se"), nullptr, nullptr};
    const auto server = Server::start("127.0.0.1", 0, tls, {}, [](Request&) { return Response{}; }).value();
    ClientRequest request;
    request.url = "https://smp.example.se:" + std::to_string(server->port()) + "/";
    EXPECT_EQ(Client::create(options)->send(request).error().code, "tls.untrusted");
}

TEST_F(ClientTls, OneWayServerResumesSessions) {
    TlsServer tls{pki_.identity("smp.example.se"), nullptr, nullptr};
    const auto server = Server::start("127.0.0.1", 0, tls, {}, [](Request&) { return Response{}; }).value();
    const auto at = "-connect 127.0.0.1:" + std::to_string(server->port());
    const auto session = dir_.path("session");
    test::run("printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client " + at +
              " -ign_eof -sess_out " + session);
    const auto again = test::run("openssl s_client " + at + " -sess_in " + session).output;
    EXPECT_TRUE(again.contains("Reused")) << again;
}

}  // namespace
}  // namespace budkavle::net
