// The schema tables against the official XSD: verdicts of libxml2 on vectors and on one change to every element.

#include <gtest/gtest.h>

#include "sdk/check.hpp"
#include "sdk/message_grammar.hpp"
#include "sdk/mutation.hpp"
#include "sdk/sample_message.hpp"

namespace budkavle::sdk {
namespace {

const char* const kSchema = "spec/data/message/xsd/infrastructure_messaging_MessageWithAttachments_3.0.xsd";

Verdict schema_verdict(std::string_view text) {
    Findings findings(Policy::standard());
    const auto document = xml::Document::parse(as_bytes(text));
    EXPECT_TRUE(document);
    if (document) check_schema(*document, findings);
    return findings.verdict();
}

TEST(MessageSchema, AgreesWithOfficialXsdOnEveryMutation) {
    auto documents = test::mutations(test::kSampleMessage);
    documents["0000-sample"] = test::kSampleMessage;
    const auto refused = test::refused_by_xmllint(test::shared(kSchema), documents);
    ASSERT_GT(documents.size(), 1000U);
    EXPECT_GT(refused.size(), 500U);
    EXPECT_FALSE(refused.contains("0000-sample"));
    std::size_t stricter = 0;
    for (const auto& [name, text] : documents) {
        const bool ours = !schema_verdict(text).valid();
        if (ours == refused.contains(name)) continue;
        // libxml2 lets xs:any take part in the middle of a sequence between repeated elements; the schema does not.
        const bool known = ours && (name.contains("foreign") || name.contains("wrong-namespace"));
        EXPECT_TRUE(known) << name << (ours ? ": refused here only" : ": accepted here only");
        stricter += known;
    }
    EXPECT_LE(stricter, 30U);
}

TEST(MessageSchema, AgreesWithOfficialXsdOnVectors) {
    std::map<std::string, std::string> documents;
    for (const auto& row : test::load_table(test::shared("sdk-vectors/message.tsv"))) {
        if (row[3] == "none" || row[2] == "either" || row[1] == "neg-duplicate-namespace-attribute")
            continue;  // not parsed at all
        documents[row[1]] = test::load_text(test::shared("sdk-vectors") / row[0]);
    }
    ASSERT_GE(documents.size(), 90U);
    const auto refused = test::refused_by_xmllint(test::shared(kSchema), documents);
    for (const auto& [name, text] : documents) EXPECT_EQ(!schema_verdict(text).valid(), refused.contains(name)) << name;
}

TEST(MessageSchema, TypesByTheirEdges) {
    std::map<std::string, std::string> documents;
    const auto with = [&](const std::string& name, std::string_view what, std::string_view value) {
        documents[name] = test::replaced(test::kSampleMessage, what, value);
    };
    unsigned number = 0;
    for (const auto* stamp : {"2026-02-29T10:00:00.000Z",
                              "2028-02-29T10:00:00.000Z",
                              "2026-03-02T24:00:00.000Z",
                              "2026-03-02T24:00:00.001Z",
                              "2026-03-02T23:59:60.000Z",
                              "2026-13-01T00:00:00Z",
                              "2026-00-01T00:00:00Z",
                              "2026-01-00T00:00:00Z",
                              "-2026-01-01T00:00:00Z",
                              "12026-01-01T00:00:00Z",
                              "02026-01-01T00:00:00Z",
                              "026-01-01T00:00:00Z",
                              "2026-01-01T00:00:00+14:00",
                              "2026-01-01T00:00:00+14:01",
                              "2026-01-01T00:00:00-15:00",
                              "2026-01-01T00:00:00",
                              "2026-01-01T00:00:00z",
                              "2026-01-01 00:00:00Z",
                              "2026-01-01T00:00:00Z\n",
                              "2026-01-01T00:00:00.Z",
                              "2026-01-01T0:00:00Z",
                              "2026-1-01T00:00:00Z",
                              "+2026-01-01T00:00:00Z",
                              "2026-01-01T00:00:00.123456789Z",
                              ""})
        with("stamp-" + std::to_string(++number), "2026-03-02T09:15:03.900Z", stamp);
    for (const auto* value : {"1", "0", " true ", "TRUE", "yes", "2", "false\n", "", "01", "true false"})
        with("boolean-" + std::to_string(++number), "<m:confidentiality>true",
             std::string("<m:confidentiality>") + value);
    const auto refused = test::refused_by_xmllint(test::shared(kSchema), documents);
    for (const auto& [name, text] : documents)
        EXPECT_EQ(!schema_verdict(text).valid(), refused.contains(name)) << name << "\n" << text.substr(0, 300);
}

TEST(MessageSchema, RowsAndCodes) {
    // Row 5b: every other label, counted in characters and not in octets.
    const std::string astral = "\xF0\x9F\x93\xA8";
    for (const auto* label : {"<m:label>Kommunen", "<m:label>Ulla", "<m:label>Socialjour", "<m:label>Diarienummer"}) {
        std::string text(label);
        for (int i = 0; i < 256 - 4; ++i) text += astral;
        std::string longest = test::replaced(test::kSampleMessage, label, text);
        if (std::string(label) == "<m:label>Ulla") EXPECT_TRUE(schema_verdict(longest).valid());
        for (int i = 0; i < 8; ++i) text += astral;
        const auto verdict = schema_verdict(test::replaced(test::kSampleMessage, label, text));
        ASSERT_EQ(verdict.faults.size(), 1U) << label;
        EXPECT_EQ(verdict.faults[0].row, "5b");
        EXPECT_EQ(verdict.faults[0].cause, "SV");
        EXPECT_EQ(verdict.faults[0].detail, "structure");
        EXPECT_EQ(verdict.faults[0].rule, "XSD");
    }
    // Schema faults stand alone: the wrong root beside it is not reported.
    auto two = test::replaced(test::kSampleMessage, "<m:confidentiality>true</m:confidentiality>", "");
    two = test::replaced(two, "<m:senderID><m:root>iso6523-actorid-upis", "<m:senderID><m:root>fel");
    const auto checked = check_message(as_bytes(two));
    for (const auto& fault : checked.verdict.faults) EXPECT_EQ(fault.cause, "SV");
}

TEST(MessageSchema, LaxExtensions) {
    const auto with = [](std::string_view extension) {
        return test::replaced(test::kSampleMessage, "</m:messageBody>", std::string(extension) + "</m:messageBody>");
    };
    const std::string open =
        "<f:x xmlns:f=\"urn:example.se:tillagg\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
        "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"";
    std::map<std::string, std::string> documents{
        {"any-attributes", with(open + " a=\"b\" f:c=\"d\">t<f:y/>t</f:x>")},
        {"unknown-of-the-namespace", with(open + "><m:unknown/></f:x>")},
        {"known-but-not-global", with(open + "><m:messageId><f:z/></m:messageId></f:x>")},
        {"payload-broken", with(open + "><f:y><m:messagePayload/></f:y></f:x>")},
        {"type-known", with(open + " xsi:type=\"m:IIType\"><m:root>a</m:root><m:extension>b</m:extension></f:x>")},
        {"type-known-broken", with(open + " xsi:type=\"m:IIType\"><m:root>a</m:root></f:x>")},
        {"type-simple", with(open + " xsi:type=\"xs:boolean\">true</f:x>")},
        {"type-simple-broken", with(open + " xsi:type=\"xs:boolean\">maybe</f:x>")},
        {"type-unknown", with(open + " xsi:type=\"m:nothing\">t</f:x>")},
        {"type-any", with(open + " xsi:type=\"xs:anyType\">t<f:y/></f:x>")},
    };
    const auto refused = test::refused_by_xmllint(test::shared(kSchema), documents);
    for (const auto& [name, text] : documents) EXPECT_EQ(!schema_verdict(text).valid(), refused.contains(name)) << name;
}

}  // namespace
}  // namespace budkavle::sdk
