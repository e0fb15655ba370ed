#include "xml/test_support.hpp"
#include "xml/writer.hpp"

namespace budkavle::xml {
namespace {

using test::parsed;

TEST(Element, FindsByNamespaceAndName) {
    const auto document =
        parsed("<p:a xmlns:p='u' xmlns='v' c='1' p:c='2'>\n<b/>x<p:b>1</p:b><p:b>2</p:b><b xmlns=''/></p:a>");
    const auto root = document.root();
    EXPECT_TRUE(root.is("u", "a"));
    EXPECT_EQ(root.prefix(), "p");
    EXPECT_TRUE(root.child("v", "b"));
    EXPECT_EQ(root.child("", "b").ns(), "");
    EXPECT_EQ(root.child("u", "b").text(), "1");
    EXPECT_EQ(root.children("u", "b").size(), 2U);
    EXPECT_FALSE(root.child("u", "c"));
    EXPECT_EQ(root.attribute("c"), "1");
    EXPECT_EQ(root.attribute("u", "c"), "2");
    EXPECT_EQ(root.attribute("d"), std::nullopt);
    EXPECT_EQ(root.attributes().size(), 2U);
    EXPECT_TRUE(root.has_text());
    EXPECT_FALSE(root.child("v", "b").has_text());
    EXPECT_TRUE(root.has_element_children());
    EXPECT_EQ(root.child("v", "b").parent(), root);
    EXPECT_FALSE(root.parent());
    EXPECT_EQ(root.child("v", "b").line(), 2);
}

TEST(Element, AnEmptyElementAnswersEmptily) {
    const Element none;
    EXPECT_FALSE(none);
    EXPECT_EQ(none.name(), "");
    EXPECT_EQ(none.text(), "");
    EXPECT_EQ(none.attribute("a"), std::nullopt);
    EXPECT_FALSE(none.child("", "a"));
    EXPECT_FALSE(none.has_element_children());
    EXPECT_EQ(none.path(), "");
}

TEST(Element, PathsUseTheDocumentsPrefixesAndCountSiblings) {
    const auto document = parsed("<m:a xmlns:m='u'><b/><m:c/><m:c><m:d/></m:c></m:a>");
    const auto second = document.root().children("u", "c")[1];
    EXPECT_EQ(second.child("u", "d").path(), "/m:a/m:c[2]/m:d");
    EXPECT_EQ(document.root().child("", "b").path(), "/m:a/b");
}

TEST(Element, NamespacesInScopeAreThoseOfTheInnermost) {
    const auto document = parsed("<a xmlns='u' xmlns:p='1' xmlns:q='2'><b xmlns:p='3' xmlns=''/></a>");
    const auto scope = document.root().child("", "b").namespaces_in_scope();
    const std::vector<std::pair<std::string, std::string>> expected{{"p", "3"}, {"", ""}, {"q", "2"}};
    EXPECT_EQ(scope, expected);
}

TEST(Serialise, KeepsTheMeaning) {
    const std::string text = "<a xmlns=\"u\" b=\"&lt;&quot;&#x9;&#xA;&#xD;'\"><?p q?>&lt;&gt;&amp;&#xD;\n<c></c></a>";
    EXPECT_EQ(parsed(text).to_string(), text);
}

TEST(Writer, EscapesAndNests) {
    Writer writer;
    writer.open("m:a", {{"xmlns:m", "u"}, {"b", "<\"&\t\n\r'>"}})
        .leaf("c", "1 < 2 & 3 > 2\r")
        .text("t")
        .raw("<d></d>")
        .close();
    EXPECT_EQ(
        writer.str(),
        "<m:a xmlns:m=\"u\" b=\"&lt;&quot;&amp;&#x9;&#xA;&#xD;'>\"><c>1 &lt; 2 &amp; 3 &gt; 2&#xD;</c>t<d></d></m:a>");
    const auto document = parsed(writer.str());
    EXPECT_EQ(document.root().attribute("b"), "<\"&\t\n\r'>");
    EXPECT_EQ(document.root().child("", "c").text(), "1 < 2 & 3 > 2\r");
}

}  // namespace
}  // namespace budkavle::xml
