#include "federation/identifiers.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/bytes.hpp"

namespace budkavle::federation {
namespace {

TEST(ParticipantId, AcceptsEachIcdOfC327) {
    for (const auto* text :
         {"0203:kommunen.example.se", "0203:digg-test1.example.se", "0203:digg.se", "0203:xn--kommn-qua.example.se",
          "0007:2021006883", "0088:7350053850019", "0203:1.2.example.se"})
        EXPECT_TRUE(ParticipantId::parse(text)) << text;
}

TEST(ParticipantId, RefusesWhatIsNoId) {
    for (const auto* text : {"",
                             ":",
                             "0203",
                             "0203:",
                             "0203:http://kommunen.example.se" /* K19 */,
                             "0203:localhost",
                             "0203:.example.se",
                             "0203:example.se.",
                             "0203:a..se",
                             "0203:-a.example.se",
                             "0203:a-.example.se",
                             "0203:a_b.example.se",
                             "0203:å.example.se",
                             "0203: a.example.se",
                             "0203:a.example.se ",
                             "0203:a.example.se\n",
                             "0007:202100688",
                             "0007:20210068831",
                             "0007:20210O6883",
                             "0007:kommunen.example.se",
                             "0088:735005385001",
                             "9915:test",
                             "iso6523-actorid-upis::0203:a.se",
                             "0203:a.example.se/b",
                             "0203:a:b.example.se"})
        EXPECT_FALSE(ParticipantId::parse(text)) << text;
    EXPECT_FALSE(ParticipantId::parse("0203:" + std::string(64, 'a') + ".se"));
    EXPECT_TRUE(ParticipantId::parse("0203:" + std::string(63, 'a') + ".se"));
    std::string long_name = "0203:";
    for (int i = 0; i < 127; ++i) long_name += "a.";
    EXPECT_FALSE(ParticipantId::parse(long_name + "se"));
    EXPECT_EQ(ParticipantId::parse("0203:").error().code, "participant.malformed");
}

TEST(ParticipantId, ComparesWithoutCaseAndKeepsSpelling) {
    const auto a = *ParticipantId::parse("0203:MyndighetA.Example.SE");
    const auto b = *ParticipantId::parse("0203:myndigheta.example.se");
    EXPECT_EQ(a, b);
    EXPECT_EQ(a <=> b, std::strong_ordering::equal);
    EXPECT_EQ(a.text(), "0203:MyndighetA.Example.SE");
    EXPECT_EQ(a.folded(), b.text());
    EXPECT_NE(a, *ParticipantId::parse("0203:myndighetb.example.se"));
}

TEST(DocumentTypes, AreThoseOfC327) {
    ASSERT_EQ(document_types().size(), 4U);
    std::set<std::string> ids;
    for (const auto& type : document_types()) ids.insert(type.id);
    EXPECT_EQ(ids.size(), 4U);

    const auto* message = find_document_type(kMessageDocument);
    ASSERT_NE(message, nullptr);
    EXPECT_FALSE(message->receipt);
    EXPECT_TRUE(message->encrypted);
    EXPECT_EQ(message->type_code(), "Q{urn:riv:infrastructure:messaging:MessageWithAttachments:3}messagePayload");

    // K2: the receipt's id says sigenc, it is signed and not encrypted.
    const auto* receipt = find_document_type(kReceiptDocument);
    ASSERT_NE(receipt, nullptr);
    EXPECT_TRUE(receipt->receipt);
    EXPECT_FALSE(receipt->encrypted);
    EXPECT_EQ(receipt->type_code(),
              "Q{urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2}ApplicationResponse");

    const auto* bas =
        find_document_type("urn:riv:infrastructure:messaging:MessageWithAttachments:3::messagePayload##3.0::tm-base");
    ASSERT_NE(bas, nullptr);
    EXPECT_FALSE(bas->encrypted);
    EXPECT_EQ(find_document_type("urn:unknown"), nullptr);
}

TEST(TransportProfiles, SelectRolesAndTypes) {
    const auto* v10 = find_transport_profile("digg-transport-as4-v1_0");
    const auto* v12 = find_transport_profile("digg-transport-as4-v1_2");
    ASSERT_TRUE(v10 && v12);
    EXPECT_TRUE(v10->initiator_role.ends_with("/initiator"));
    EXPECT_TRUE(v10->responder_role.ends_with("/responder"));
    EXPECT_EQ(v10->participant_type, "iso6523-actorid-upis");
    EXPECT_EQ(v12->initiator_role, "urn:fdc:digg.se:edelivery:transportprofile:as4:role:ap");
    EXPECT_EQ(v12->responder_role, v12->initiator_role);
    EXPECT_EQ(v12->participant_type, "urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:participant");
    EXPECT_EQ(find_transport_profile("digg-transport-as4-v9"), nullptr);
}

}  // namespace
}  // namespace budkavle::federation
