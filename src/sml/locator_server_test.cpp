// The locator as a service: from a SOAP call of an SMP to an answer of the name server.
#include "sml/locator_server.hpp"

#include "dns/test_primary.hpp"
#include "sml/soap_client.hpp"
#include "sml/test_support.hpp"

namespace budkavle::sml {
namespace {

using testing::code_of;
using testing::must;
using testing::participant;

class SmlLocator : public testing::OnRegister {
protected:
    template <class Done>
    static bool eventually(Done done) {
        for (int i = 0; i < 400; ++i) {
            if (done()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return false;
    }
    std::unique_ptr<net::Client> client(const crypto::Identity& identity) const {
        net::ClientOptions options;
        options.tls.server_trust =
            std::make_shared<crypto::TrustStore>(crypto::Purpose::tls_server, std::vector{ca_.identity.certificate()});
        options.tls.crls = std::make_shared<crypto::CrlStore>();
        options.tls.revocation = crypto::RevocationPolicy::when_present;
        options.tls.identity = identity;
        options.resolve = [](const std::string&) {
            return Result<std::vector<std::string>>(std::vector<std::string>{"127.0.0.1"});
        };
        options.guard = must(net::AddressGuard::from_ranges({"127.0.0.0/8"}));
        return net::Client::create(std::move(options));
    }
};
BUDKAVLE_ON_BOTH_ENGINES(SmlLocator);

TEST_P(SmlLocator, FromTheCallOfAnSmpToTheAnswerOfTheNameServer) {
    dns::testing::UpdatableServer dns(dns::testing::Brand::knot, "sml.test");
    dns.start();
    LocatorServerConfig config{.database = location_, .identity = ca_.issue("locator")};
    config.client_anchors = {ca_.identity.certificate()};
    config.crls = std::make_shared<crypto::CrlStore>();
    config.revocation = crypto::RevocationPolicy::when_present;
    config.zones = {{.zone = "sml.test", .server = dns.server(), .key = dns.key()}};
    config.pin_interval = std::chrono::milliseconds(100);
    register_.reset();
    const auto locator = must(LocatorServer::start(config, log_, clock_));
    const auto url = "https://localhost:" + std::to_string(locator->port()) + "/edelivery-sml";
    const auto one = client(one_id_);
    SoapClient soap(*one, url);
    must(soap.is_alive());
    must(soap.create("SMP-ONE", {participant("0203:a.se")}));
    const auto name = participant_name(participant("0203:a.se"), "sml.test");
    EXPECT_TRUE(eventually(
        [&] { return dns.dig("+short NAPTR " + name).find("https://one.example.se/") != std::string::npos; }));

    // An account with a certificate of a foreign CA: known by itself, soon after it was added, and only while it is.
    const testing::Authority foreign("Foreign CA");
    const auto three = foreign.issue("SMP_THREE");
    const auto third = client(three);
    SoapClient from_three(*third, url);
    EXPECT_NE(code_of(from_three.is_alive()), "none");
    must(locator->reg().add_account(admin_, "three", "sml.test", three.certificate()));
    EXPECT_TRUE(eventually([&] { return from_three.is_alive().has_value(); }));
    must(from_three.create_publisher("SMP-THREE", "https://three.example.se/", "192.0.2.3"));
    must(locator->reg().block_account(admin_, "three", true));
    EXPECT_EQ(code_of(from_three.is_alive()), "sml.unauthorised") << "at once, whatever the handshake says";

    dns.stop();
    EXPECT_EQ(code_of(soap.is_alive()), "sml.internal");
    must(soap.create("SMP-ONE", {participant("0203:b.se")}));
    dns.start();
    const auto second = participant_name(participant("0203:b.se"), "sml.test");
    EXPECT_TRUE(eventually([&] { return !dns.dig("+short NAPTR " + second).empty(); }));
    clock_.advance(std::chrono::hours(24 * 340));
    EXPECT_TRUE(eventually([&] { return log_.count("sml.account.certificate_ends") >= 2; })) << "the reminder";
    locator->stop();
}

}  // namespace
}  // namespace budkavle::sml
