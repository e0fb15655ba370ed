// One mutation per rule of message.md 2 and K14, each naming the row it must hit.

#include "sdk/message_rules.hpp"

#include <gtest/gtest.h>

#include "sdk/check.hpp"
#include "sdk/mutation.hpp"
#include "sdk/sample_message.hpp"

namespace budkavle::sdk {
namespace {

using test::kSampleMessage;
using test::replaced;

Verdict verdict_of(std::string_view text, const MessageOptions& options = {}) {
    return check_message(as_bytes(text), options).verdict;
}

struct RuleCase {
    const char* what;
    const char* with;
    const char* row;
    const char* rule;
    const char* cause;
    const char* detail;
};

TEST(MessageRules, EachRuleRefusesItsOwnFault) {
    const std::string long_label = "<m:label>" + std::string(257, 'x');
    const RuleCase cases[] = {
        {"<m:documentName>Handling", "<m:documentName>\t\n ", "5", "verifyNonEmptyElements", "BV", "invariant"},
        {"<m:extension>ref-2", "<m:extension>", "5", "verifyNonEmptyElements", "BV", "invariant"},
        {"<m:recipientID><m:root>iso6523-actorid-upis", "<m:recipientID><m:root>ISO6523-actorid-upis", "18",
         "recipientIdvalue", "BV", "invariant"},
        {"<m:senderID><m:root>iso6523-actorid-upis", "<m:senderID><m:root>iso6523-actorid-upis ", "18", "senderIdvalue",
         "BV", "invariant"},
        {"<m:root>urn:riv:infrastructure:messaging:functionalAddress",
         "<m:root>urn:riv:infrastructure:messaging:functionaladdress", "18", "subOrgRoot", "BV", "invariant"},
        {"09:15:03.900Z", "09:15:03Z", "19", "creationDateTime", "BV", "invariant"},
        {"09:15:03.900Z", "09:15:03.9001Z", "19", "creationDateTime", "BV", "invariant"},
        {"09:15:03.900Z", "09:15:03.900+00:00", "19", "creationDateTime", "BV", "invariant"},
        {"09:15:03.900Z", "09:15:03.900Z ", "19", "creationDateTime", "BV", "invariant"},
        {"<m:messageId>5b0d", "<m:messageId>{5b0d", "19", "MessageId", "BV", "invariant"},
        {"<m:conversationId>6b0d", "<m:conversationId>6b0g", "19", "conversationId", "BV", "invariant"},
        {"<m:refToMessageId>7b0d", "<m:refToMessageId> 7b0d", "19", "refToMessageId", "BV", "invariant"},
        {"<m:label>Mötestid", long_label.c_str(), "5a", "subjectlabel", "BV", "structure"},
        {"<m:content>JVBERi0xLjQK", "<m:content>\nJVBERi0xLjQK", "5", "contentFiles", "BV", "invariant"},
        {"<m:content>JVBERi0xLjQK", "<m:content>-VBERi0xLjQK", "5", "contentFiles", "BV", "invariant"},
        {"<m:content>JVBERi0xLjQK", "<m:content>JVBERi0xLjQ", "5", "K14", "BV", "invariant"},
        {"<m:content>JVBERi0xLjQK", "<m:content>JVBERi0x=jQK", "5", "K14", "BV", "invariant"},
        {"<m:content>aGVq", "<m:content>aGVq=", "5", "K14", "BV", "invariant"},
        {"<m:content>aGVq", "<m:content>aG-q", "5", "K14", "BV", "invariant"},
        {"0203:kommunen.example.se</m:extension></m:recipientID>", "kommunen.example.se</m:extension></m:recipientID>",
         "5", "K14", "BV", "invariant"},
        {"0203:kommunen.example.se</m:extension></m:recipientID>", "0007:2021006883</m:extension></m:recipientID>", "5",
         "K14", "BV", "invariant"},
        {"0203:skolan.example.se</m:extension></m:senderID>", "0203:</m:extension></m:senderID>", "17", "K14", "BV",
         "invariant"},
        {"<m:contentType>text/plain", "<m:contentType>text", "8", "MSG-02", "BV", "not-supported"},
    };
    ASSERT_TRUE(verdict_of(kSampleMessage).valid());
    for (const auto& item : cases) {
        SCOPED_TRACE(item.with);
        const auto verdict = verdict_of(replaced(kSampleMessage, item.what, item.with));
        EXPECT_EQ(verdict.answer, Answer::rejected);
        ASSERT_EQ(verdict.faults.size(), 1U);
        EXPECT_EQ(verdict.faults[0].row, item.row);
        EXPECT_EQ(verdict.faults[0].rule, item.rule);
        EXPECT_EQ(verdict.faults[0].cause, item.cause);
        EXPECT_EQ(verdict.faults[0].detail, item.detail);
        EXPECT_TRUE(verdict.faults[0].at.starts_with("/m:messagePayload/m:message/"));
    }
}

TEST(MessageRules, WhatMustNotBeRefused) {
    const std::pair<const char*, const char*> cases[] = {
        {"09:15:03.900Z", "09:15:03.9Z"},
        {"<m:content>JVBERi0xLjQK", "<m:content>JVBE\r\nRi0x\nLjQK\n"},
        {"<m:content>aGVq", "<m:content>aGU="},
        {"<m:contentType>text/plain", "<m:contentType> TEXT/Plain; charset=utf-8"},
        {"<m:characterSequence>Hej", "<m:characterSequence>\xC2\xA0"},  // normalize-space() keeps a no-break space
        {"<m:messageId>5b0d3c1e", "<m:messageId>5B0D3C1E"},
        {"<m:index>1", "<m:index>etta"},
        {"0203:kommunen.example.se</m:extension></m:recipientID>",
         "0203:Kommunen.Example.SE</m:extension></m:recipientID>"},
    };
    for (const auto& [what, with] : cases)
        EXPECT_TRUE(verdict_of(replaced(kSampleMessage, what, with)).valid()) << with;
}

TEST(MessageRules, PatternsReachIntoExtensions) {
    const auto with = [](std::string_view inside) {
        return verdict_of(
            replaced(kSampleMessage, "</m:messageBody>",
                     "<f:x xmlns:f=\"urn:example.se:tillagg\">" + std::string(inside) + "</f:x></m:messageBody>"));
    };
    EXPECT_TRUE(with("t").valid());
    EXPECT_EQ(with("").faults.at(0).rule, "verifyNonEmptyElements");
    EXPECT_EQ(with("<f:y/>t").faults.at(0).rule, "verifyNonEmptyElements");
    EXPECT_EQ(with("<m:messageId>t</m:messageId>").faults.at(0).rule, "MessageId");
    EXPECT_EQ(with("<m:recipientID><m:root>t</m:root></m:recipientID>").faults.at(0).rule, "recipientIdvalue");
    EXPECT_EQ(with("<m:messageHeader>t</m:messageHeader>").faults.at(0).rule, "conversationIdMustExist");
}

TEST(MessageRules, TextOrFileIsDemanded) {  // K14, row 20
    auto text = kSampleMessage;
    for (const auto* part : {"ContentFiles", "ContentText"})
        for (std::size_t at; (at = text.find("<m:" + std::string(part) + ">")) != std::string::npos;)
            text.erase(at, text.find("</m:" + std::string(part) + ">") + std::string(part).size() + 5 - at);
    const auto verdict = verdict_of(text);
    ASSERT_EQ(verdict.faults.size(), 1U);
    EXPECT_EQ(verdict.faults[0].row, "20");
    EXPECT_TRUE(verdict_of(replaced(text, "</m:documentID></m:documents>",
                                    "</m:documentID><m:ContentText><m:characterSequence>x</m:characterSequence></"
                                    "m:ContentText></m:documents>"))
                    .valid());
}

TEST(MessageRules, SeveralFaultsEachHaveALine) {
    auto text = replaced(kSampleMessage, "09:15:03.900Z", "09:15:03Z");
    text = replaced(text, "<m:senderID><m:root>iso6523-actorid-upis", "<m:senderID><m:root>fel");
    text = replaced(text, "<m:content>aGVq", "<m:content>!");
    EXPECT_EQ(verdict_of(text).faults.size(), 3U);
}

TEST(MessageRules, SizeIsCountedInOctets) {  // MSG-03, row 4
    MessageOptions options;
    options.max_octets = kSampleMessage.size();
    EXPECT_TRUE(verdict_of(kSampleMessage, options).valid());
    options.max_octets -= 1;
    const auto verdict = verdict_of(kSampleMessage, options);
    ASSERT_EQ(verdict.faults.size(), 1U);
    EXPECT_EQ(verdict.faults[0].row, "4");
    EXPECT_EQ(verdict.faults[0].detail, "too-long");
    EXPECT_EQ(verdict.faults[0].at, "NA");
    EXPECT_EQ(verdict.faults[0].text, "Message size to large.");
    EXPECT_EQ(MessageOptions().max_octets, 31'457'280U);
    EXPECT_EQ(kSendLimit, 30'000'000U);
    // TF 2.4.8: more than the limit is refused by size, and not for what else is wrong in it.
    const auto big = replaced(kSampleMessage, "JVBERi0xLjQK", std::string(32'000'000, 'A'));
    EXPECT_EQ(verdict_of(big).faults.at(0).row, "4");
    EXPECT_EQ(verdict_of(std::string(70'000'000, ' ')).faults.at(0).row, "4");
}

TEST(MessageRules, TimeStampSwitch) {  // K11
    MessageOptions lenient;
    lenient.strict_time = false;
    EXPECT_TRUE(verdict_of(replaced(kSampleMessage, "09:15:03.900Z", "09:15:03Z"), lenient).valid());
    EXPECT_FALSE(verdict_of(replaced(kSampleMessage, "09:15:03.900Z", "09:15:03+01:00"), lenient).valid());
}

TEST(MessageRules, AllowListDecides) {  // MSG-01, MSG-02, row 8
    MessageOptions options;
    options.attachments = AttachmentPolicy::only({});
    const auto verdict = verdict_of(kSampleMessage, options);
    ASSERT_EQ(verdict.faults.size(), 1U) << "PDF is always taken, text/plain is not on this list";
    EXPECT_EQ(verdict.faults[0].row, "8");
    options.attachments = AttachmentPolicy::standard();
    EXPECT_TRUE(verdict_of(kSampleMessage, options).valid());
}

TEST(MessageRules, WarningsDoNotRefuse) {
    const auto mismatch = verdict_of(replaced(kSampleMessage, "JVBERi0xLjQK", "iVBORw0KGgo="));
    EXPECT_TRUE(mismatch.valid());
    ASSERT_EQ(mismatch.warnings.size(), 1U);
    EXPECT_EQ(mismatch.warnings[0].rule, "MSG-05");
    const auto long_id =
        verdict_of(replaced(kSampleMessage, "<m:extension>p1", "<m:extension>" + std::string(257, 'p')));
    EXPECT_TRUE(long_id.valid());
    EXPECT_EQ(long_id.warnings.size(), 1U);
}

/// 6.2: nothing that a user wrote may stand in a finding.
TEST(MessageRules, ContentIsNeverEchoed) {
    const std::string secret = "HEMLIGT";
    for (const auto& [name, text] : test::mutations(kSampleMessage)) {
        for (const auto* value :
             {"Mötestid", "Ulla", "p1", "DNR 1/2026", "a.pdf", "Hej", "true", "2026-03-02T09:15:03.900Z", "aGVq",
              "text/plain", "iso6523-actorid-upis", "0203:skolan.example.se", "5b0d3c1e-8f0a-4a5e-9a53-0c6f6f7d2b11"}) {
            const auto at = text.find(value);
            if (at == std::string::npos) continue;
            auto changed = text;
            changed.replace(at, std::string_view(value).size(), secret);
            for (const auto& fault : verdict_of(changed).faults)
                EXPECT_FALSE(fault.text.contains(secret) || fault.at.contains(secret))
                    << name << " " << value << ": " << fault.text;
        }
        if (name.starts_with("1020")) break;
    }
}

TEST(MessageRules, HostileNumberOfFaultsStaysBounded) {
    std::string many;
    for (int i = 0; i < 20'000; ++i) many += "<m:ContentText><m:characterSequence/></m:ContentText>";
    const auto verdict =
        verdict_of(replaced(kSampleMessage, "</m:documents></m:messageBody>", many + "</m:documents></m:messageBody>"));
    EXPECT_EQ(verdict.answer, Answer::rejected);
    EXPECT_LE(verdict.faults.size(), Findings::kMost);
}

}  // namespace
}  // namespace budkavle::sdk
