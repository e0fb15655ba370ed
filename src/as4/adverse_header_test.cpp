/// Messages with one fault in the ebMS header or the envelope; everything else about them is right, signed and
/// encrypted after the change.

#include <gtest/gtest.h>

#include "as4/soap.hpp"
#include "as4/forge_support.hpp"

namespace budkavle::as4::testing {
namespace {

template <class Change>
void expect_messaging(Cause cause, Change change) {
    Forge forge;
    forge.on_messaging = change;
    expect_refused(forge, cause);
}

void expect_replaced(Cause cause, std::string from, std::string to) {
    SCOPED_TRACE(from + " -> " + to);
    expect_messaging(cause, [&](std::string& text) { replace(text, from, to); });
}

TEST(Adverse, TheForgeItselfIsAccepted) {
    Forge forge;
    const auto opened = forge.open();
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ(as_text(forge.store->payloads().at("message")), "<xhe>content</xhe>");
}

// ---- ebMS header, as4-wire.md 1.4

TEST(Adverse, Header) {
    expect_replaced(Cause::header_invalid, "forged-1@ap1.example.se", "forged 1@ap1.example.se");
    expect_replaced(Cause::header_invalid, "<eb:Timestamp>2027", "<eb:Timestamp>20x7");
    expect_replaced(Cause::header_invalid, "<eb:Action>", "<eb:Unknown/><eb:Action>");
    expect_replaced(Cause::header_invalid, "<eb:ConversationId>conversation</eb:ConversationId>", "");
    expect_replaced(Cause::several_messages, "</eb:UserMessage>", "</eb:UserMessage><eb:UserMessage/>");
    expect_replaced(Cause::mpc_unknown, "<eb:UserMessage>", R"(<eb:UserMessage mpc="urn:other">)");
    expect_replaced(Cause::property_twice, "</eb:MessageProperties>",
                    R"(<eb:Property name="finalRecipient">0203:other.example.se</eb:Property></eb:MessageProperties>)");
}

// TA03
TEST(Adverse, TwoPartyIds) {
    expect_replaced(Cause::several_parties, "<eb:Role>", "<eb:PartyId>AP0009</eb:PartyId><eb:Role>");
}

// TA08, TA25, TA26, TA29
TEST(Adverse, PartInfo) {
    expect_replaced(Cause::payload_reference, R"(href="cid:message")", R"(href="http://127.0.0.1:9/x")");
    expect_replaced(Cause::payload_reference, R"(href="cid:message")", R"(href="#BODY-1")");
    expect_replaced(Cause::payload_reference, R"( href="cid:message")", "");
    expect_replaced(Cause::mime_type_missing, R"(<eb:Property name="MimeType">text/xml</eb:Property>)", "");
    expect_replaced(Cause::compression_type, "application/gzip", "application/zip");
    expect_replaced(Cause::character_set, "</eb:PartProperties>",
                    R"(<eb:Property name="CharacterSet">klingon</eb:Property></eb:PartProperties>)");
    expect_replaced(Cause::property_twice, "</eb:PartProperties>",
                    R"(<eb:Property name="MimeType">text/xml</eb:Property></eb:PartProperties>)");
}

// AP-02, AP-04, 4CT_TA01, 4CT_TA03
TEST(Adverse, ProcessingMode) {
    expect_replaced(Cause::processing_mode, ">AP0002-SDK-TEST<", ">AP0007-SDK-TEST<");
    expect_replaced(Cause::processing_mode, "partytype:ap", "partytype:xx");
    expect_replaced(Cause::processing_mode, "200704/responder", "200704/initiator");
    expect_replaced(Cause::processing_mode, "iso6523-actorid-upis", "urn:unknown");
    expect_replaced(Cause::property_missing, R"(name="originalSender")", R"(name="sender")");
    expect_replaced(Cause::not_serviced, "bdx:noprocess", "bdx:process");
    expect_replaced(Cause::not_serviced, "MessageWithAttachments:3", "MessageWithAttachments:9");
    Forge forge;
    auto context = federation_of_test().context();
    context.serves = [](const UserMessage& message) { return message.final_recipient() != "0203:region.example.se"; };
    expect_refused(forge, Cause::not_serviced, context);
}

TEST(Adverse, PayloadProfile) {
    auto context = federation_of_test().context();
    context.accept.single_xml_payload = true;
    Forge two;
    two.parts.push_back({.cid = "attachment", .payload = to_bytes("x")});
    expect_refused(two, Cause::processing_mode, context);
    Forge renamed;
    renamed.parts.front().cid = "other";
    expect_refused(renamed, Cause::processing_mode, context);
    Forge fitting;
    EXPECT_TRUE(fitting.open(context));
}

// ---- what a receiver must take, as4-wire.md 1.4, AP-02

TEST(Tolerance, HeaderForms) {
    const auto accepts = [](std::string from, std::string to) {
        Forge forge;
        forge.on_messaging = [&](std::string& text) { replace(text, from, to); };
        const auto opened = forge.open();
        EXPECT_TRUE(opened) << to << ": " << (opened ? "" : opened.error().detail);
    };
    accepts("<eb:Service", "<eb:AgreementRef/><eb:Service");
    accepts("<eb:Service", "<eb:AgreementRef>urn:a</eb:AgreementRef><eb:Service");
    accepts("<eb:ConversationId>conversation</eb:ConversationId>", "<eb:ConversationId/>");
    accepts(">AP0002-SDK-TEST<", ">\n  AP0002-SDK-TEST <");
    accepts("bdx:noprocess", "BDX:noprocess");
    accepts(R"( type="iso6523-actorid-upis")", "");
    accepts("iso6523-actorid-upis", "urn:fdc:digg.se:edelivery:transportprofile:as4:partytype:participant");
    accepts("</eb:MessageProperties>",
            R"(<eb:Property name="trackingIdentifier">x</eb:Property></eb:MessageProperties>)");
    accepts("<eb:UserMessage>",
            R"(<eb:UserMessage mpc="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/defaultMPC">)");
    accepts("forged-1@ap1.example.se", "0d9e1b52-bare-uuid");
}

// ---- SOAP, as4-wire.md 1.3

TEST(Adverse, OnlyBlocksForUsMustBeUnderstood) {  // as4-wire 1.3 mustUnderstand; SOAP 1.2 part 1, 2.2 and 2.4
    const auto read = [](std::string_view role) {
        const auto text = R"(<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Header><x:y xmlns:x="urn:x" S:mustUnderstand="1")" +
                          std::string(role) + "/></S:Header><S:Body/></S:Envelope>";
        MemorySource source(text);
        return read_envelope(source, 10'000);
    };
    const auto role = [](std::string_view name) {
        return R"( S:role="http://www.w3.org/2003/05/soap-envelope/role/)" + std::string(name) + "\"";
    };
    for (const auto& ours : {std::string(), role("ultimateReceiver"), role("next"), std::string(R"( S:role="")")}) {
        const auto refused = read(ours);
        ASSERT_FALSE(refused) << ours;
        EXPECT_EQ(refused.error().cause, Cause::must_understand);
    }
    EXPECT_TRUE(read(role("none")));
    EXPECT_TRUE(read(R"( S:role="urn:a-hop")"));
}

TEST(Adverse, Soap) {
    const auto refuses = [](Cause cause, std::string from, std::string to) {
        SCOPED_TRACE(to);
        Forge forge;
        forge.on_envelope = [&](std::string& text) { replace(text, from, to); };
        expect_refused(forge, cause);
    };
    refuses(Cause::body_not_empty, "></S12:Body>", "><x/></S12:Body>");
    refuses(Cause::body_not_empty, "></S12:Body>", ">text</S12:Body>");
    refuses(Cause::must_understand, "<S12:Header>", R"(<S12:Header><x:y xmlns:x="urn:x" S12:mustUnderstand="1"/>)");
    refuses(
        Cause::security_structure, "</S12:Header>",
        R"(<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"/></S12:Header>)");
    refuses(
        Cause::soap_structure, "</S12:Header>",
        R"(<eb:Messaging xmlns:eb="http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"/></S12:Header>)");

    Forge two_headers;
    two_headers.on_signed_envelope = [](std::string& text) {
        replace(text, "<S12:Header>", "<S12:Header/><S12:Header>");
    };
    expect_refused(two_headers, Cause::soap_structure);
    Forge soap11;
    soap11.on_signed_envelope = [](std::string& text) { replace(text, kSoap12, kSoap11); };
    expect_refused(soap11, Cause::soap_version);
    Forge doctype;
    doctype.on_signed_envelope = [](std::string& text) { text = "<!DOCTYPE x>" + text; };
    expect_refused(doctype, Cause::soap_doctype);  // SEC-64
    Forge bom;
    bom.on_signed_envelope = [](std::string& text) { text = "\xEF\xBB\xBF" + text; };
    EXPECT_TRUE(bom.open());
}

}  // namespace
}  // namespace budkavle::as4::testing
