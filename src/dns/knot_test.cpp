// The resolver against Knot, an authoritative server that others wrote.
#include <gtest/gtest.h>

#include "dns/test_knot.hpp"

namespace budkavle::dns {
namespace {

constexpr std::string_view kZone =
    "$ORIGIN sml.test.\n"
    "@ 3600 SOA ns1 hostmaster 1 3600 600 604800 60\n"
    "@ 3600 NS ns1\n"
    "ns1 3600 A 127.0.0.1\n"
    "smp 60 A 192.0.2.10\n"
    "smp 60 AAAA 2001:db8::10\n"
    "direct 60 NAPTR 100 10 \"U\" \"Meta:SMP\" \"!.*!https://smp.example.se/!\" .\n"
    "escaped 60 NAPTR 100 10 \"U\" \"Meta:SMP\" \"!.*!https://smp.example.se/a\\\\!b!\" .\n"
    "alias 60 CNAME direct\n"
    "outside 60 CNAME other.example.se.\n"
    "dangling 60 CNAME nothing\n"
    "one.loop 60 CNAME two.loop\n"
    "two.loop 60 CNAME one.loop\n"
    "old 60 DNAME new\n"
    "x.new 60 NAPTR 100 10 \"U\" \"Meta:SMP\" \"!.*!https://dname.example.se/!\" .\n"
    "away 60 NS ns.example.se.\n";

TEST(Knot, AnswersAsTheZoneSays) {
    testing::Knot knot("sml.test");
    {
        std::ofstream zone(knot.zone_file());
        zone << kZone;
        for (int i = 0; i < 40; ++i) {
            zone << "many 60 NAPTR " << i << " 10 \"U\" \"Meta:SMP\" \"!.*!https://smp" << i
                 << ".example.se/a/long/path/to/fill/the/packet/!\" .\n";
        }
    }
    knot.start("ns1.sml.test");
    const auto resolver = make_resolver("127.0.0.1", knot.port());

    const auto direct = resolver->naptr("direct.sml.test").value();
    ASSERT_EQ(direct.size(), 1U);
    EXPECT_EQ(direct[0].order, 100);
    EXPECT_EQ(direct[0].preference, 10);
    EXPECT_EQ(direct[0].flags, "U");
    EXPECT_EQ(direct[0].service, "Meta:SMP");
    EXPECT_EQ(direct[0].regexp, "!.*!https://smp.example.se/!");
    EXPECT_EQ(direct[0].replacement, ".");
    EXPECT_EQ(resolver->naptr("escaped.sml.test").value().at(0).regexp, "!.*!https://smp.example.se/a\\!b!");
    EXPECT_EQ(resolver->naptr("DIRECT.SML.TEST.").value().size(), 1U);
    EXPECT_EQ(resolver->naptr("alias.sml.test").value().size(), 1U);
    EXPECT_EQ(resolver->naptr("x.old.sml.test").value().at(0).regexp, "!.*!https://dname.example.se/!");
    EXPECT_EQ(resolver->addresses("smp.sml.test").value(), (std::vector<std::string>{"192.0.2.10", "2001:db8::10"}));
    EXPECT_EQ(resolver->naptr("many.sml.test").value().size(), 40U) << "over TCP";

    const auto code = [&](const char* name) {
        const auto result = resolver->naptr(name);
        return result ? std::string("none") : result.error().code;
    };
    EXPECT_EQ(code("absent.sml.test"), "dns.not_found") << "NXDOMAIN";
    EXPECT_EQ(code("smp.sml.test"), "dns.not_found") << "no data";
    EXPECT_EQ(code("dangling.sml.test"), "dns.not_found");
    EXPECT_EQ(code("one.loop.sml.test"), "dns.loop");
    EXPECT_EQ(code("other.example.se"), "dns.failed") << "REFUSED: not its zone";
    EXPECT_EQ(code("outside.sml.test"), "dns.failed") << "alias into a zone that the server does not know";
    EXPECT_EQ(code("x.away.sml.test"), "dns.failed") << "referral";
}

}  // namespace
}  // namespace budkavle::dns
