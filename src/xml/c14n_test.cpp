// Canonical XML against libxml2's own implementation and the examples of the W3C recommendations.
#include "xml/c14n.hpp"

#include <libxml/c14n.h>
#include <libxml/parser.h>

#include "xml/test_support.hpp"

namespace budkavle::xml {
namespace {

using test::parsed;

std::string ours(Element apex, const C14n& how, Element exclude = {}) {
    MemorySink sink(SIZE_MAX);
    const auto status = canonicalise(apex, how, sink, exclude);
    EXPECT_TRUE(status) << status.error().describe();
    return std::string(as_text(sink.bytes()));
}

std::string ours(const Document& document, const C14n& how, Element exclude = {}) {
    MemorySink sink(SIZE_MAX);
    EXPECT_TRUE(canonicalise(document, how, sink, exclude));
    return std::string(as_text(sink.bytes()));
}

bool below(void* apex, xmlNode* node, xmlNode* parent) {
    if (node->type == XML_NAMESPACE_DECL) node = parent;
    for (; node != nullptr; node = node->parent)
        if (node == apex) return true;
    return apex == nullptr;
}

/// libxml2's, of the subtree at `apex` (null: the document).
std::string theirs(xmlDoc* document, xmlNode* apex, const C14n& how) {
    std::vector<std::string> names = how.prefixes;
    for (auto& name : names)
        if (name == "#default") name.clear();
    std::vector<xmlChar*> prefixes;
    for (auto& name : names) prefixes.push_back(reinterpret_cast<xmlChar*>(name.data()));
    prefixes.push_back(nullptr);
    xmlOutputBuffer* buffer = xmlAllocOutputBuffer(nullptr);
    const int mode = how.method == C14nMethod::inclusive_1_0   ? XML_C14N_1_0
                     : how.method == C14nMethod::inclusive_1_1 ? XML_C14N_1_1
                                                               : XML_C14N_EXCLUSIVE_1_0;
    EXPECT_GE(
        xmlC14NExecute(
            document, [](void* data, xmlNode* node, xmlNode* parent) { return below(data, node, parent) ? 1 : 0; },
            apex, mode, how.method == C14nMethod::exclusive ? prefixes.data() : nullptr, 0, buffer),
        0);
    std::string out(reinterpret_cast<const char*>(xmlOutputBufferGetContent(buffer)), xmlOutputBufferGetSize(buffer));
    xmlOutputBufferClose(buffer);
    return out;
}

const std::vector<C14n> kWays{{.method = C14nMethod::inclusive_1_0, .prefixes = {}},
                              {.method = C14nMethod::inclusive_1_1, .prefixes = {}},
                              {.method = C14nMethod::exclusive, .prefixes = {}},
                              {.method = C14nMethod::exclusive, .prefixes = {"p", "unbound"}}};

const std::vector<std::string> kNasty{
    "<a/>",
    "<?p1 d?><!-- c --><a xmlns='urn:u'>\n <b xmlns=''> <c xmlns='urn:u'/></b>\n</a><?p2?><!-- c -->\n<?p3 x?>",
    "<a xmlns:z='urn:1' xmlns:b='urn:2' xmlns='urn:3' z:x='1' b:x='2' x='3' a='4' xml:lang='sv'><b:b "
    "xmlns:z='urn:1'/><z:b xmlns:z='urn:9' z:a='1'/></a>",
    "<p:a xmlns:p='urn:u' xmlns:q='urn:v' xmlns:r='urn:w'><q:b xmlns:p='urn:u'><p:c r:d='1' "
    "xmlns:r='urn:w'/></q:b><q:b xmlns:q='urn:x'/></p:a>",
    "<a t=' &#9;&#10;&#13;&lt;&gt;&amp;&quot;&apos; '>&lt;&gt;&amp;&quot;&apos;&#13;\r\n\t<![CDATA[<x>&]]></a>",
    "<a xmlns='urn:u'><b xmlns=''><c xmlns='urn:v'><d xmlns=''/></c></b><e xmlns='urn:u'/></a>",
    "<a xml:space='preserve' xml:lang='sv'><b xml:lang='en'><c x='\xC3\xA5\xF0\x9F\x98\x80'/></b><b><c "
    "xml:id='i'/></b></a>",
    "<a xmlns:p='urn:1'><b xmlns:p='urn:2'><p:c/></b><p:d><e xmlns:p='urn:1'/><f xmlns:p='urn:3'><p:g p:h='1' "
    "h='2'/></f></p:d></a>",
    "<p:a xmlns:p='urn:u' xmlns='urn:u'><b p:x='1' x='2'/><p:b xmlns=''/></p:a>",
};

void compare(const std::string& text, const std::string& what) {
    const auto document = parsed(text);
    xmlDoc* foreign = xmlReadMemory(text.data(), static_cast<int>(text.size()), nullptr, nullptr,
                                    XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOCDATA);
    ASSERT_NE(foreign, nullptr) << what;
    for (const auto& how : kWays) {
        EXPECT_EQ(ours(document, how), theirs(foreign, nullptr, how)) << what;
        // Every subtree, found in the same order in both trees.
        std::vector<std::pair<Element, xmlNode*>> open{{document.root(), xmlDocGetRootElement(foreign)}};
        while (!open.empty()) {
            const auto [mine, other] = open.back();
            open.pop_back();
            ASSERT_EQ(ours(mine, how), theirs(foreign, other, how)) << what << " " << mine.path();
            xmlNode* next = other->children;
            for (const Element child : mine.children()) {
                while (next->type != XML_ELEMENT_NODE) next = next->next;
                open.emplace_back(child, next);
                next = next->next;
            }
        }
    }
    xmlFreeDoc(foreign);
}

TEST(C14n, EqualsLibxml2OnNastyDocuments) {
    for (const auto& text : kNasty) compare(text, text);
}

TEST(C14n, EqualsLibxml2OnTheVectors) {
    std::size_t compared = 0;
    for (const char* name :
         {"sdk-vectors/xhe", "smp-vectors/xml", "spec/data/xhe/examples", "spec/data/message/examples"}) {
        for (const auto& entry : test::fs::directory_iterator(test::shared() / name)) {
            const auto text = test::text_of(entry.path());
            if (entry.path().extension() != ".xml" || !Document::parse(as_bytes(text))) continue;
            compare(text, entry.path().filename());
            ++compared;
        }
    }
    EXPECT_GT(compared, 100U);
}

TEST(C14n, ExampleOfTheRecommendation) {
    // Canonical XML 1.0, 3.3 without its DTD.
    const auto document = parsed(
        "<doc><e1   /><e2   ></e2><e3   name = \"elem3\"   id=\"elem3\"   /><e5 a:attr=\"out\" b:attr=\"sorted\" "
        "attr2=\"all\" attr=\"I'm\"\n"
        "xmlns:b=\"http://www.ietf.org\" xmlns:a=\"http://www.w3.org\" xmlns=\"http://example.org\"/><e6 xmlns=\"\" "
        "xmlns:a=\"http://www.w3.org\">"
        "<e7 xmlns=\"http://www.ietf.org\"><e8 xmlns=\"\" xmlns:a=\"http://www.w3.org\"><e9 xmlns=\"\" "
        "xmlns:a=\"http://www.ietf.org\"/></e8></e7></e6></doc>");
    EXPECT_EQ(ours(document, {.method = C14nMethod::inclusive_1_0, .prefixes = {}}),
              "<doc><e1></e1><e2></e2><e3 id=\"elem3\" name=\"elem3\"></e3><e5 xmlns=\"http://example.org\" "
              "xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" "
              "attr=\"I'm\" attr2=\"all\" b:attr=\"sorted\" a:attr=\"out\"></e5><e6 xmlns:a=\"http://www.w3.org\"><e7 "
              "xmlns=\"http://www.ietf.org\"><e8 xmlns=\"\">"
              "<e9 xmlns:a=\"http://www.ietf.org\"></e9></e8></e7></e6></doc>");
}

TEST(C14n, ExclusiveLeavesTheSurroundingsOut) {
    const auto document = parsed(
        "<n0:local xmlns:n0='foo:bar' xmlns:n3='ftp://example.org' xmlns='urn:d'><n1:elem2 "
        "xmlns:n1='http://example.net' xml:lang='en'><n3:stuff xmlns:n3='ftp://example.org'/></n1:elem2></n0:local>");
    const auto apex = document.root().child("http://example.net", "elem2");
    EXPECT_EQ(ours(apex, {.method = C14nMethod::exclusive, .prefixes = {}}),
              "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff "
              "xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>");
    EXPECT_EQ(ours(apex, {.method = C14nMethod::exclusive, .prefixes = {"n0", "#default"}}),
              "<n1:elem2 xmlns=\"urn:d\" xmlns:n0=\"foo:bar\" xmlns:n1=\"http://example.net\" "
              "xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>");
}

TEST(C14n, LeavesTheExcludedSubtreeOut) {
    const auto document = parsed("<a> <b>x<c/></b> </a>");
    EXPECT_EQ(ours(document, {.method = C14nMethod::inclusive_1_0, .prefixes = {}}, document.root().child("", "b")),
              "<a>  </a>");
    const auto last = parsed("<a><b/><c><d/></c></a>");
    EXPECT_EQ(ours(last, {.method = C14nMethod::inclusive_1_0, .prefixes = {}}, last.root().child("", "c")),
              "<a><b></b></a>");
}

TEST(C14n, AJoinOfXmlBaseIsRefused) {
    const auto document = parsed("<a xml:base='http://a.example.se/'><b/></a>");
    CountingSink sink;
    EXPECT_FALSE(
        canonicalise(document.root().child("", "b"), {.method = C14nMethod::inclusive_1_1, .prefixes = {}}, sink));
    EXPECT_TRUE(canonicalise(document.root(), {.method = C14nMethod::inclusive_1_1, .prefixes = {}}, sink));
}

TEST(C14n, RelativeNamespacesAreRefused) {
    CountingSink sink;
    EXPECT_EQ(canonicalise(parsed("<a xmlns='relative'/>"), {}, sink).error().code, "c14n.namespace");
    EXPECT_EQ(canonicalise(parsed("<a><p:b xmlns:p='./x'/></a>"), {}, sink).error().code, "c14n.namespace");
}

TEST(C14n, ErrorsOfTheSinkAreHandedOn) {
    const auto document = parsed("<a>1234567890</a>");
    MemorySink small(5);
    EXPECT_EQ(canonicalise(document, {}, small).error().code, "stream.too_long");
}

}  // namespace
}  // namespace budkavle::xml
