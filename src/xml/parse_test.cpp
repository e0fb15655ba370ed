// SEC-64, XHE-01: what may not come in, and XHE-10: fragments in the context of an envelope.
#include <algorithm>

#include "xml/test_support.hpp"

namespace budkavle::xml {
namespace {

using test::parsed;
using test::refusal;

std::string repeated(std::string_view what, std::size_t times) {
    std::string out;
    out.reserve(what.size() * times);
    for (std::size_t i = 0; i < times; ++i) out += what;
    return out;
}

TEST(Parse, Sec64RefusesEveryDoctype) {
    for (const char* text : {"<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
                             "<?xml version='1.0'?>\n<!--c--><!DOCTYPE a SYSTEM 'file:///etc/hostname'><a/>",
                             "<!DOCTYPE a PUBLIC '-//X' 'http://127.0.0.1:9/x.dtd'><a/>",
                             "<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/'> %p;]><a/>"})
        EXPECT_EQ(refusal(text), "xml.doctype") << text;
    for (const char* text : {"<!DOCTYPE><a/>", "<!doctype a><a/>", "<a><!DOCTYPE a></a>", "<a/><!DOCTYPE a>"})
        EXPECT_EQ(refusal(text), "xml.malformed") << text;
}

TEST(Parse, Sec64KnowsNoEntityButTheFive) {
    const auto document = parsed("<a b='&lt;&amp;&#233;&quot;'>&lt;&gt;&amp;&quot;&apos;&#xE5;&#13;</a>");
    EXPECT_EQ(document.root().text(), "<>&\"'\xC3\xA5\r");
    EXPECT_EQ(document.root().attribute("b"), "<&\xC3\xA9\"");
    EXPECT_EQ(parsed("<a xmlns='urn:x?a&amp;b&#99;'/>").root().ns(), "urn:x?a&bc");
    EXPECT_EQ(refusal("<a>&x;</a>"), "xml.malformed");
    EXPECT_EQ(refusal("<a b='&x;'/>"), "xml.malformed");
    EXPECT_EQ(refusal("<a>&#0;</a>"), "xml.malformed");
    EXPECT_EQ(refusal("<a>&#xFFFE;</a>"), "xml.malformed");
    EXPECT_EQ(refusal("<a>&#xD800;</a>"), "xml.malformed");
    EXPECT_EQ(refusal("<a>&lt</a>"), "xml.malformed");
}

TEST(Parse, Xhe01RefusesTheHostileEnvelopes) {
    const auto folder = test::shared() / "sdk-vectors" / "xhe";
    EXPECT_EQ(refusal(test::text_of(folder / "neg-25-doctype.xml")), "xml.doctype");
    EXPECT_EQ(refusal(test::text_of(folder / "neg-26-entity-bomb.xml")), "xml.doctype");
    EXPECT_EQ(refusal(test::text_of(folder / "neg-27-external-entity.xml")), "xml.doctype");
    EXPECT_EQ(refusal(test::text_of(folder / "neg-28-truncated.xml")), "xml.malformed");
    EXPECT_EQ(refusal(test::text_of(folder / "neg-29-deep-nesting.xml")), "xml.limit");
    const auto smp = test::shared() / "smp-vectors" / "xml";
    EXPECT_EQ(refusal(test::text_of(smp / "neg-doctype-benign.xml")), "xml.doctype");
    EXPECT_EQ(refusal(test::text_of(smp / "neg-entity-bomb.xml")), "xml.doctype");
    EXPECT_EQ(refusal(test::text_of(smp / "neg-utf16.xml")), "xml.encoding");
}

TEST(Parse, ReadsEveryOtherVector) {
    std::size_t read = 0;
    for (const char* name : {"sdk-vectors/xhe", "smp-vectors/xml"}) {
        for (const auto& entry : test::fs::directory_iterator(test::shared() / name)) {
            const auto file = entry.path().filename().string();
            if (file.find("doctype.xml") != std::string::npos || file.find("entity") != std::string::npos ||
                file.find("truncated") != std::string::npos || file.find("deep") != std::string::npos ||
                file.find("doctype-benign") != std::string::npos || file.find("utf16") != std::string::npos)
                if (file.find("decrypted") == std::string::npos) continue;
            EXPECT_EQ(refusal(test::text_of(entry.path())), "") << file;
            ++read;
        }
    }
    EXPECT_GT(read, 100U);
}

TEST(Parse, OnlyUtf8) {
    EXPECT_EQ(refusal("\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8' standalone='yes'?><a>\xC3\xA5</a>"), "");
    EXPECT_EQ(refusal("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a/>"), "");
    for (const char* name : {"ISO-8859-1", "US-ASCII", "windows-1252", "UTF-7", "UTF-16", "utf8", "x-nobody"})
        EXPECT_EQ(refusal("<?xml version='1.0' encoding='" + std::string(name) + "'?><a/>"), "xml.encoding") << name;
    EXPECT_NE(refusal("<?xml version='1.0' encoding='ebcdic-cp-us'?><a/>"), "");
    EXPECT_EQ(refusal({"\xFF\xFE<\0a\0/\0>\0", 10}), "xml.encoding");
    EXPECT_EQ(refusal({"\0<\0a\0/\0>", 8}), "xml.encoding");
    EXPECT_EQ(refusal({"<\0a\0/\0>\0", 8}), "xml.encoding");
    for (const char* bad : {"\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xFF", "\xE2\x82"}) {
        EXPECT_EQ(refusal("<a>" + std::string(bad) + "</a>"), "xml.encoding") << bad;
        EXPECT_EQ(refusal("<a><!--" + std::string(bad) + "--></a>"), "xml.encoding") << bad;
        EXPECT_EQ(refusal("<a b='" + std::string(bad) + "'/>"), "xml.encoding") << bad;
    }
    EXPECT_EQ(refusal("<a/>\xC3"), "xml.encoding");
}

TEST(Parse, OnlyXml10AndItsCharacters) {
    EXPECT_EQ(refusal("<?xml version='1.1'?><a/>"), "xml.malformed");
    EXPECT_EQ(refusal("<?xml version='2.0'?><a/>"), "xml.malformed");
    EXPECT_EQ(refusal("<a>\x01</a>"), "xml.malformed");
    EXPECT_EQ(refusal("<a>\x1B</a>"), "xml.malformed");
    EXPECT_EQ(refusal("<a>\xEF\xBF\xBE</a>"), "xml.malformed");
    EXPECT_EQ(refusal({"<a>\0</a>", 8}), "xml.encoding");
}

TEST(Parse, RefusesWhatIsNotOneDocument) {
    for (const char* text :
         {"", " ", "text", "<a>", "</a>", "<a/><b/>", "<a/>x", "x<a/>", "<a></b>", "<a b='1' b='2'/>", "<a b=1/>",
          "<a><b></a></b>", " <?xml version='1.0'?><a/>", "<a>]]></a>", "<a><!-- -- --></a>", "<a><![CDATA[x</a>",
          "<a><?xml version='1.0'?></a>", "<a b='<'/>"})
        EXPECT_FALSE(refusal(text).empty()) << text;
    for (const char* text :
         {"<p:a/>", "<a p:b='1'/>", "<a xmlns:p=''/>", "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
          "<a:b:c xmlns:a='u'/>", "<a xmlns:xml='u'/>", "<a xmlns:xmlns='u'/>",
          "<a xmlns='http://www.w3.org/2000/xmlns/'/>"})
        EXPECT_EQ(refusal(text), "xml.malformed") << text;
}

TEST(Parse, NothingIsIncluded) {
    const auto document = parsed(
        "<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='file:///etc/hostname' parse='text'/></a>");
    EXPECT_EQ(document.root().text(), "");
    EXPECT_TRUE(document.root().has_element_children());
}

TEST(Parse, LimitsAreEnforced) {
    const Limits few{.bytes = 2000,
                     .depth = 4,
                     .attributes = 3,
                     .elements = 10,
                     .text = 20,
                     .name = 8,
                     .attribute_value = 16,
                     .markup = 200};
    EXPECT_EQ(refusal("<a><b><c><d/></c></b></a>", few), "");
    EXPECT_EQ(refusal("<a><b><c><d><e/></d></c></b></a>", few), "xml.limit");
    EXPECT_EQ(refusal("<a b='1' c='2' xmlns='u'/>", few), "");
    EXPECT_EQ(refusal("<a b='1' c='2' d='3' xmlns='u'/>", few), "xml.limit");
    EXPECT_EQ(refusal("<a>" + repeated("<b/>", 9) + "</a>", few), "");
    EXPECT_EQ(refusal("<a>" + repeated("<b/>", 10) + "</a>", few), "xml.limit");
    EXPECT_EQ(refusal("<a>" + repeated("x", 20) + "<b/>" + repeated("x", 20) + "</a>", few), "");
    EXPECT_EQ(refusal("<a>" + repeated("x", 21) + "</a>", few), "xml.limit");
    EXPECT_EQ(refusal("<a>" + repeated("x<!--y-->", 21) + "</a>", few), "xml.limit") << "comments do not end a text";
    EXPECT_EQ(refusal("<a>" + repeated("<![CDATA[x]]>", 21) + "</a>", few), "xml.limit");
    EXPECT_EQ(refusal("<abcdefgh/>", few), "");
    for (const char* text :
         {"<abcdefghi/>", "<a abcdefghi='1'/>", "<a xmlns:abcdefghi='u'/>", "<p:abcdefghi xmlns:p='u'/>",
          "<abcdefghi:a xmlns:abcdefghi='u'/>", "<a><?abcdefghi?></a>"})
        EXPECT_EQ(refusal(text, few), "xml.limit") << text;
    EXPECT_EQ(refusal("<a b='" + repeated("x", 16) + "'/>", few), "");
    EXPECT_EQ(refusal("<a b='" + repeated("x", 17) + "'/>", few), "xml.limit");
    EXPECT_EQ(refusal("<a xmlns='" + repeated("x", 17) + "'/>", few), "xml.limit");
    EXPECT_EQ(refusal("<a><!--" + repeated("x", 200) + "--></a>", few), "xml.limit");
    EXPECT_EQ(refusal("<a><!--" + repeated(">", 200) + "--></a>", few), "xml.limit");
    EXPECT_EQ(refusal("<a><?p " + repeated("x", 200) + "?></a>", few), "xml.limit");
    EXPECT_EQ(refusal("<a>" + repeated(" ", 20) + repeated("<!---->", 300) + "</a>", few), "xml.limit");
}

TEST(Parse, NamespacesInForceAreCounted) {
    const Limits few{.namespaces = 2};
    EXPECT_EQ(refusal("<a xmlns='urn:1'><b xmlns:p='urn:2'/><b xmlns:p='urn:2'/></a>", few), "");
    EXPECT_EQ(refusal("<a xmlns='urn:1'><b xmlns:p='urn:2'><c xmlns:p='urn:3'/></b></a>", few), "xml.limit");
}

TEST(Parse, AttributesAreCountedBeforeTheyAreCompared) {
    std::string text = "<a";
    for (int i = 0; i < 100'000; ++i) text += " a" + std::to_string(i) + "=''";
    EXPECT_EQ(refusal(text + " <"), "xml.limit") << "the parser itself would have come to the fault at the end";
}

TEST(Parse, ErrorsSayTheLineAndNothingOfTheContent) {
    const auto document = Document::parse(as_bytes("<a>\n<b>\nhemligt</hemlig></a>"));
    ASSERT_FALSE(document);
    EXPECT_EQ(document.error().place, "line 3");
    EXPECT_EQ(document.error().describe().find("hemlig"), std::string::npos);
    const auto encoding = Document::parse(as_bytes("<a>\n\n\xFF</a>"));
    ASSERT_FALSE(encoding);
    EXPECT_EQ(encoding.error().place, "line 3");
}

TEST(Parse, CdataIsTextAndCommentsSplitNothing) {
    const auto document = parsed("<a>x<!-- c --><![CDATA[<&>]]>y<?p z?>z</a>");
    EXPECT_EQ(document.root().text(), "x<&>yz");
    EXPECT_EQ(document.to_string(), "<a>x&lt;&amp;&gt;y<?p z?>z</a>");
}

TEST(Parse, LongTextsAreReadWhole) {
    const std::string text = repeated("QUJDREVGR0hJSktM", 1'000'000);
    const auto document = parsed("<a>" + text + "</a>");
    EXPECT_EQ(document.root().text_size(), text.size());
    EXPECT_EQ(document.root().text(), text);
    const auto cdata = parsed("<a><![CDATA[" + text + "]]></a>");
    EXPECT_EQ(cdata.root().text(), text);
}

/// Never ends and never holds anything.
class Endless final : public Source {
public:
    Endless(std::string head, char fill, std::size_t size, std::string tail)
        : head_(std::move(head)), fill_(fill), size_(size), tail_(std::move(tail)) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        if (!head_.empty()) return take(head_, into);
        if (size_ > 0) {
            const auto count = std::min(size_, into.size());
            std::fill_n(into.begin(), count, static_cast<std::uint8_t>(fill_));
            size_ -= count;
            return count;
        }
        return take(tail_, into);
    }

private:
    static std::size_t take(std::string& from, std::span<std::uint8_t> into) {
        const auto count = std::min(from.size(), into.size());
        std::copy_n(from.begin(), count, into.begin());
        from.erase(0, count);
        return count;
    }
    std::string head_;
    char fill_;
    std::size_t size_;
    std::string tail_;
};

TEST(ParsePruned, CutsTextWhileItStreams) {
    const Limits limits{.bytes = std::size_t{200} << 20};
    Endless source("<a><b>short</b><c>\xC3\xA5", 'x', std::size_t{150} << 20, "</c><d>end</d></a>");
    const auto document = Document::parse_pruned(source, 100, limits);
    ASSERT_TRUE(document) << document.error().describe();
    EXPECT_EQ(document->root().child("", "b").text(), "short");
    EXPECT_EQ(document->root().child("", "c").text(), "\xC3\xA5" + repeated("x", 98));
    EXPECT_EQ(document->root().child("", "d").text(), "end");
}

TEST(ParsePruned, NeverCutsInsideACharacter) {
    for (std::size_t keep = 0; keep <= 9; ++keep) {
        MemorySource source("<a>\xC3\xA5\xE2\x82\xAC\xF0\x9F\x98\x80</a>");
        const auto document = Document::parse_pruned(source, keep);
        ASSERT_TRUE(document);
        EXPECT_TRUE(is_valid_utf8(document->root().text())) << keep;
        EXPECT_LE(document->root().text_size(), keep);
    }
}

TEST(ParsePruned, HoldsNoMarkupWhole) {
    const Limits limits{.bytes = std::size_t{200} << 20};
    for (const auto& [head, tail] :
         {std::pair{"<a><!--", "--></a>"}, std::pair{"<a b='", "'/>"}, std::pair{"<a><?p ", "?></a>"},
          std::pair{"<a><![CDATA[", "]]></a>"}, std::pair{"<a", "/>"}}) {
        Endless source(head, 'x', std::size_t{150} << 20, tail);
        const auto document = Document::parse_pruned(source, 100, limits);
        ASSERT_FALSE(document) << head;
        EXPECT_EQ(document.error().code, "xml.limit") << head;
    }
}

TEST(ParsePruned, WhatIsKeptIsLimitedAltogether) {
    const Limits limits{.text = 100};
    for (const auto& [text, good] : {std::pair{"<a>" + repeated("<b>12345678901</b>", 10) + "</a>", true},
                                     std::pair{"<a>" + repeated("<b>12345678901</b>", 11) + "</a>", false},
                                     std::pair{"<a>" + repeated("<b c='12345678901'/>", 9) + "</a>", true},
                                     std::pair{"<a>" + repeated("<b c='12345678901'/>", 10) + "</a>", false}}) {
        MemorySource source(text);
        EXPECT_EQ(Document::parse_pruned(source, 10, limits).has_value(), good);
    }
}

TEST(Parse, EverythingThatMakesANodeIsCounted) {
    EXPECT_EQ(refusal("<a>" + repeated("<?p?>", 9) + "</a>", {.elements = 10}), "");
    EXPECT_EQ(refusal("<a>" + repeated("<?p?>", 10) + "</a>", {.elements = 10}), "xml.limit");
    EXPECT_EQ(refusal("<a>" + repeated("<b c='1'/>", 10) + "</a>", {.all_attributes = 10}), "");
    EXPECT_EQ(refusal("<a>" + repeated("<b c='1'/>", 11) + "</a>", {.all_attributes = 10}), "xml.limit");
}

TEST(Parse, ErrorsOfTheSourceAreHandedOn) {
    class Broken final : public Source {
        Result<std::size_t> read(std::span<std::uint8_t>) override {
            return fail("test.broken", "Broken.", Retry::later);
        }
    };
    Broken source;
    const auto document = Document::parse(source);
    ASSERT_FALSE(document);
    EXPECT_EQ(document.error().code, "test.broken");
    EXPECT_EQ(document.error().retry, Retry::later);
}

class ParseInContext : public ::testing::Test {
protected:
    Document envelope_ = parsed(
        "<x:e xmlns:x='urn:x' xmlns:m='urn:m?a&amp;b' xmlns='urn:default' xmlns:over='urn:old'><x:c "
        "xmlns:y='urn:y'/></x:e>");
    Element context_ = envelope_.root().child("urn:x", "c");

    [[nodiscard]] Result<Document> read(std::string_view text, const Limits& limits = {}) const {
        return Document::parse_in_context(as_bytes(text), context_, limits);
    }
    [[nodiscard]] std::string refused(std::string_view text) const {
        const auto document = read(text);
        return document ? "" : document.error().code;
    }
};

TEST_F(ParseInContext, Xhe10UsesPrefixesOfTheEnvelope) {
    const auto document = read("<m:a y:b='1'><c/><over:d xmlns:over='urn:new'/></m:a>");
    ASSERT_TRUE(document) << document.error().describe();
    const auto root = document->root();
    EXPECT_TRUE(root.is("urn:m?a&b", "a"));
    EXPECT_EQ(root.attribute("urn:y", "b"), "1");
    EXPECT_TRUE(root.child("urn:default", "c"));
    EXPECT_TRUE(root.child("urn:new", "d"));
    EXPECT_FALSE(root.parent());
    const auto again = parsed(document->to_string());  // stands alone
    EXPECT_TRUE(again.root().is("urn:m?a&b", "a"));
    EXPECT_TRUE(again.root().child("urn:default", "c"));
}

TEST_F(ParseInContext, OwnDeclarationsWin) {
    const auto document = read("<over:a xmlns:over='urn:new' xmlns=''><b/></over:a>");
    ASSERT_TRUE(document);
    EXPECT_TRUE(document->root().is("urn:new", "a"));
    EXPECT_TRUE(document->root().child("", "b"));
    EXPECT_TRUE(parsed(document->to_string()).root().child("", "b"));
}

TEST_F(ParseInContext, Xhe10AcceptsBomAndDeclaration) {
    for (const char* text : {"\xEF\xBB\xBF<m:a/>", "<?xml version='1.0' encoding='utf-8'?>\r\n<m:a/>\n",
                             "\xEF\xBB\xBF<?xml version=\"1.0\"?><m:a/><!-- c -->"})
        EXPECT_EQ(refused(text), "") << text;
    EXPECT_EQ(refused("<?xml version='1.0' encoding='ISO-8859-1'?><m:a/>"), "xml.encoding");
    EXPECT_EQ(refused("<?xml version='1.1'?><m:a/>"), "xml.malformed");
    EXPECT_EQ(refused("<?xml version='1.0'><m:a/>"), "xml.malformed");
}

TEST_F(ParseInContext, RefusesWhatIsNotOneElement) {
    for (const char* text : {"",
                             "  ",
                             "text",
                             "<m:a/>x",
                             "x<m:a/>",
                             "<m:a/><m:b/>",
                             "<m:a>",
                             "<m:a></m:b>",
                             "</fragment>",
                             "</fragment><fragment>",
                             "<m:a/></fragment><fragment>",
                             "</fragment><m:a/><fragment>",
                             "<m:a/></fragment><!--",
                             "<m:a/></fragment><?p ",
                             "<m:a/><![CDATA[",
                             "<m:a/><![CDATA[x]]>",
                             "<m:a/>&#x20;x",
                             "<unbound:a/>",
                             "<m:a/><?xml version='1.0'?>",
                             "&lt;m:a/&gt;",
                             "<m:a/></fragment>"})
        EXPECT_EQ(refused(text), "xml.malformed") << text;
    EXPECT_FALSE(read("<!DOCTYPE a><m:a/>"));
    EXPECT_FALSE(read("<m:a/><!DOCTYPE a>"));
    EXPECT_FALSE(read("<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x 'y'>]><m:a>&x;</m:a>"));
    EXPECT_FALSE(read("\xFF<m:a/>"));
}

TEST_F(ParseInContext, LimitsAreThoseOfTheFragment) {
    const Limits few{.bytes = 20, .depth = 2, .elements = 2};
    EXPECT_TRUE(read("<m:a><m:b/></m:a>", few));
    EXPECT_FALSE(read("<m:a><m:b><c/></m:b></m:a>", few));
    EXPECT_FALSE(read("<m:a>12345678901234567890</m:a>", few));
}

TEST(Append, PutsAnElementInItsPlace) {
    auto document = parsed("<a xmlns='u'>t</a>");
    const auto added = document.append(document.root(), "<d:b xmlns:d='v'><d:c/></d:b>");
    ASSERT_TRUE(added);
    document.set_text(added->child("v", "c"), "1<2");
    EXPECT_EQ(document.to_string(), "<a xmlns=\"u\">t<d:b xmlns:d=\"v\"><d:c>1&lt;2</d:c></d:b></a>");
    EXPECT_FALSE(document.append(document.root(), "<x"));
}

}  // namespace
}  // namespace budkavle::xml
