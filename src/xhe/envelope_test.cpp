#include "xhe/envelope.hpp"

#include <algorithm>

#include "xhe/test_support.hpp"

namespace budkavle::xhe {
namespace {

using namespace test;

std::string criterion(std::string_view code, std::string_view value) {
    return "<xha:BusinessScopeCriterion><xhb:BusinessScopeCriterionTypeCode>" + std::string(code) +
           "</xhb:BusinessScopeCriterionTypeCode><xhb:BusinessScopeCriterionValue>" + std::string(value) +
           "</xhb:BusinessScopeCriterionValue></xha:BusinessScopeCriterion>";
}

const std::string kDocumentCriterion = criterion("DOCUMENTID", federation::kMessageDocument);
const std::string kProcessCriterion = criterion("PROCESSID", "bdx:noprocess");
const std::string kFrom =
    "<xha:FromParty><xha:PartyIdentification><xhb:ID schemeID=\"iso6523-actorid-upis\">0203:skolan.example.se</xhb:ID>"
    "</xha:PartyIdentification></xha:FromParty>";
const std::string kTo =
    "<xha:ToParty><xha:PartyIdentification><xhb:ID schemeID=\"iso6523-actorid-upis\">0203:kommunen.example.se</xhb:ID>"
    "</xha:PartyIdentification></xha:ToParty>";
const std::string kEncrypted =
    "<xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\"><xenc:CipherData><xenc:CipherValue>AAAA"
    "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>";
const std::string kContent = "<xha:PayloadContent>" + kEncrypted + "</xha:PayloadContent>";

const std::string& minimal() {
    static const std::string text =
        "<x:XHE xmlns:x=\"http://docs.oasis-open.org/bdxr/ns/XHE/1/ExchangeHeaderEnvelope\""
        " xmlns:xha=\"http://docs.oasis-open.org/bdxr/ns/XHE/1/AggregateComponents\""
        " xmlns:xhb=\"http://docs.oasis-open.org/bdxr/ns/XHE/1/BasicComponents\">"
        "<xhb:XHEVersionID>1.0</xhb:XHEVersionID>"
        "<xhb:CustomizationID>urn:fdc:digg.se:edelivery:xhe:1</xhb:CustomizationID>"
        "<xha:Header><xhb:ID>5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11</xhb:ID>"
        "<xhb:CreationDateTime>2026-03-02T09:15:04.120Z</xhb:CreationDateTime><xha:BusinessScope>" +
        kDocumentCriterion + criterion("DOCUMENTID_SCHEME", "busdox-docid-qns") + kProcessCriterion +
        criterion("PROCESSID_SCHEME", "urn:fdc:digg.se:edelivery:process") +
        criterion("FEDERATIONID", "urn:fdc:digg.se:edelivery:federation:sdk") + "</xha:BusinessScope>" + kFrom + kTo +
        "</xha:Header><xha:Payloads><xha:Payload><xhb:DocumentTypeCode>Q{urn:example}root</xhb:DocumentTypeCode>"
        "<xhb:ContentTypeCode>application/xml</xhb:ContentTypeCode>"
        "<xhb:HandlingServiceID>sdk:socialjour:0203:kommunen.example.se</xhb:HandlingServiceID>"
        "<xhb:InstanceEncryptionIndicator>true</xhb:InstanceEncryptionIndicator>" +
        kContent + "</xha:Payload></xha:Payloads></x:XHE>";
    return text;
}

Judged judged(std::string_view text) {
    auto document = xml::Document::parse(as_bytes(text));
    EXPECT_TRUE(document.has_value()) << (document ? "" : document.error().describe());
    return document ? judge(*document) : Judged{};
}

std::string rules(const Judged& result) {
    std::string all;
    for (const auto& finding : result.findings) all += finding.rule + " at " + finding.at + ": " + finding.text + "\n";
    return all;
}

bool breaks(const Judged& result, std::string_view rule) {
    return std::ranges::any_of(result.findings, [&](const xml::Finding& finding) { return finding.rule == rule; });
}

TEST(Judge, ReadsTheValuesOfAMinimalEnvelope) {
    const auto result = judged(minimal());
    ASSERT_TRUE(result.conformant()) << rules(result);
    const auto& envelope = *result.envelope;
    EXPECT_EQ(envelope.id, "5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11");
    EXPECT_EQ(envelope.created, "2026-03-02T09:15:04.120Z");
    EXPECT_EQ(format_utc(envelope.created_at), "2026-03-02T09:15:04.120Z");
    EXPECT_EQ(envelope.from.text(), "0203:skolan.example.se");
    EXPECT_EQ(envelope.to.text(), "0203:kommunen.example.se");
    EXPECT_EQ(envelope.document_id, federation::kMessageDocument);
    EXPECT_EQ(envelope.document_scheme, federation::kDocumentScheme);
    EXPECT_EQ(envelope.process_id, federation::kProcess);
    EXPECT_EQ(envelope.process_scheme, federation::kProcessScheme);
    EXPECT_EQ(envelope.federation_id, federation::kFederationSdk);
    EXPECT_EQ(envelope.document_type_code, "Q{urn:example}root");
    EXPECT_EQ(envelope.content_type, "application/xml");
    EXPECT_EQ(envelope.handling_service_id, "sdk:socialjour:0203:kommunen.example.se");
    EXPECT_TRUE(envelope.encrypted);
    EXPECT_FALSE(envelope.has_signature);
}

/// One change of the minimal envelope and the rule that must answer.
struct Change {
    std::string_view rule;
    std::string from;
    std::string to;
};

std::vector<Change> changes() {
    const auto outside = [](std::string_view name, std::string_view before) {
        return Change{"R1-XHE", "<" + std::string(before) + ">",
                      "<" + std::string(name) + ">v</" + std::string(name) + "><" + std::string(before) + ">"};
    };
    const std::string signature = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>";
    return {
        outside("xhb:ProfileID", "xha:Header"),
        outside("xhb:ProfileExecutionID", "xha:Header"),
        outside("xhb:UUID", "xhb:CreationDateTime"),
        outside("xhb:Description", "xhb:DocumentTypeCode"),
        outside("xhb:ID", "xhb:DocumentTypeCode"),
        outside("xhb:CustomizationID", "xhb:HandlingServiceID"),
        outside("xhb:ValidationVersionID", "xhb:InstanceEncryptionIndicator"),
        outside("xhb:InstanceHashValue", "xha:PayloadContent"),
        outside("unknown", "xha:Header"),
        {"R1-XHE", "<xhb:ID>5b", "<xhb:ID schemeID=\"a\">5b"},
        {"R1-XHE", "<xhb:ID schemeID=", "<xhb:ID schemeName=\"a\" schemeID="},
        {"R1-XHE", "<xha:Payload>", "<xha:Payload xml:lang=\"sv\">"},
        {"R1-XHE", ">application/xml<", "><xhb:ID>a</xhb:ID><"},
        {"R2-XHE", "sdk:socialjour:0203:kommunen.example.se", " \n "},
        {"R2-XHE", "<xhb:ID schemeID=", "<xhb:ID schemeName=\" \" schemeID="},
        {"R2-XHE", kEncrypted, ""},
        {"R3-XHE", "xhe:1<", "xhe:2<"},
        {"R4-XHE", kDocumentCriterion, ""},
        {"R4-XHE", kDocumentCriterion, kDocumentCriterion + kDocumentCriterion},
        {"R5-XHE", ">DOCUMENTID_SCHEME<", ">DOCUMENT_SCHEME<"},
        {"R6-XHE", ">PROCESSID<", ">processid<"},
        {"R7-XHE", ">PROCESSID_SCHEME<", ">PROCESSID<"},
        {"R8-XHE", ">FEDERATIONID<", ">FEDERATION<"},
        {"R9-XHE", ">1.0<", ">1.1<"},
        {"R10-XHE", "<xha:FromParty><xha:PartyIdentification><xhb:ID schemeID=\"iso6523-actorid-upis\">",
         "<xha:FromParty><xha:PartyIdentification><xhb:ID>"},
        {"R10-XHE", "<xha:FromParty><xha:PartyIdentification><xhb:ID schemeID=\"iso",
         "<xha:FromParty><xha:PartyIdentification><xhb:ID schemeID=\"ISO"},
        {"R11-XHE", "<xha:ToParty><xha:PartyIdentification><xhb:ID schemeID=\"iso",
         "<xha:ToParty><xha:PartyIdentification><xhb:ID schemeID=\"ISO"},
        {"R12-XHE", kEncrypted, "<a xmlns=\"urn:example\"/>"},
        {"R12-XHE", kEncrypted, kEncrypted + kEncrypted},
        {"R12-XHE", kEncrypted, kEncrypted + "text"},
        {"R13-XHE", ">true<", ">false<"},
        {"R13-XHE", ">true<", ">0<"},
        {"R14-XHE", kTo, kTo + kTo},
        {"R14-XHE", kTo, ""},
        {"R14-XHE", kFrom, ""},
        {"R14-XHE", kFrom + kTo, kTo + kFrom},
        {"R14-XHE", kProcessCriterion, ""},
        {"R14-XHE", kContent, ""},
        {"R14-XHE", "<xhb:ContentTypeCode>application/xml</xhb:ContentTypeCode>", ""},
        {"R14-XHE", "<xhb:DocumentTypeCode>Q{urn:example}root</xhb:DocumentTypeCode>", ""},
        {"R14-XHE", kEncrypted, kEncrypted + "text"},
        {"R14-XHE", "<xha:Header>", signature + "<xha:Header>"},
        {"R14-XHE", "04.120Z", "04.120"},
        {"XSD", "04.120Z", "04,120Z"},
        {"XSD", "2026-03-02", "2026-02-30"},
        {"XSD", ">true<", ">yes<"},
        {"XSD", "<xha:Header>", "text<xha:Header>"},
        {"XSD", kEncrypted, "<xha:a/>"},
        {"XHE-02", "0203:skolan.example.se", "0203:skolan"},
    };
}

TEST(Judge, EveryRuleOfSection3AnswersToItsOwnFault) {
    for (const auto& change : changes()) {
        const auto result = judged(replaced(minimal(), change.from, change.to));
        EXPECT_TRUE(breaks(result, change.rule)) << change.rule << ": " << change.to << "\n" << rules(result);
        EXPECT_FALSE(result.conformant());
    }
}

TEST(Judge, AnotherRootElementIsXhe02) {
    EXPECT_TRUE(breaks(judged("<XHE/>"), "XHE-02"));
    EXPECT_TRUE(
        breaks(judged("<a xmlns=\"http://docs.oasis-open.org/bdxr/ns/XHE/1/ExchangeHeaderEnvelope\"/>"), "XHE-02"));
}

TEST(Judge, AcceptsWhatTheSpecificationLeavesOpen) {
    const std::vector<std::pair<std::string, std::string>> allowed{
        {">true<", "> 1 <"},
        {">1.0<", ">\n 1.0 <"},
        {"schemeID=\"iso6523-actorid-upis\"", "schemeID=\" iso6523-actorid-upis \""},
        {"<x:XHE ",
         "<x:XHE xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"urn:a "
         "http://127.0.0.1:9/\" "} /* K40 */,
        {"04.120Z", "04+01:00"},
        {kProcessCriterion + criterion("PROCESSID_SCHEME", "urn:fdc:digg.se:edelivery:process"),
         criterion("PROCESSID_SCHEME", "urn:fdc:digg.se:edelivery:process") + kProcessCriterion},
        {"<xhb:HandlingServiceID>sdk:socialjour:0203:kommunen.example.se</xhb:HandlingServiceID>", ""},
        {kEncrypted, "<!-- c -->\n" + kEncrypted + "\n"},
        {"<xha:Header>", "\n  <!-- c --><xha:Header>"},
    };
    for (const auto& [from, to] : allowed) {
        const auto result = judged(replaced(minimal(), from, to));
        EXPECT_TRUE(result.conformant()) << to << "\n" << rules(result);
    }
}

TEST(Judge, ACommentInsideAValueDoesNotEndIt) {
    const auto result = judged(replaced(minimal(), "0203:kommunen.example.se", "0203:kommunen.example.se<!-- -->x"));
    ASSERT_TRUE(result.envelope.has_value());
    EXPECT_EQ(result.envelope->to.text(), "0203:kommunen.example.sex");
}

TEST(Judge, ClearAndBase64PayloadsAreAllowedWhenTheIndicatorSaysSo) {
    const auto clear = replaced(minimal(), ">true<", ">false<");
    EXPECT_TRUE(judged(replaced(clear, kEncrypted, "<a xmlns=\"urn:example\"><b/></a>")).conformant());
    EXPECT_TRUE(judged(replaced(clear, kEncrypted, "JVBERi0=")).conformant());
    EXPECT_TRUE(breaks(judged(replaced(clear, kEncrypted, "<a xmlns=\"urn:e\"/>text")), "R14-XHE"));
}

/// Whatever is conformant here must be valid against the OASIS schema (foreign validator: xmllint), and whatever the
/// schema refuses must be refused here.
TEST(Judge, NeverAcceptsWhatTheOasisSchemaRefuses) {
    const TemporaryFolder folder;
    const auto schema = shared() / "spec/data/xhe/XHE-1.0.xsd";
    auto cases = changes();
    cases.push_back({"", ">1.0<", "> 1.0 <"});
    cases.push_back({"", ">true<", ">1<"});
    std::size_t refused = 0;
    for (const auto& change : cases) {
        const auto text = replaced(minimal(), change.from, change.to);
        const auto file = folder.write("envelope.xml", text);
        const bool valid = run("xmllint --nonet --noout --schema " + schema.string() + " " + file.string()) == 0;
        if (!valid) {
            ++refused;
            EXPECT_FALSE(judged(text).conformant()) << change.to;
        }
        if (change.rule == "XSD") EXPECT_FALSE(valid) << "the rule says XSD, the schema does not: " << change.to;
        if (change.rule.empty()) EXPECT_TRUE(valid && judged(text).conformant()) << change.to;
    }
    EXPECT_GE(refused, 10U);
}

TEST(JudgeStream, JudgesWithoutHoldingThePayload) {
    const std::string payload(std::size_t{8} << 20, 'A');
    const auto text = replaced(minimal(), ">AAAA<", ">" + payload + "<");
    MemorySource source(text);
    const auto result = judge_stream(source);
    ASSERT_TRUE(result.has_value()) << result.error().describe();
    EXPECT_TRUE(result->conformant()) << rules(*result);
}

TEST(JudgeStream, HostileTextIsXhe01) {
    for (const auto* text :
         {"<!DOCTYPE a><a/>", "<a>", "", "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/hostname\">]><a>&b;</a>"}) {
        MemorySource source{std::string_view(text)};
        const auto result = judge_stream(source);
        ASSERT_FALSE(result.has_value()) << text;
        EXPECT_EQ(result.error().rule, "XHE-01");
    }
}

}  // namespace
}  // namespace budkavle::xhe
