// Limits of `sml.md` 3.3.
#include "sml/test_support.hpp"

namespace budkavle::sml {
namespace {

using testing::code_of;

TEST(SmlRules, ParticipantIsTrimmedFoldedAndLimited) {
    const DomainRules rules{.zone = "sml.test"};
    const auto good = check_participant({"iso6523-actorid-upis", "  0203:Kommunen.Example.se "}, rules);
    ASSERT_TRUE(good);
    EXPECT_EQ(good->text(), "iso6523-actorid-upis::0203:kommunen.example.se");
    EXPECT_TRUE(check_participant({"a-b-c", std::string(50, 'x')}, rules));
    EXPECT_TRUE(check_participant({"", "urn:oasis:names:tc:ebcore:partyid-type:iso6523:0088:4035811991021"}, rules));
    for (const smp::Identifier& bad : std::vector<smp::Identifier>{{"a-b-c", ""},
                                                                   {"a-b-c", std::string(51, 'x')},
                                                                   {"a-b-c", "med blank"},
                                                                   {"a-b-c", "r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s"},
                                                                   {"a-b-c", "line\nbreak"},
                                                                   {"a-b-c", std::string("nul\0x", 5)},
                                                                   {"a-b-c", "*\x7f"},
                                                                   {"ab-c", "x"},
                                                                   {"a-b-c-d", "x"},
                                                                   {"a--c", "x"},
                                                                   {"abcdefgh-abcdefgh-abcdefgh", "x"},
                                                                   {"", "0203:x"}})
        EXPECT_EQ(code_of(check_participant(bad, rules)), "sml.request") << bad.text();
}

TEST(SmlRules, PatternOfTheSubDomain) {
    DomainRules rules{.zone = "sml.test"};
    rules.participant_pattern = "iso6523-actorid-upis::(0203|0007):.*";
    rules.publisher_pattern = "SMP-[A-Z]+";
    EXPECT_TRUE(check_participant({"iso6523-actorid-upis", "0203:a.se"}, rules));
    EXPECT_EQ(code_of(check_participant({"iso6523-actorid-upis", "0088:1"}, rules)), "sml.request");
    EXPECT_TRUE(check_publisher_id("SMP-A", rules));
    EXPECT_EQ(code_of(check_publisher_id("xSMP-A", rules)), "sml.request") << "the whole must match";
    EXPECT_EQ(code_of(check_publisher_id("SMP-A;", DomainRules{.zone = "sml.test"})), "sml.request");
    for (const auto* bad : {"(", "a\\1", "(a)\\1"}) {
        rules.participant_pattern = bad;
        EXPECT_EQ(code_of(check_rules(rules)), "sml.request") << bad;
    }
    rules.participant_pattern = "";
    rules.authorisation = Authorisation::issuer;
    EXPECT_EQ(code_of(check_rules(rules)), "sml.request") << "no issuer";
}

TEST(SmlRules, MigrationKey) {
    for (const auto* good : {"Ab12!?Cd34xy", "AAaa11!!", "AAaa11!!AAaa11!!AAaa11!!"})
        EXPECT_TRUE(check_migration_key(good)) << good;
    for (const auto* bad : {"Aa1!Aa1", "AAaa11!!AAaa11!!AAaa11!!x", "AAAA11!!", "aaaa11!!", "AAaaxx!!", "AAaa1111",
                            "AAaa11! !", "AAaa11!!\t", ""})
        EXPECT_EQ(code_of(check_migration_key(bad)), "sml.request") << bad;
}

TEST(SmlRules, Addresses) {
    DomainRules rules{.zone = "sml.test"};
    EXPECT_TRUE(check_logical_address("https://smp.example.se/", rules));
    for (const auto* bad :
         {"http://smp.example.se/", "https://127.0.0.1/", "https://u@smp.example.se/", "ftp://a.se/",
          "https://smp.example.se/?q", "https://smp.example.se/a!b", "https://smp.example.se/a::b", ""})
        EXPECT_EQ(code_of(check_logical_address(bad, rules)), "sml.request") << bad;
    EXPECT_EQ(code_of(check_logical_address("https://smp.example.se/" + std::string(240, 'a'), rules)), "sml.request");
    rules.url_scheme = UrlScheme::all;
    EXPECT_TRUE(check_logical_address("http://smp.example.se/", rules));
    EXPECT_TRUE(check_physical_address("192.0.2.10"));
    EXPECT_TRUE(check_physical_address("2001:db8::1"));
    EXPECT_EQ(code_of(check_physical_address("smp.example.se")), "sml.request");
}

TEST(SmlRules, NamesOfTheVectors) {
    EXPECT_EQ(participant_name({"iso6523-actorid-upis", "0203:Digg-Test1.example.se"}, "sml.test"),
              "v5su5whv23h2ilouezygupwx5mnefcnmjykvqqsfiblq5kdecuha.iso6523-actorid-upis.sml.test");
    EXPECT_EQ(publisher_name("SMP-SDK-LAB", "sml.test"), "smp-sdk-lab.publisher.sml.test");
}

}  // namespace
}  // namespace budkavle::sml
