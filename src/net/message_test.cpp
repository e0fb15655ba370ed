// Headers, problems, routes, address ranges.
#include <gtest/gtest.h>

#include "net/http.hpp"
#include "net/test_support.hpp"

namespace budkavle::net {
namespace {

TEST(Headers, LookUpsIgnoreCase) {
    Headers headers;
    headers.add("Content-Type", "a");
    headers.add("content-type", "b");
    EXPECT_EQ(headers.get("CONTENT-TYPE"), "a");
    headers.set("Content-type", "c");
    EXPECT_EQ(headers.all().size(), 1U);
    EXPECT_EQ(headers.get("content-type"), "c");
    EXPECT_EQ(headers.get("Host"), std::nullopt);
}

TEST(Request, ParametersAreDecodedOnce) {
    Request request;
    request.query = "wait=30&after=a%2526b&empty=&flag&bad=%zz&p=1+2";
    EXPECT_EQ(request.parameter("wait"), "30");
    EXPECT_EQ(request.parameter("after"), "a%26b");
    EXPECT_EQ(request.parameter("empty"), "");
    EXPECT_EQ(request.parameter("flag"), "");
    EXPECT_EQ(request.parameter("p"), "1+2");
    EXPECT_EQ(request.parameter("bad"), std::nullopt);
    EXPECT_EQ(request.parameter("none"), std::nullopt);
}

TEST(Problem, PythonReadsTheJson) {
    const auto response =
        problem(400, {"xml.doctype", "SEC-64", "line 1: \"<!\\x\"\n", "En text med å, ä, ö.", "", Retry::never});
    EXPECT_EQ(response.headers.get("Content-Type"), "application/problem+json");
    const test::TempDir dir;
    const auto file = dir.file("body", response.body);
    const auto outcome = test::run("python3 -c \"import json,sys; d=json.load(open('" + file +
                                   "', encoding='utf-8')); print(d['status'], d['title'], d['code'], d['rule'], "
                                   "ascii(d['place']), ascii(d['detail']), 'remedy' in d)\"");
    EXPECT_EQ(outcome.output,
              "400 Bad Request xml.doctype SEC-64 'line 1: \"<!\\\\x\"\\n' 'En text med \\xe5, \\xe4, \\xf6.' False\n");
}

class RouterTest : public ::testing::Test {
protected:
    RouterTest() {
        router_.add("GET", "/c/v1/participants/{id}/inbox",
                    [](Request&, const Router::Parameters& p) { return json_response(200, "inbox " + p[0]); });
        router_.add("GET", "/c/v1/participants/{id}/inbox/{message}",
                    [](Request&, const Router::Parameters& p) { return json_response(200, p[0] + " " + p[1]); });
        router_.add("POST", "/c/v1/participants/{id}/inbox",
                    [](Request&, const Router::Parameters&) { return json_response(202, "posted"); });
    }
    Response ask(const std::string& method, const std::string& path) {
        Request request;
        request.method = method;
        request.path = path;
        return router_.dispatch(request);
    }
    Router router_;
};

TEST_F(RouterTest, DecodesAfterSplitting) {
    EXPECT_EQ(ask("GET", "/c/v1/participants/0203%3Ademo.example.se/inbox").body, "inbox 0203:demo.example.se");
    EXPECT_EQ(ask("GET", "/c/v1/participants/a%2Fb/inbox/%2e%2e").body, "a/b ..");
    EXPECT_EQ(ask("HEAD", "/c/v1/participants/x/inbox").status, 200);
    EXPECT_EQ(ask("POST", "/c/v1/participants/x/inbox").status, 202);
}

TEST_F(RouterTest, RefusesTheRest) {
    EXPECT_EQ(ask("GET", "/c/v1/participants//inbox").status, 404);
    EXPECT_EQ(ask("GET", "/c/v1/participants/x/inbox/").status, 404);
    EXPECT_EQ(ask("GET", "/c/v1/participants/x/../y/inbox").status, 404);
    EXPECT_EQ(ask("GET", "/c/v1/participants/%/inbox").status, 400);
    EXPECT_EQ(ask("GET", "/c/v1/participants/%00/inbox").status, 400);
    const auto method = ask("DELETE", "/c/v1/participants/x/inbox");
    EXPECT_EQ(method.status, 405);
    EXPECT_EQ(method.headers.get("Allow"), "GET, POST");
}

TEST(PortRange, Ap10PortsAndRanges) {
    const auto one = PortRange::parse("443").value();
    EXPECT_EQ(one.first, 443);
    EXPECT_EQ(one.last, 443);
    const auto several = PortRange::parse("8443-8450").value();
    EXPECT_EQ(several.first, 8443);
    EXPECT_EQ(several.last, 8450);
    for (const auto* text : {"", "0", "65536", "-443", "443-", "450-443", "443 ", "https", "1-2-3"})
        EXPECT_EQ(PortRange::parse(text).error().code, "net.range") << text;
}

TEST(AddressGuard, Sec42RangesOfBothFamilies) {
    const auto guard = AddressGuard::from_ranges({"10.1.0.0/16", "192.0.2.7", "2001:db8::/33", "::1/128"}).value();
    for (const auto* ip : {"10.1.0.0", "10.1.255.255", "192.0.2.7", "2001:db8:7fff::1", "::1", "::ffff:10.1.2.3"})
        EXPECT_TRUE(guard.permits(ip)) << ip;
    for (const auto* ip : {"10.2.0.0", "192.0.2.8", "127.0.0.1", "2001:db8:8000::1", "::2", "::", "::ffff:127.0.0.1",
                           "", "10.1", "0x0a.1.0.0", "10.1.0.0/16", "host"})
        EXPECT_FALSE(guard.permits(ip)) << ip;
    EXPECT_FALSE(AddressGuard().permits("127.0.0.1"));
    EXPECT_TRUE(AddressGuard::from_ranges({"0.0.0.0/0"})->permits("8.8.8.8"));
    EXPECT_FALSE(AddressGuard::from_ranges({"0.0.0.0/0"})->permits("::1"));
    for (const auto* cidr :
         {"", "10.0.0.0/33", "10.0.0.1/8", "::1/129", "10.0.0.0/", "10.0.0.0/8x", "x/8", "10.0.0.0/-1"})
        EXPECT_EQ(AddressGuard::from_ranges({cidr}).error().code, "net.range") << cidr;
}

}  // namespace
}  // namespace budkavle::net
