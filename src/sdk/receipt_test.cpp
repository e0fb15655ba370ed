#include "sdk/receipt.hpp"

#include <gtest/gtest.h>

#include "sdk/check.hpp"
#include "sdk/mutation.hpp"

namespace budkavle::sdk {
namespace {

using test::replaced;

const std::string kRejected =
    R"(<a:ApplicationResponse xmlns:a="urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2" )"
    R"(xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" )"
    R"(xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">)"
    R"(<cbc:CustomizationID>urn:fdc:digg.se:edelivery:messagetype:response:1</cbc:CustomizationID><cbc:ProfileID>bdx:noprocess</cbc:ProfileID>)"
    R"(<cbc:ID>c1c7f0de-35a4-4b4f-8f3f-8e6d0a5b7720</cbc:ID><cbc:IssueDate>2026-03-02</cbc:IssueDate><cbc:IssueTime>10:15:11+01:00</cbc:IssueTime>)"
    R"(<cac:SenderParty><cbc:EndpointID schemeID="iso6523-actorid-upis">0203:kommunen.example.se</cbc:EndpointID></cac:SenderParty>)"
    R"(<cac:ReceiverParty><cbc:EndpointID schemeID="iso6523-actorid-upis">0203:skolan.example.se</cbc:EndpointID></cac:ReceiverParty>)"
    R"(<cac:DocumentResponse><cac:Response><cbc:ResponseCode>REJECTED</cbc:ResponseCode></cac:Response>)"
    R"(<cac:DocumentReference><cbc:ID>5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11</cbc:ID></cac:DocumentReference>)"
    R"(<cac:LineResponse><cac:LineReference><cbc:LineID>/m:messagePayload</cbc:LineID></cac:LineReference><cac:Response>)"
    R"(<cbc:ResponseCode>BV</cbc:ResponseCode><cac:Status><cbc:StatusReasonCode>invariant</cbc:StatusReasonCode>)"
    R"(<cbc:StatusReason>Fel 1</cbc:StatusReason></cac:Status></cac:Response></cac:LineResponse>)"
    R"(<cac:LineResponse><cac:LineReference><cbc:LineID>NA</cbc:LineID></cac:LineReference><cac:Response>)"
    R"(<cbc:ResponseCode>SIG</cbc:ResponseCode><cac:Status><cbc:StatusReason>Fel 2</cbc:StatusReason></cac:Status></cac:Response></cac:LineResponse>)"
    R"(</cac:DocumentResponse></a:ApplicationResponse>)";

std::vector<std::string> rules_of(const std::string& text) {
    std::vector<std::string> rules;
    for (const auto& fault : check_receipt(as_bytes(text)).verdict.faults) rules.push_back(fault.rule);
    return rules;
}

TEST(Receipt, IsReadWhole) {
    const auto document = xml::Document::parse(as_bytes(kRejected));
    ASSERT_TRUE(document);
    const auto judged = judge_receipt(document->root());
    ASSERT_TRUE(judged.receipt);
    const Receipt expected{
        .id = "c1c7f0de-35a4-4b4f-8f3f-8e6d0a5b7720",
        .issued = *parse_time("2026-03-02T09:15:11Z"),
        .sender = "0203:kommunen.example.se",
        .receiver = "0203:skolan.example.se",
        .accepted = false,
        .reference = "5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11",
        .lines = {{"/m:messagePayload", "BV", "invariant", "Fel 1"}, {"NA", "SIG", std::nullopt, "Fel 2"}}};
    EXPECT_EQ(*judged.receipt, expected);
    EXPECT_FALSE(judged.receipt->only_duplicate());
}

TEST(Receipt, EachRuleRefusesItsOwnFault) {
    struct Case {
        const char *what, *with, *rule;
    };
    const Case cases[] = {
        {"<cbc:ID>c1c7", "<cbc:UUID>x</cbc:UUID><cbc:ID>c1c7", "R1-APP"},
        {"<cbc:StatusReason>", "<cbc:StatusReason languageID=\"sv\">", "R1-APP"},
        {"<cbc:ID>c1c7", "<cbc:ID schemeID=\"iso6523-actorid-upis\">c1c7", "R1-APP"},
        {"Fel 1", " \n", "R2-APP"},
        {"<cbc:EndpointID schemeID=\"iso6523-actorid-upis\"", "<cbc:EndpointID schemeID=\" \"", "R2-APP"},
        {"messagetype:response:1", "messagetype:response:2", "R3-APP"},
        {"bdx:noprocess", "bdx:process", "R4-APP"},
        {">REJECTED<", ">rejected<", "R5-APP"},
        {">SIG<", ">sig<", "R6-APP"},
        {">REJECTED<", ">ACCEPTED<", "R7-APP"},
        {"<cbc:StatusReason>Fel 2</cbc:StatusReason>", "<cbc:StatusReasonCode>x</cbc:StatusReasonCode>", "R9-APP"},
        {"<cbc:EndpointID schemeID=\"iso6523-actorid-upis\"", "<cbc:EndpointID", "R9-APP"},
        {"<cbc:LineID>NA</cbc:LineID>", "<cbc:LineID>NA</cbc:LineID><cbc:LineID>NA</cbc:LineID>", "R9-APP"},
        {"2026-03-02", "2026-02-30", "XSD"},
        {"10:15:11+01:00", "10:15:11", "section 2"},
        {"10:15:11+01:00", "10:15", "XSD"},
        {"schemeID=\"iso6523-actorid-upis\"", "schemeID=\"iso6523\"", "section 2"},
        {"<cbc:ProfileID>bdx:noprocess</cbc:ProfileID><cbc:ID>c1c7f0de-35a4-4b4f-8f3f-8e6d0a5b7720</cbc:ID>",
         "<cbc:ID>c1c7f0de-35a4-4b4f-8f3f-8e6d0a5b7720</cbc:ID><cbc:ProfileID>bdx:noprocess</cbc:ProfileID>", "XSD"},
    };
    ASSERT_TRUE(rules_of(kRejected).empty());
    for (const auto& item : cases)
        EXPECT_EQ(rules_of(replaced(kRejected, item.what, item.with)), std::vector<std::string>{item.rule})
            << item.with;

    const auto from = kRejected.find("<cac:LineResponse>");
    const auto to = kRejected.find("</cac:DocumentResponse>");
    const auto without = kRejected.substr(0, from) + kRejected.substr(to);
    EXPECT_EQ(rules_of(without), std::vector<std::string>{"R8-APP"});
    EXPECT_TRUE(rules_of(replaced(without, "REJECTED", "ACCEPTED")).empty());
}

TEST(Receipt, FindingsComeInOrderOfTheirRules) {
    auto text = replaced(kRejected, "Fel 2", "");
    text = replaced(text, "bdx:noprocess", "x");
    text = replaced(text, "<cbc:ID>c1c7", "<cbc:UUID>x</cbc:UUID><cbc:ID>c1c7");
    text = replaced(text, "2026-03-02", "i dag");
    EXPECT_EQ(rules_of(text), (std::vector<std::string>{"R1-APP", "R2-APP", "R4-APP", "XSD"}));
}

TEST(Receipt, XsiAttributesAreIgnoredUnlessTheyChangeTheSchema) {  // K40
    const auto with = [](std::string_view attribute) {
        return replaced(
            kRejected, "<cbc:ID>c1c7",
            "<cbc:ID xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" " + std::string(attribute) + ">c1c7");
    };
    EXPECT_TRUE(rules_of(with("xsi:schemaLocation=\"urn:a file:///etc/hostname\"")).empty());
    EXPECT_EQ(rules_of(with("xsi:nil=\"true\"")), std::vector<std::string>{"XSD"});
    EXPECT_EQ(rules_of(with("xsi:type=\"x\"")), std::vector<std::string>{"XSD"});
}

/// What we accept is valid by the official schema. Its imports carry other file names than the files have (K16).
TEST(Receipt, NothingIsAcceptedThatTheOfficialXsdRefuses) {
    const auto folder = std::filesystem::temp_directory_path() / ("budkavle-receipt-" + new_uuid());
    std::filesystem::create_directories(folder);
    for (const auto& entry : std::filesystem::directory_iterator(test::shared("spec/data/receipt/xsd"))) {
        auto name = entry.path().filename().string();
        if (name != "Response-2.1.xsd") name = "DIGG UBL-Application" + name;
        std::ofstream(folder / name, std::ios::binary) << test::load_text(entry.path());
    }
    auto documents = test::mutations(kRejected);
    documents["0000-sample"] = kRejected;
    const auto refused = test::refused_by_xmllint(folder / "Response-2.1.xsd", documents);
    std::filesystem::remove_all(folder);
    EXPECT_FALSE(refused.contains("0000-sample"));
    std::size_t accepted = 0;
    for (const auto& [name, text] : documents) {
        const bool ours = rules_of(text).empty();
        accepted += ours;
        if (ours) EXPECT_FALSE(refused.contains(name)) << name;
    }
    EXPECT_GT(accepted, 50U);
    EXPECT_GT(refused.size(), 300U);
}

TEST(Receipt, AnswersAVerdict) {
    const ReceiptFacts facts{.id = "c1c7f0de-35a4-4b4f-8f3f-8e6d0a5b7720",
                             .issued = *parse_time("2026-03-02T09:15:11.250Z"),
                             .sender = "0203:kommunen.example.se",
                             .receiver = "0203:skolan.example.se",
                             .reference = "5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11"};
    const auto accepted = receipt_for({}, facts);
    ASSERT_TRUE(accepted);
    EXPECT_TRUE(accepted->accepted && accepted->lines.empty());

    Findings findings(Policy::standard());
    findings.add(Event::duplicate, "message.md 7.3", "");
    auto rejected = receipt_for(findings.verdict(), facts);
    ASSERT_TRUE(rejected);
    EXPECT_TRUE(rejected->only_duplicate());  // RCP-05, RCP-06
    findings.add(Event::structure, "XSD", "/a<b>&\"c\"", "x & y");
    rejected = receipt_for(findings.verdict(), facts);
    EXPECT_FALSE(rejected->only_duplicate());
    EXPECT_EQ(rejected->lines.size(), 2U);

    for (const auto& receipt : {*accepted, *rejected}) {
        const auto octets = write_receipt(receipt);
        ASSERT_TRUE(octets) << octets.error().describe();
        EXPECT_TRUE(octets->contains("<cbc:IssueTime>09:15:11.250Z</cbc:IssueTime>"));
        const auto document = xml::Document::parse(as_bytes(*octets));
        EXPECT_EQ(judge_receipt(document->root()).receipt, receipt);
    }
    findings.add(Event::undecryptable, "XHE-10", "NA");
    EXPECT_FALSE(receipt_for(findings.verdict(), facts)) << "silence, not even about the other faults";
}

TEST(Receipt, AnInvalidOneIsNeverWritten) {
    Receipt receipt{
        .id = "a", .issued = {}, .sender = "b", .receiver = "c", .accepted = false, .reference = "d", .lines = {}};
    EXPECT_EQ(write_receipt(receipt).error().rule, "R8-APP");
    receipt.lines = {{"NA", "BV", std::nullopt, " "}};
    EXPECT_EQ(write_receipt(receipt).error().code, "receipt.invalid");
    receipt.lines = {{"NA", "XX", std::nullopt, "x"}};
    EXPECT_EQ(write_receipt(receipt).error().rule, "R6-APP");
    receipt.lines = {{"NA", "BV", std::nullopt, "x\x01"}};
    EXPECT_FALSE(write_receipt(receipt));
    receipt.lines = {{"NA", "BV", std::nullopt, "x"}};
    EXPECT_TRUE(write_receipt(receipt));
}

}  // namespace
}  // namespace budkavle::sdk
