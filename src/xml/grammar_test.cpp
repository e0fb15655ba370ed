#include "xml/grammar.hpp"

#include "xml/test_support.hpp"

namespace budkavle::xml {
namespace {

using test::parsed;

const ElementRule kFlag{.ns = "u", .name = "flag", .type = TextType::boolean};
const ElementRule kLabel{.ns = "u", .name = "label", .type = TextType::string, .max_length = 5, .min_length = 1};
const ElementRule kCode{
    .ns = "u",
    .name = "code",
    .type = TextType::token,
    .attributes = {{.ns = {}, .name = "list", .required = true, .fixed = "sv"}, {.ns = {}, .name = "note"}},
    .max_length = 5};
const ElementRule kOpen{.ns = "u", .name = "open", .type = TextType::lax};
const ElementRule kItem{.ns = "u", .name = "item", .sequence = {{&kFlag}, {&kLabel, 0, 2}}};
const ElementRule kRoot{.ns = "u",
                        .name = "root",
                        .sequence = {{&kFlag}, {&kItem, 0, kUnbounded}, {&kCode, 0, 1}, {&kOpen, 0, 1}},
                        .other_after = true};

std::string findings(std::string_view inside, const ElementRule& rule = kRoot) {
    const auto document = parsed("<root xmlns='u' xmlns:f='foreign'>" + std::string(inside) + "</root>");
    std::string out;
    for (const auto& finding : validate(document.root(), rule)) out += finding.at + ";";
    return out;
}

TEST(Grammar, AcceptsWhatTheModelSays) {
    EXPECT_EQ(findings("<flag>true</flag>"), "");
    EXPECT_EQ(findings(" <flag> 1\n</flag> <!--c--> "
                       "<item><flag>0</flag><label>a</label><label>b</label></item><item><flag>0</flag></item><code "
                       "list=' sv '> a </code><f:x><f:y/></f:x><f:z/>"),
              "");
    EXPECT_EQ(findings("<flag>1</flag><open any='x'>text<open/><f:x/></open>"), "");
}

TEST(Grammar, ReportsEveryFaultWithItsPath) {
    EXPECT_EQ(findings("<flag>yes</flag><item><label></label></item><item><flag>1</flag><label>123456</label><label>a</"
                       "label><label>b</label></item><code note='1'>x</code>"),
              "/root/flag;/root/item[1];/root/item[1]/label;/root/item[2]/label[1];/root/item[2]/label[3];/root/code;");
}

TEST(Grammar, MissingUnexpectedAndMisplacedElements) {
    EXPECT_EQ(findings(""), "/root;");
    EXPECT_EQ(findings("<item><flag>1</flag></item>"), "/root;");
    EXPECT_EQ(findings("<flag>1</flag><flag>1</flag>"), "/root/flag[2];");
    EXPECT_EQ(findings("<flag>1</flag><unknown/>"), "/root/unknown;");
    EXPECT_EQ(findings("<flag>1</flag><none xmlns=''/>"), "/root/none;");
    EXPECT_EQ(findings("<flag>1</flag><code list='sv'>x</code><item><flag>1</flag></item>"), "/root/item;");
    EXPECT_EQ(findings("<flag>1</flag>text"), "/root;");
    EXPECT_EQ(findings("<flag>1<f:x/></flag>"), "/root/flag/f:x;");
    EXPECT_EQ(findings("<flag>1</flag>", kItem), "/root;");
}

TEST(Grammar, AForeignElementBetweenRepeatedOnesIsRefused) {
    EXPECT_EQ(findings("<flag>1</flag><item><flag>1</flag></item><f:x/><item><flag>1</flag></item>"), "/root/f:x;");
    EXPECT_EQ(findings("<f:x/><flag>1</flag>"), "/root/f:x;");
    EXPECT_EQ(findings("<flag>1</flag><item><flag>1</flag><f:x/></item>"), "/root/item/f:x;") << "no wildcard there";
}

TEST(Grammar, AttributesAreAnAllowList) {
    EXPECT_EQ(findings("<flag x='1'>1</flag>"), "/root/flag;");
    EXPECT_EQ(findings("<flag>1</flag><code>x</code>"), "/root/code;");
    EXPECT_EQ(findings("<flag>1</flag><code list='no'>x</code>"), "/root/code;");
    EXPECT_EQ(findings("<flag>1</flag><code list='sv' f:list='sv'>x</code>"), "/root/code;");
    EXPECT_EQ(findings("<flag xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
                       "xsi:schemaLocation='http://127.0.0.1:9/ x'>1</flag>"),
              "")
        << "K40";
}

TEST(Grammar, LengthsCountCharacters) {
    EXPECT_EQ(findings("<flag>1</flag><item><flag>1</flag><label>\xC3\xA5\xC3\xA4\xC3\xB6\xF0\x9F\x98\x80\xE2\x82\xAC</"
                       "label></item>"),
              "");
    EXPECT_EQ(findings("<flag>1</flag><item><flag>1</flag><label> 1234 </label></item>"), "/root/item/label;")
        << "string keeps white space";
    EXPECT_EQ(findings("<flag>1</flag><code list='sv'>  1   2   </code>"), "") << "token collapses it";
}

TEST(Grammar, FindingsAreMany) {
    std::string many = "<flag>1</flag>";
    for (int i = 0; i < 5000; ++i) many += "<unknown/>";
    const auto document = parsed("<root xmlns='u'>" + many + "</root>");
    EXPECT_EQ(validate(document.root(), kRoot, "R1").size(), 501U);
    EXPECT_EQ(validate(document.root(), kRoot, "R1")[0].rule, "R1");
}

struct Lexical {
    TextType type;
    const char* text;
    bool valid;
};

TEST(Lexical, FollowsXmlSchema) {
    using enum TextType;
    const Lexical cases[]{
        {boolean, "true", true},
        {boolean, " 0 ", true},
        {boolean, "TRUE", false},
        {boolean, "", false},
        {boolean, "t rue", false},
        {date_time, "2026-03-02T09:15:04.120Z", true},
        {date_time, "2026-03-02T09:15:04", true},
        {date_time, " 2026-03-02T09:15:04+14:00\n", true},
        {date_time, "2026-03-02T09:15:04+14:01", false},
        {date_time, "2026-03-02T09:15:04-13:59", true},
        {date_time, "2026-03-02T09:15:04+1:00", false},
        {date_time, "2026-02-29T00:00:00", false},
        {date_time, "2024-02-29T00:00:00", true},
        {date_time, "1900-02-29T00:00:00", false},
        {date_time, "2000-02-29T00:00:00", true},
        {date_time, "12000-02-29T00:00:00", true},
        {date_time, "12001-02-29T00:00:00", false},
        {date_time, "02026-03-02T00:00:00", false},
        {date_time, "-0044-03-15T00:00:00", true},
        {date_time, "0000-01-01T00:00:00", false},
        {date_time, "26-01-01T00:00:00", false},
        {date_time, "2026-13-01T00:00:00", false},
        {date_time, "2026-00-01T00:00:00", false},
        {date_time, "2026-04-31T00:00:00", false},
        {date_time, "2026-04-00T00:00:00", false},
        {date_time, "2026-01-01T24:00:00", true},
        {date_time, "2026-01-01T24:00:00.000Z", true},
        {date_time, "2026-01-01T24:00:01", false},
        {date_time, "2026-01-01T24:00:00.1", false},
        {date_time, "2026-01-01T23:60:00", false},
        {date_time, "2026-01-01T23:59:60", false},
        {date_time, "2026-01-01T23:59:59.", false},
        {date_time, "2026-01-01T23:59:59.123456789012345", true},
        {date_time, "2026-01-01 23:59:59", false},
        {date_time, "2026-01-01t23:59:59", false},
        {date_time, "2026-01-01T23:59:59z", false},
        {date_time, "+2026-01-01T23:59:59", false},
        {date_time, "2026-01-01", false},
        {date_time, "2026-1-01T23:59:59", false},
        {date_time, "2026-01-01T23:59", false},
        {date_time, "", false},
        {date_time_zoned, "2026-03-02T09:15:04Z", true},
        {date_time_zoned, "2026-03-02T09:15:04", false},
        {date, "2026-03-02", true},
        {date, "2026-03-02Z", true},
        {date, "2026-02-30", false},
        {date, "20260302", false},
        {date, "2026-03-02T00:00:00", false},
        {time, "09:15:04", true},
        {time, "24:00:00", true},
        {time, "09:15", false},
        {time, "09:15:04.5+01:00", true},
        {time_zoned, "09:15:04", false},
        {time_zoned, "09:15:04Z", true},
        {any_uri, "http://a.example.se/b?c#d", true},
        {any_uri, "", true},
        {any_uri, "../a b", true},
        {any_uri, "urn:x:\xC3\xA5", true},
        {any_uri, "a%zz", false},
        {any_uri, "a%2", false},
        {any_uri, "a#b#c", false},
        {any_uri, ":a", false},
        {any_uri, "1a:b", false},
        {any_uri, "a/b:c", true},
        {base64, "QUJD", true},
        {base64, "QUI=", true},
        {base64, "QQ==", true},
        {base64, "", true},
        {base64, "QU\r\nJD ", true},
        {base64, "QQ =\t=", true},
        {base64, "QUJ", false},
        {base64, "QR==", false},
        {base64, "QUJ=", false},
        {base64, "Q===", false},
        {base64, "====", false},
        {base64, "QQ==QQ==", false},
        {base64, "QU-D", false},
        {base64, "Q\xC3\xA5JD", false},
        {integer, "0", true},
        {integer, "-12", true},
        {integer, "+007", true},
        {integer, " 1 ", true},
        {integer, "1.0", false},
        {integer, "-", false},
        {integer, "", false},
        {string, "anything \n", true},
        {token, " a  b ", true},
        {none, " \n", true},
        {none, "x", false},
    };
    for (const auto& [type, text, valid] : cases)
        EXPECT_EQ(matches(type, text), valid) << static_cast<int>(type) << " \"" << text << "\"";
}

}  // namespace
}  // namespace budkavle::xml
