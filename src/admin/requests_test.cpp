// Hostile and clumsy requests (SEC-41, SEC-64, SEC-107; vulnerabilities of `directory-design.md` 7.3).
#include "admin/strict_json.hpp"
#include "admin/test_support.hpp"

namespace budkavle::admin::testing {
namespace {

class Requests : public ::testing::Test {
protected:
    void SetUp() override { bench.account("s", {"system-administrator@*"}); }
    Reply post(const std::string& raw, std::map<std::string, std::string> headers = {}) {
        return bench.call("s", "POST", "/accounts", {.headers = std::move(headers), .raw = raw});
    }
    Bench bench;
};

TEST_F(Requests, OnlyOwnHostsAreAnswered_FED_03) {
    for (const auto* host : {"evil.example", "admin.example.se.evil.example", "", "127.0.0.1",
                             "admin.example.se@evil.example", "evil.example:443"})
        EXPECT_EQ(bench.call("s", "GET", "/account", {.headers = {{"Host", host}}}).status, 421) << host;
    for (const auto* host : {"admin.example.se", "ADMIN.example.SE", "admin.example.se:8443"})
        EXPECT_EQ(bench.call("s", "GET", "/account", {.headers = {{"Host", host}}}).status, 200) << host;
}

TEST_F(Requests, ClaimsOfProxiesAreRefused_SEC_41) {
    for (const auto* name :
         {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-proto", "X-Real-IP", "X-Original-URL",
          "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Method-Override", "Client-Cert", "SSLClientCert",
          "X-SSL-Client-Cert", "Client-Cert-Chain", "X-Client-Cert", "X-ARR-ClientCert", "X-Remote-User", "X-Host",
          "X-Amzn-Mtls-Clientcert", "X-Forwarded-Client-Cert"}) {
        EXPECT_EQ(bench.call("s", "GET", "/account", {.headers = {{name, "x"}}}).status, 400) << name;
        EXPECT_EQ(bench.call("", "GET", "/account", {.headers = {{name, "x"}}}).status, 400) << name;
    }
}

TEST_F(Requests, PagesOfOtherOriginsCannotUseACertificate) {
    EXPECT_EQ(bench.call("s", "GET", "/account", {.headers = {{"Origin", "https://evil.example"}}}).status, 403);
    EXPECT_EQ(bench.call("s", "GET", "/account", {.headers = {{"Origin", "null"}}}).status, 403);
    EXPECT_EQ(bench.call("s", "GET", "/account", {.headers = {{"Sec-Fetch-Site", "cross-site"}}}).status, 403);
    EXPECT_EQ(bench.call("s", "GET", "/account", {.headers = {{"Sec-Fetch-Site", "same-site"}}}).status, 403);
    EXPECT_EQ(bench.call("s", "OPTIONS", "/accounts").status, 405);
    const auto reply = bench.call("s", "GET", "/account");
    EXPECT_FALSE(reply.headers.get("Access-Control-Allow-Origin"));
    EXPECT_FALSE(reply.headers.get("Set-Cookie"));
    EXPECT_EQ(reply.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(reply.headers.get("X-Content-Type-Options"), "nosniff");
}

TEST_F(Requests, ContentTypeIsJsonAndNothingElse) {
    const std::string good = R"({"person":"p1","name":"n"})";
    for (const auto* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                             "application/xml", "", "application/jsonx", "text/json"})
        EXPECT_EQ(post(good, {{"Content-Type", type}}).status, 415) << type;
    EXPECT_EQ(post(good, {{"Content-Encoding", "gzip"}}).status, 415);
    EXPECT_EQ(post(good, {{"Content-Type", "Application/JSON; charset=utf-8"}}).status, 201);
}

TEST_F(Requests, JsonThatReadersDifferAboutIsRefused_SEC_64) {
    const std::vector<std::pair<std::string, std::string>> bad{
        {R"({"person":"a","person":"b","name":"n"})", "json.duplicate"},
        {R"({"person":"a","pers\u006fn":"b","name":"n"})", "json.duplicate"},
        {R"({"person":"a","name":"n","x":{"y":1,"y":2}})", "json.duplicate"},
        {R"({"person":"a","name":"n","n":1e400})", "json.number"},
        {R"({"person":"a","name":"n","n":0.5})", "json.number"},
        {R"({"person":"a","name":"n","n":123456789012345678901234567890})", "json.number"},
        {R"({"person":"a","name":"n","n":9007199254740993})", "json.number"},
        {"{\"person\":\"a\\u0000b\",\"name\":\"n\"}", "json.malformed"},
        {R"({"person":"a","name":"n"} {"x":1})", "json.malformed"},
        {R"({"person":"a","name":"n",})", "json.malformed"},
        {R"({'person':'a'})", "json.malformed"},
        {"{\"person\":\"\xff\",\"name\":\"n\"}", "json.malformed"},
        {R"({"person":"a","name":NaN})", "json.malformed"},
        {"// comment\n{}", "json.malformed"},
        {"\xef\xbb\xbf{}", "json.malformed"},
        {R"({"person":"a")", "json.malformed"},
        {R"([])", "request.body"},
        {R"("text")", "request.body"},
        {R"({"person":"a","name":"n","admin":true})", "request.schema"},
        {R"({"person":"","name":"n"})", "request.schema"},
        {R"({"person":"a","name":"line\nfeed"})", "request.schema"},
        {"{\"person\":\"a\",\"name\":\"txt\xe2\x80\xae"
         "exe\"}",
         "request.schema"},
        {R"({"person":7,"name":"n"})", "request.schema"},
        {R"({"person":"a","name":"n","system":"yes"})", "request.schema"},
        {R"({"person":"a","name":"n","__proto__":{}})", "request.schema"},
        {R"({"person":")" + std::string(200, 'x') + R"(","name":"n"})", "request.schema"},
        {R"({"person":"19121212-1212","name":"n"})", "account.person"},
        {R"({")" + std::string(300, 'k') + R"(":1})", "json.size"}};
    for (const auto& [text, code] : bad) {
        const auto reply = post(text);
        EXPECT_EQ(reply.code(), code) << text.substr(0, 80) << reply.text;
        EXPECT_GE(reply.status, 400);
        EXPECT_LT(reply.status, 500);
    }
    const auto listed = bench.call("s", "GET", "/accounts");
    EXPECT_EQ(listed.body.at("total").as_int64(), 1) << "nothing of it made an account";
}

TEST_F(Requests, DepthSizeAndNumberOfValuesAreLimited_SEC_107) {
    EXPECT_EQ(post(R"({"person":)" + std::string(100, '[') + std::string(100, ']') + "}").code(), "json.depth");
    EXPECT_EQ(post(std::string(100000, '[')).code(), "json.depth");
    std::string many = R"({"person":[0)";
    for (int i = 0; i < 30000; ++i) many += ",0";
    EXPECT_EQ(post(many + "]}").code(), "json.malformed") << "longer than any list may be";
    EXPECT_EQ(post(R"({"person":")" + std::string(2 << 20, 'x') + "\"}").status, 413);
    EXPECT_EQ(parse_strict("[[1],[2],[3]]", {.depth = 2, .values = 6, .key_octets = 8}).error().code, "json.size");
    EXPECT_TRUE(parse_strict("[[1],[2],[3]]", {.depth = 2, .values = 7, .key_octets = 8}));
}

TEST_F(Requests, QueriesAreStrict) {
    for (const auto* query : {"limit=0", "limit=1001", "limit=x", "offset=-1", "limit=1&limit=2", "unknown=1", "limit",
                              "limit=%zz", "offset=99999999999999999999"})
        EXPECT_EQ(bench.call("s", "GET", std::string("/accounts?") + query).status, 400) << query;
    EXPECT_EQ(bench.call("s", "GET", "/audit-events?from=yesterday").status, 422);
    EXPECT_EQ(bench.call("s", "GET", "/accounts?limit=1&offset=0").status, 200);
    EXPECT_EQ(bench.call("s", "GET", "/accounts/%00").status, 400);
    EXPECT_EQ(bench.call("s", "GET", "/accounts/%2e%2e%2f").status, 404);
    EXPECT_EQ(bench.call("s", "GET", "/accounts/" + std::string(300, 'x')).status, 400);
}

TEST_F(Requests, MethodsPathsAndProblems_RFC_9457) {
    const auto method = bench.call("s", "PUT", "/accounts");
    EXPECT_EQ(method.status, 405);
    EXPECT_EQ(method.headers.get("Allow"), "GET, HEAD, POST");
    const auto missing = bench.call("s", "GET", "/nothing");
    EXPECT_EQ(missing.status, 404);
    EXPECT_EQ(missing.headers.get("Content-Type"), "application/problem+json");
    for (const auto* member : {"type", "title", "status", "detail", "instance", "code"})
        EXPECT_FALSE(missing.at(member).empty()) << member;
    EXPECT_EQ(missing.at("instance"), "urn:uuid:" + missing.headers.get("X-Request-Id").value());
    EXPECT_EQ(bench.call("s", "GET", "/accounts", {.body = {{"a", 1}}}).status, 400) << "a body of a GET";
    const auto unknown = bench.call("", "GET", "/account");
    EXPECT_EQ(unknown.status, 401);
    EXPECT_TRUE(unknown.headers.get("WWW-Authenticate"));
}

TEST_F(Requests, VersionsGuardAgainstLostChanges) {
    const auto id = bench.account("x", {});
    const auto path = "/accounts/" + id + "/suspension";
    const auto tag = bench.call("s", "GET", "/accounts/" + id).headers.get("ETag").value();
    EXPECT_EQ(bench.call("s", "POST", path, {.body = {{"reason", "r"}}}).status, 428);
    EXPECT_EQ(bench.call("s", "POST", path, {.body = {{"reason", "r"}}, .headers = {{"If-Match", "\"99\""}}}).status,
              412);
    for (const auto* bad : {"*", "W/\"1\"", "1", "\"\"", "\"1\", \"2\""})
        EXPECT_GE(bench.call("s", "POST", path, {.body = {{"reason", "r"}}, .headers = {{"If-Match", bad}}}).status,
                  400)
            << bad;
    EXPECT_EQ(bench.call("s", "POST", path, {.headers = {{"If-Match", tag}}}).status, 422) << "a reason must be given";
    EXPECT_EQ(bench.call("s", "POST", path, {.body = {{"reason", "r"}}, .headers = {{"If-Match", tag}}}).status, 200);
    EXPECT_EQ(bench.call("s", "POST", path, {.body = {{"reason", "r"}}, .headers = {{"If-Match", tag}}}).status, 412);
    const auto now = bench.call("s", "GET", "/accounts/" + id).headers.get("ETag").value();
    EXPECT_EQ(bench.call("s", "GET", "/accounts/" + id, {.headers = {{"If-None-Match", now}}}).status, 304);
}

TEST_F(Requests, TheSameKeyActsOnce) {
    const With first{.body = {{"person", "p9"}, {"name", "n"}}, .headers = {{"Idempotency-Key", "k1"}}};
    const auto made = bench.call("s", "POST", "/accounts", first);
    const auto again = bench.call("s", "POST", "/accounts", first);
    EXPECT_EQ(made.status, 201);
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(made.at("id"), again.at("id"));
    EXPECT_EQ(again.headers.get("Idempotent-Replay"), "true");
    EXPECT_EQ(bench
                  .call("s", "POST", "/accounts",
                        {.body = {{"person", "p8"}, {"name", "n"}}, .headers = {{"Idempotency-Key", "k1"}}})
                  .code(),
              "repeat.other");
    bench.account("s2", {"system-administrator@*"});
    EXPECT_NE(bench.call("s2", "POST", "/accounts", first).at("id"), made.at("id")) << "keys are apart per account";
    bench.clock().at += 25h;
    EXPECT_NE(bench.call("s", "POST", "/accounts", first).at("id"), made.at("id"));
}

TEST(Rate, FloodsOfOneAccountDoNotReachTheOthers_SEC_107) {
    Bench bench(ApiOptions{.burst = 5, .per_second = 1});
    bench.account("a", {});
    bench.account("b", {});
    int refused = 0;
    for (int i = 0; i < 8; ++i) refused += bench.call("a", "GET", "/account").status == 429 ? 1 : 0;
    EXPECT_EQ(refused, 3);
    EXPECT_TRUE(bench.call("a", "GET", "/account").headers.get("Retry-After"));
    EXPECT_EQ(bench.call("b", "GET", "/account").status, 200);
    bench.clock().at += 2s;
    EXPECT_EQ(bench.call("a", "GET", "/account").status, 200);
    int strangers = 0;
    for (int i = 0; i < 100; ++i) strangers += bench.call("", "GET", "/account").status == 429 ? 1 : 0;
    EXPECT_EQ(strangers, 40) << "strangers of one address share a bucket";
    RateLimit limit(1, 1);
    const auto now = bench.clock().now();
    for (int i = 0; i < 10000; ++i) EXPECT_EQ(limit.take("k" + std::to_string(i), now), 0);
}

TEST(Description, OpenApiAndApiInfo) {
    Bench bench;
    const auto info = bench.call("", "GET", "/api-info");
    EXPECT_EQ(info.status, 200);
    for (const auto* member : {"apiName", "apiVersion", "apiReleased", "apiDocumentation", "apiStatus"})
        EXPECT_FALSE(info.at(member).empty());
    const auto document = bench.call("", "GET", "/openapi.json");
    EXPECT_EQ(document.at("openapi"), "3.1.0");
    std::size_t operations = 0;
    for (const auto& [path, methods] : document.body.at("paths").as_object()) operations += methods.as_object().size();
    EXPECT_EQ(operations, bench.api().routes().size());
}

}  // namespace
}  // namespace budkavle::admin::testing
