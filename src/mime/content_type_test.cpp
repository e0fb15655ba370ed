// Content-Type in the spellings of the peers, and Content-ID in the one form in which it is compared.
#include "mime/content_type.hpp"

#include <gtest/gtest.h>

namespace budkavle::mime {
namespace {

TEST(ContentTypeParse, SpellingsOfThePeers) {
    const auto cxf = parse_content_type(
        R"(multipart/related; type="application/soap+xml"; boundary="uuid:1-2"; start="<root.message@cxf.apache.org>"; start-info="application/soap+xml")");
    ASSERT_TRUE(cxf);
    EXPECT_EQ(cxf->media_type, "multipart/related");
    EXPECT_EQ(cxf->parameter("boundary"), "uuid:1-2");
    EXPECT_EQ(cxf->parameter("start"), "<root.message@cxf.apache.org>");
    const auto axis =
        parse_content_type(R"(Multipart/Related;boundary=MIMEBoundary=_1;TYPE="application/soap+xml";action="";)");
    ASSERT_TRUE(axis);
    EXPECT_EQ(axis->media_type, "multipart/related");
    EXPECT_EQ(axis->parameter("boundary"), "MIMEBoundary=_1");
    EXPECT_EQ(axis->parameter("action"), "");
    EXPECT_EQ(parse_content_type("application/soap+xml;charset=UTF-8")->parameter("charset"), "UTF-8");
    EXPECT_EQ(parse_content_type(R"(text/xml; a="q\"uo\\ted; x=y")")->parameter("a"), R"(q"uo\ted; x=y)");
    EXPECT_EQ(parse_content_type("text/xml")->parameter("charset"), std::nullopt);
}

TEST(ContentTypeParse, RefusesWhatReadersDifferAbout) {
    for (const auto* bad :
         {"", "multipart", "multipart/", "/related", "text/xml charset=x", "text/xml; charset", "text/xml; =x",
          "multipart/related; boundary=a; Boundary=b", "multipart/related; boundary=\"a",
          "text/xml; a=", "text/xml; a=b\"c", "text/xml (comment)", "text/xml; a=\"b\x01\"", "text/xml; a =b"}) {
        const auto parsed = parse_content_type(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().code, "mime.content_type");
    }
    EXPECT_FALSE(parse_content_type("text/xml; a=" + std::string(5000, 'x')));
    std::string many = "text/xml";
    for (int i = 0; i < 33; ++i) many += "; p" + std::to_string(i) + "=1";
    EXPECT_FALSE(parse_content_type(many));
}

TEST(ContentId, OneFormForHeaderAndHref) {
    EXPECT_EQ(parse_content_id("<message>").value(), "message");
    EXPECT_EQ(parse_content_id(" message ").value(), "message");
    EXPECT_EQ(parse_content_id("<a%40b.example.se>").value(), "a@b.example.se");
    EXPECT_EQ(content_id_of_href("cid:a%40b.example.se").value(), "a@b.example.se");
    EXPECT_EQ(content_id_of_href("cid:a@b.example.se").value(), "a@b.example.se");
    EXPECT_EQ(content_id_of_href("CID:a+b").value(), "a+b");  // '+' is itself; form decoding is a peer's fault
    for (const auto* bad : {"", "<>", "<a b>", "<%00>", "<%0d%0aX>", "%", "<<a>"})
        EXPECT_EQ(parse_content_id(bad).error().code, "mime.content_id") << bad;
    for (const auto* bad : {"", "cid:", "http://a.example.se/", "cid:<a>", "#id"})
        EXPECT_EQ(content_id_of_href(bad).error().code, "mime.content_id") << bad;
}

}  // namespace
}  // namespace budkavle::mime
