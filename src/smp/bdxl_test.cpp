#include "smp/bdxl.hpp"

#include <gtest/gtest.h>

#include "smp/test_support.hpp"
#include "smp/url.hpp"

namespace budkavle::smp {
namespace {

using testing::FakeResolver;
using testing::must;

std::string code_of(const auto& result) {
    return result ? std::string("none") : result.error().code;
}
dns::Naptr terminal(const std::string& regexp) {
    return {100, 10, "U", "Meta:SMP", regexp, "."};
}
std::string url_code(const std::string& url) {
    return code_of(check_smp_url(url));
}

TEST(Bdxl, PublishedNumberOfTheSpecification) {
    EXPECT_EQ(dns_name(parse_participant("0203:digg-test1.example.se"), "sml.test"),
              "V5SU5WHV23H2ILOUEZYGUPWX5MNEFCNMJYKVQQSFIBLQ5KDECUHA.iso6523-actorid-upis.sml.test");
    EXPECT_EQ(
        dns_name(parse_participant("urn:oasis:names:tc:ebcore:partyid-type:iso6523:0088:4035811991021"), "sml.test"),
        "I3QYB36CTAYRFGTHBYCQZDTOJFHGAZJEGLFOOE7727EGVDWRK5QQ.sml.test");
}

TEST(Bdxl, SmpAddressesThatAreRefused) {
    EXPECT_EQ(url_code("https://smp.example.se/"), "none");
    EXPECT_EQ(url_code("https://smp.example.se:8443/base/path"), "none");
    for (const char* url :
         {"http://smp.example.se/", "https://user@smp.example.se/", "https://smp.example.se/#x",
          "https://smp.example.se/?a=b", "https://10.0.0.1/", "https://[::1]/", "https://2130706433/",
          "https://0x7f.1/", "https:///x", "https://smp.example.se:0/", "https://smp.example.se:99999/",
          "https://smp.example.se /", "https://smp.example.se\\@evil.example.se/", "smp.example.se", "",
          // The old records of the register had the participant in the address (`sml.md` 2.3).
          "https://smp.example.se/iso6523-actorid-upis::0010:1",
          "https://smp.example.se/iso6523-actorid-upis%3A%3A0010%3A1"}) {
        EXPECT_EQ(url_code(url), "bdxl.url") << url;
    }
}

TEST(Bdxl, BrokenRegexps) {
    for (const char* regexp :
         {"", "!", "!.*!", "!.*!https://a.example.se", "!.*!https://a.example.se!x", "1.*1https://a.example.se1",
          "\\.*\\https://a.example.se\\", "!.*!https://a.example.se/\\", "!.*!https://a\\x.example.se!"}) {
        EXPECT_EQ(code_of(interpret_naptr({terminal(regexp)})), "bdxl.syntax") << regexp;
    }
    EXPECT_EQ(code_of(interpret_naptr({terminal("!^0203:other$!https://a.example.se!")})), "bdxl.regexp");
    EXPECT_EQ(code_of(interpret_naptr({terminal("!(a+)+$!https://a.example.se!")})), "bdxl.regexp")
        << "no expression from the network is ever run";
}

TEST(Bdxl, FirstFittingRecordDecides) {
    const dns::Naptr broken{10, 1, "U", "Meta:SMP", "!.*", "."};
    EXPECT_EQ(code_of(interpret_naptr({terminal("!.*!https://a.example.se!"), broken})), "bdxl.syntax");
    EXPECT_EQ(code_of(interpret_naptr({})), "smp.no_service");
}

TEST(Bdxl, FollowsNonTerminalRecords) {
    FakeResolver resolver;
    resolver.records["one"] = std::vector<dns::Naptr>{{100, 10, "", "Meta:SMP", "", "two."}};
    resolver.records["two."] = std::vector{terminal("!.*!https://smp.example.se/!")};
    std::vector<std::string> visited;
    EXPECT_EQ(must(find_smp(resolver, "one", &visited)), "https://smp.example.se/");
    EXPECT_EQ(visited, (std::vector<std::string>{"one", "two."}));
}

TEST(Bdxl, LoopsEnd) {
    FakeResolver resolver;
    resolver.records["one"] = std::vector<dns::Naptr>{{100, 10, "", "Meta:SMP", "", "two."}};
    resolver.records["two."] = std::vector<dns::Naptr>{{100, 10, "", "Meta:SMP", "", "ONE."}};
    EXPECT_EQ(code_of(find_smp(resolver, "one")), "bdxl.loop");
    FakeResolver chain;
    for (int i = 0; i < 20; ++i)
        chain.records["n" + std::to_string(i)] =
            std::vector<dns::Naptr>{{100, 10, "", "Meta:SMP", "", "n" + std::to_string(i + 1)}};
    EXPECT_EQ(code_of(find_smp(chain, "n0")), "bdxl.loop");
    EXPECT_EQ(chain.queries, 8U);
}

TEST(Bdxl, OnlyTheAbsentNameMeansNotRegistered) {
    FakeResolver resolver;
    const auto absent = find_smp(resolver, "absent");
    EXPECT_EQ(code_of(absent), "smp.not_registered");
    EXPECT_EQ(absent.error().retry, Retry::never);
    resolver.records["failing"] = fail("dns.failed", "x", Retry::later);
    resolver.records["slow"] = fail("dns.timeout", "x", Retry::later);
    resolver.records["dangling"] = std::vector<dns::Naptr>{{100, 10, "", "Meta:SMP", "", "gone."}};
    for (const char* name : {"failing", "slow", "dangling"}) {
        const auto result = find_smp(resolver, name);
        EXPECT_NE(code_of(result), "smp.not_registered") << name;
        EXPECT_EQ(result.error().retry, Retry::later) << name;
    }
}

TEST(Naptr, TextThatIsNoRecord) {
    EXPECT_EQ(
        must(parse_naptr("x.example.se. 60 IN NAPTR 1 2 u meta:smp \"!.*!https://a\\100.example.se!\" . ; comment"))
            .regexp,
        "!.*!https://ad.example.se!");
    for (const char* text :
         {"", "100 10 \"U\" \"Meta:SMP\" \"!.*!x!\"", "100 10 \"U\" \"Meta:SMP\" \"!.*!x! .",
          "x 10 \"U\" \"Meta:SMP\" \"\" .", "70000 10 \"U\" \"M\" \"\" .", "1 2 \"U\" \"M\" \"\\999\" .",
          "1 2 \"U\" \"M\" \"\" . extra", "1 2 U\"x \"M\" \"\" .", "1 2 \"U\" \"M\" \"\" a\\032b", "{\"naptr\": []}"}) {
        EXPECT_EQ(code_of(parse_naptr(text)), "naptr.text") << text;
    }
}

}  // namespace
}  // namespace budkavle::smp
