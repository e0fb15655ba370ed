// Tokens, signed by `openssl` (SEC-52; RFC 7515, 7518, 8705, 8725).
#include "admin/test_support.hpp"
#include "crypto/digest.hpp"
#include "crypto/jws.hpp"

namespace budkavle::admin::testing {
namespace {

std::string url64(ByteView octets) {
    auto text = base64_encode(octets);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text.substr(0, text.find('='));
}

/// The issuer's keys as another program makes them: RSA 2048 and P-256.
class Issuer {
public:
    Issuer() {
        box.must(
            "openssl genrsa -out rsa.pem 2048 && openssl ecparam -name prime256v1 -genkey -noout -out ec.pem && "
            "openssl genrsa -out other.pem 2048"
            " && openssl genrsa -out small.pem 1024 && openssl rsa -in rsa.pem -pubout -out rsa.pub");
    }
    json::object rsa_jwk(const std::string& id, const std::string& algorithm,
                         const std::string& file = "rsa.pem") const {
        auto text = box.run("openssl rsa -in " + file + " -noout -modulus").output;
        const auto modulus = hex_decode(to_lower_ascii(trim(text.substr(text.find('=') + 1)))).value();
        return {{"kty", "RSA"}, {"kid", id}, {"alg", algorithm}, {"use", "sig"}, {"n", url64(modulus)}, {"e", "AQAB"}};
    }
    json::object ec_jwk(const std::string& id) const {
        box.must("openssl ec -in ec.pem -pubout -outform DER -out ec.der");
        const auto der = crypto::testing::octets(box.file("ec.der"));
        const ByteView point = ByteView(der).last(64);
        return {{"kty", "EC"},
                {"crv", "P-256"},
                {"kid", id},
                {"alg", "ES256"},
                {"x", url64(point.first(32))},
                {"y", url64(point.last(32))}};
    }
    std::string jwks() const {
        return json::serialize(json::object{{"keys", {rsa_jwk("rs", "RS256"), rsa_jwk("ps", "PS256"), ec_jwk("es")}}});
    }
    std::string sign(const json::object& header, const json::object& claims, const std::string& how,
                     const std::string& key = "rsa.pem") const {
        return sign_raw(json::serialize(header), json::serialize(claims), how, key);
    }
    std::string sign_raw(const std::string& header, const std::string& claims, const std::string& how,
                         const std::string& key) const {
        const auto covered = url64(as_bytes(header)) + "." + url64(as_bytes(claims));
        box.put("in", covered);
        const std::string pss = how == "PS256" ? " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32" : "";
        box.must("openssl dgst -sha256 -sign " + key + pss + " -out sig in");
        auto signature = crypto::testing::octets(box.file("sig"));
        if (how == "ES256") {
            box.must("openssl asn1parse -inform DER -in sig | grep INTEGER | sed 's/.*://' > numbers");
            std::string joined;
            for (const auto line : split(crypto::testing::text(box.file("numbers")), '\n')) {
                if (line.empty()) continue;
                joined += std::string(64 - std::min<std::size_t>(64, line.size()), '0') + to_lower_ascii(line);
            }
            signature = hex_decode(joined).value();
        }
        return covered + "." + url64(signature);
    }
    crypto::testing::Scratch box;
};

Issuer& issuer() {
    static Issuer one;
    return one;
}

constexpr std::string_view kNow = "2026-11-24T10:00:00Z";

json::object claims() {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(crypto::testing::at(kNow).time_since_epoch()).count();
    return {{"iss", "https://login.example.se"},
            {"sub", "user-1"},
            {"aud", {"other", "budkavle-admin"}},
            {"iat", now - 10},
            {"exp", now + 600}};
}
json::object with(json::object object, const char* name, json::value value) {
    object[name] = std::move(value);
    return object;
}
json::object without(json::object object, const char* name) {
    object.erase(name);
    return object;
}
TokenPolicy policy() {
    return {.issuer = "https://login.example.se",
            .audience = "budkavle-admin",
            .jwks = issuer().jwks(),
            .sender_constrained = false};
}
std::string outcome(const std::string& token, const TokenPolicy& how = policy(),
                    const std::optional<Bytes>& peer = {}) {
    const auto found = TokenVerifier::make(how).value().subject_of(token, peer, crypto::testing::at(kNow));
    if (found) return *found;
    EXPECT_EQ(found.error().code, "token.refused") << "one error for every cause";
    return found.error().place;
}
const std::string kGood = "https://login.example.se\nuser-1";

TEST(Token, ThreeAlgorithmsSignedByOpenssl) {
    EXPECT_EQ(outcome(issuer().sign({{"alg", "RS256"}, {"kid", "rs"}, {"typ", "JWT"}}, claims(), "RS256")), kGood);
    EXPECT_EQ(outcome(issuer().sign({{"alg", "PS256"}, {"kid", "ps"}, {"typ", "at+jwt"}}, claims(), "PS256")), kGood);
    EXPECT_EQ(outcome(issuer().sign({{"alg", "ES256"}, {"kid", "es"}}, claims(), "ES256", "ec.pem")), kGood);
}

TEST(Token, AlgorithmsCannotBeConfused_RFC_8725) {
    const auto good = issuer().sign({{"alg", "RS256"}, {"kid", "rs"}}, claims(), "RS256");
    const auto parts = split(good, '.');
    const auto payload = std::string(parts[1]);
    const auto none = [&](const char* name) {
        return url64(as_bytes(json::serialize(json::object{{"alg", name}, {"kid", "rs"}}))) + "." + payload + ".";
    };
    for (const auto* name : {"none", "None", "NONE", "nOnE", "", "HS256", "RS384", "rs256", "RS256 "})
        EXPECT_NE(outcome(none(name)), kGood) << name;
    // The public key as the secret of an HMAC.
    const auto header = url64(as_bytes(R"({"alg":"HS256","kid":"rs"})"));
    const auto secret = crypto::testing::octets(issuer().box.file("rsa.pub"));
    EXPECT_EQ(
        outcome(header + "." + payload + "." + url64(crypto::hmac_sha256(secret, as_bytes(header + "." + payload)))),
        "alg");
    EXPECT_EQ(outcome(issuer().sign({{"alg", "PS256"}, {"kid", "rs"}}, claims(), "PS256")), "alg")
        << "the key says which algorithm";
    EXPECT_EQ(outcome(issuer().sign({{"alg", "RS256"}, {"kid", "ps"}}, claims(), "RS256")), "alg");
    EXPECT_EQ(outcome(issuer().sign({{"alg", "PS256"}, {"kid", "ps"}}, claims(), "RS256")), "signature");
    EXPECT_EQ(outcome(issuer().sign({{"alg", "RS256"}, {"kid", "rs"}}, claims(), "RS256", "other.pem")), "signature");
    EXPECT_EQ(outcome(std::string(parts[0]) + "." + payload + "."), "signature");
    EXPECT_EQ(outcome(url64(as_bytes(R"({"alg":"ES256","kid":"es"})")) + "." + payload + "." + url64(Bytes(64, 0))),
              "signature");
}

TEST(Token, TheTokenDoesNotChooseItsKey_RFC_8725) {
    for (const auto* kid : {"", "RS", "rs ", "../rs", "rs' OR '1'='1", "/dev/null"})
        EXPECT_EQ(outcome(issuer().sign({{"alg", "RS256"}, {"kid", kid}}, claims(), "RS256")), "kid") << kid;
    EXPECT_EQ(outcome(issuer().sign({{"alg", "RS256"}}, claims(), "RS256")), "kid");
    for (const auto* name : {"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "cty"})
        EXPECT_EQ(outcome(issuer().sign(
                      with(json::object{{"alg", "RS256"}, {"kid", "rs"}}, name, "https://evil.example/keys"), claims(),
                      "RS256")),
                  "header")
            << name;
    EXPECT_EQ(outcome(issuer().sign({{"alg", "RS256"}, {"kid", "rs"}, {"typ", "JWE"}}, claims(), "RS256")), "typ");
    EXPECT_EQ(outcome(issuer().sign_raw(R"({"alg":"RS256","alg":"none","kid":"rs"})", json::serialize(claims()),
                                        "RS256", "rsa.pem")),
              "json");
}

TEST(Token, ClaimsAreCheckedAndTheCallerLearnsNothing) {
    const json::object header{{"alg", "RS256"}, {"kid", "rs"}};
    const auto now = claims().at("iat").as_int64() + 10;
    const auto tried = [&](const json::object& with_claims) {
        return outcome(issuer().sign(header, with_claims, "RS256"));
    };
    EXPECT_EQ(tried(with(claims(), "iss", "https://login.example.se/")), "iss");
    EXPECT_EQ(tried(without(claims(), "iss")), "iss");
    EXPECT_EQ(tried(with(claims(), "aud", "budkavle-admin2")), "aud");
    EXPECT_EQ(tried(with(claims(), "aud", json::array{})), "aud");
    EXPECT_EQ(tried(without(claims(), "aud")), "aud");
    EXPECT_EQ(tried(with(claims(), "aud", "budkavle-admin")), kGood);
    EXPECT_EQ(tried(with(claims(), "exp", now - 61)), "expired");
    EXPECT_EQ(tried(without(claims(), "exp")), "times missing");
    EXPECT_EQ(tried(with(claims(), "exp", "2099")), "times missing");
    EXPECT_EQ(tried(with(claims(), "exp", std::int64_t{1} << 52)), "times missing");
    EXPECT_EQ(tried(with(claims(), "exp", now + 4000)), "lives too long");
    EXPECT_EQ(tried(with(claims(), "iat", now + 120)), "issued in the future");
    EXPECT_EQ(tried(with(claims(), "nbf", now + 120)), "not yet valid");
    EXPECT_EQ(tried(without(claims(), "sub")), "sub");
    EXPECT_EQ(tried(with(claims(), "sub", "a\nb")), "sub");
    EXPECT_EQ(tried(with(claims(), "sub", 7)), "sub");
    auto strict = policy();
    strict.acr = {"loa3"};
    EXPECT_EQ(outcome(issuer().sign(header, with(claims(), "acr", "loa2"), "RS256"), strict), "acr");
    EXPECT_EQ(outcome(issuer().sign(header, with(claims(), "acr", "loa3"), "RS256"), strict), kGood);
    for (const auto& junk :
         {std::string("x"), std::string("a.b"), std::string("a.b.c.d.e"), std::string(9000, 'a'), std::string("..")})
        EXPECT_NE(outcome(junk), kGood);
}

TEST(Token, BelongsToTheCertificateOfTheConnection_RFC_8705) {
    const json::object header{{"alg", "RS256"}, {"kid", "rs"}};
    const Bytes mine(32, 1);
    const Bytes other(32, 2);
    auto bound = policy();
    bound.sender_constrained = true;
    const auto token = issuer().sign(header, with(claims(), "cnf", json::object{{"x5t#S256", url64(mine)}}), "RS256");
    EXPECT_EQ(outcome(token, bound, mine), kGood);
    EXPECT_EQ(outcome(token, bound, other), "another certificate");
    EXPECT_EQ(outcome(token, bound), "another certificate");
    EXPECT_EQ(outcome(token, policy(), other), "another certificate")
        << "a bound token stays bound where it need not be";
    EXPECT_EQ(outcome(issuer().sign(header, claims(), "RS256"), bound, mine), "not sender-constrained");
    for (const auto& cnf : {json::value("x"), json::value(json::object{}), json::value(json::object{{"jkt", "x"}}),
                            json::value(json::object{{"x5t#S256", ""}}),
                            json::value(json::object{{"x5t#S256", url64(mine)}, {"jkt", "x"}})})
        EXPECT_EQ(outcome(issuer().sign(header, with(claims(), "cnf", cnf), "RS256"), bound, mine), "cnf");
}

TEST(Token, KeysThatProveNothingAreNotTaken_SEC_45) {
    const auto made = [](const json::value& key) {
        auto how = policy();
        how.jwks = json::serialize(json::object{{"keys", {key}}});
        const auto verifier = TokenVerifier::make(how);
        return verifier ? std::string("ok") : verifier.error().code;
    };
    const auto good = issuer().rsa_jwk("a", "RS256");
    EXPECT_EQ(made(good), "ok");
    EXPECT_EQ(made(issuer().rsa_jwk("a", "RS256", "small.pem")), "key.weak");
    EXPECT_EQ(made(with(good, "e", "AQ")), "key.weak");
    EXPECT_EQ(made(with(good, "e", "Ag")), "key.weak");
    EXPECT_EQ(made(without(good, "alg")), "token.keys");
    EXPECT_EQ(made(with(good, "alg", "HS256")), "token.keys");
    EXPECT_EQ(made(without(good, "kid")), "token.keys");
    EXPECT_EQ(made(with(good, "d", "AQAB")), "token.keys");
    EXPECT_EQ(made(json::object{{"kty", "oct"}, {"kid", "a"}, {"alg", "HS256"}, {"k", "AAAA"}}), "token.keys");
    EXPECT_EQ(made(with(issuer().ec_jwk("e"), "alg", "RS256")), "token.keys");
    EXPECT_EQ(made(with(issuer().ec_jwk("e"), "crv", "P-384")), "token.keys");
    EXPECT_EQ(made(with(issuer().ec_jwk("e"), "x", json::value(url64(Bytes(32, 7))))), "key.malformed")
        << "not on the curve";
    auto how = policy();
    how.jwks = json::serialize(json::object{{"keys", {good, good}}});
    EXPECT_FALSE(TokenVerifier::make(how));
    for (const auto* text : {"", "{}", "[]", R"({"keys":[]})", R"({"keys":{}})"}) {
        how.jwks = text;
        EXPECT_FALSE(TokenVerifier::make(how)) << text;
    }
}

TEST(Token, ByTheApi) {
    auto how = policy();
    how.sender_constrained = true;
    Bench bench(ApiOptions{.tokens = how});
    const auto person = bench.account("anna", {"auditor@*"});
    bench.account("gateway", {});
    ASSERT_TRUE(bench.api().accounts().add_credential("t", person, "token", kGood, bench.clock().now()));
    const auto thumbprint = url64(hex_decode(bench.certificate("gateway").sha256_hex()).value());
    const auto token = issuer().sign({{"alg", "RS256"}, {"kid", "rs"}},
                                     with(claims(), "cnf", json::object{{"x5t#S256", thumbprint}}), "RS256");
    const auto seen = bench.call("gateway", "GET", "/account", {.headers = {{"Authorization", "Bearer " + token}}});
    EXPECT_EQ(seen.status, 200) << seen.text;
    EXPECT_EQ(seen.body.at("account").at("name").as_string(), "anna") << "the token says for whom the system acts";
    EXPECT_EQ(bench.call("anna", "GET", "/account", {.headers = {{"Authorization", "Bearer " + token}}}).status, 401)
        << "stolen: another certificate";
    EXPECT_EQ(bench.call("anna", "GET", "/account", {.headers = {{"Authorization", "Basic YTpi"}}}).status, 401);
    EXPECT_EQ(bench.call("anna", "GET", "/account", {.headers = {{"Authorization", "Bearer x.y.z"}}}).status, 401)
        << "no falling back to the certificate";
}

}  // namespace
}  // namespace budkavle::admin::testing
