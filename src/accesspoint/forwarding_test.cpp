/// AP-13: TLS that ends in a proxy in front of the access point.

#include "accesspoint/forwarding.hpp"

#include "accesspoint/test_support.hpp"

namespace budkavle::accesspoint {
namespace {

using namespace test;

/// A certificate of the proxy's own, of no CA that peers are judged by.
const crypto::Identity& proxy() {
    static Authority house("House CA");
    static const auto identity = house.issue("proxy.internal.example.se", "proxy.internal.example.se");
    return identity;
}

std::string rfc9440(const crypto::Certificate& certificate) {
    return ":" + base64_encode(certificate.der()) + ":";
}
std::string as_nginx(const crypto::Certificate& certificate) {
    return percent_encode(certificate.pem());
}

class Proxied : public World {
protected:
    Answer get(const crypto::Identity& client, const std::vector<std::string>& forwarded,
               const std::string& header = "Client-Cert") {
        net::Headers headers;
        for (const auto& value : forwarded) headers.add(header, value);
        return call_port(1, ap(1).port_a(), client, "GET", "/health", {}, headers);
    }
    void start_proxied() {
        auto with = config(1);
        with.a.proxy = ForwardingProxy{.certificates = {proxy().certificate()}};
        start(1, std::move(with));
    }
    bool refused_with(std::string_view code) const { return log_text(1, "audit").contains(code); }
    const crypto::Certificate peer = keys().tls2.certificate();
};

TEST_F(Proxied, AP13_ACertificateIsTakenFromTheProxyAlone) {
    start_proxied();
    EXPECT_EQ(get(proxy(), {rfc9440(peer)}).status, 200);
    EXPECT_EQ(get(proxy(), {as_nginx(peer)}).status, 200);
    EXPECT_EQ(get(proxy(), {rfc9440(peer)}, "client-cert").status, 200) << "header names know no case";
}

TEST_F(Proxied, AP13_WithoutACertificateThereIsNoPeer) {
    start_proxied();
    EXPECT_EQ(get(proxy(), {}).status, 403) << "the proxy is no peer itself";
    EXPECT_EQ(get(proxy(), {rfc9440(peer)}, "X-Client-Cert").status, 403);
    EXPECT_EQ(get(proxy(), {rfc9440(peer), rfc9440(peer)}).status, 403) << "whose would it be?";
    for (const auto* nothing : {"", ":", "::", ":AAAA:", "-----BEGIN%20CERTIFICATE-----", "(null)", "%"})
        EXPECT_EQ(get(proxy(), {nothing}).status, 403) << nothing;
    EXPECT_TRUE(refused_with("tls.no_certificate"));
}

TEST_F(Proxied, AP13_WhatIsHandedOnIsJudgedAsInAHandshake) {
    start_proxied();
    EXPECT_EQ(get(proxy(), {rfc9440(proxy().certificate())}).status, 403) << "its own certificate is no peer's";
    EXPECT_EQ(get(proxy(), {rfc9440(keys().ap2.certificate())}).status, 403) << "an AS4 certificate";
    EXPECT_TRUE(refused_with("tls.untrusted"));
}

TEST_F(Proxied, AP13_ARevokedPeerIsRefused) {
    const auto gone = keys().tls_ca.issue("ap9.example.se", "ap9.example.se");
    start_proxied();
    EXPECT_EQ(get(proxy(), {rfc9440(gone.certificate())}).status, 200);
    keys().tls_ca.publish(*crls_, {gone.certificate()});
    EXPECT_EQ(get(proxy(), {rfc9440(gone.certificate())}).status, 403);
    EXPECT_TRUE(refused_with("tls.revoked"));
}

TEST_F(Proxied, AP13_AnybodyElseIsWhoItsConnectionSays) {
    start_proxied();
    EXPECT_EQ(get(keys().tls2, {}).status, 200);
    // The header of a stranger is dropped unread, whatever it holds.
    EXPECT_EQ(get(keys().tls2, {rfc9440(keys().ap1.certificate())}).status, 200);
    EXPECT_EQ(get(keys().tls2, {"nonsense", "more"}).status, 200);
}

TEST_F(Proxied, AP13_WithoutTheSwitchNoHeaderIsRead) {
    start(1);
    EXPECT_EQ(get(keys().tls2, {rfc9440(keys().ap1.certificate())}).status, 200);
    InterfaceA a;
    a.client_trust = keys().tls_ca.trust(crypto::Purpose::tls_client);
    net::Request request;
    request.peer_certificate = proxy().certificate();
    request.headers.add("Client-Cert", rfc9440(peer));
    const Forwarding forwarding(a, *crls_);
    ASSERT_TRUE(forwarding.admit(request, system_clock().now()));
    EXPECT_EQ(request.peer_certificate->sha256_hex(), proxy().certificate().sha256_hex());
    EXPECT_EQ(forwarding.client_trust(), a.client_trust) << "nor is its certificate trusted in a handshake";
}

TEST(Forwarding, AP13_ThePeerStandsWhereTheProxyStood) {
    crypto::CrlStore crls;
    keys().tls_ca.publish(crls);
    InterfaceA a;
    a.client_trust = keys().tls_ca.trust(crypto::Purpose::tls_client);
    a.proxy = ForwardingProxy{.certificates = {proxy().certificate()}};
    const Forwarding forwarding(a, crls);
    const auto request = [&](const crypto::Identity& connection) {
        net::Request made;
        made.peer_certificate = connection.certificate();
        made.headers.add("Content-Type", "text/xml");
        made.headers.add("Client-Cert", rfc9440(keys().tls2.certificate()));
        return made;
    };
    auto from_proxy = request(proxy());
    ASSERT_TRUE(forwarding.admit(from_proxy, system_clock().now()));
    EXPECT_EQ(from_proxy.peer_certificate->sha256_hex(), keys().tls2.certificate().sha256_hex());
    auto from_peer = request(keys().tls1);
    ASSERT_TRUE(forwarding.admit(from_peer, system_clock().now()));
    EXPECT_EQ(from_peer.peer_certificate->sha256_hex(), keys().tls1.certificate().sha256_hex());
    for (const auto& one : {from_proxy, from_peer}) {
        EXPECT_FALSE(one.headers.get("Client-Cert")) << "nobody behind may read it";
        EXPECT_EQ(one.headers.get("Content-Type"), "text/xml");
    }
    auto late = request(proxy());
    const auto error = forwarding.admit(late, system_clock().now() + std::chrono::hours(24 * 365 * 50)).error();
    EXPECT_EQ(error.code, "tls.expired");
    EXPECT_EQ(error.rule, "AP-13");
}

TEST(Forwarding, AP13_RevocationOutOfReachIsForNow) {  // AP-18
    const crypto::CrlStore none;
    InterfaceA a;
    a.client_trust = keys().tls_ca.trust(crypto::Purpose::tls_client);
    a.proxy = ForwardingProxy{.certificates = {proxy().certificate()}};
    net::Request request;
    request.peer_certificate = proxy().certificate();
    request.headers.add("Client-Cert", rfc9440(keys().tls2.certificate()));
    const auto error = Forwarding(a, none).admit(request, system_clock().now()).error();
    EXPECT_EQ(error.code, "tls.revocation_unavailable");
    EXPECT_EQ(error.retry, Retry::later);
}

}  // namespace
}  // namespace budkavle::accesspoint
