#include "admin/token.hpp"

#include <boost/json.hpp>

#include <algorithm>

#include "admin/contains.hpp"
#include "admin/strict_json.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestToken = 8192;
constexpr std::size_t kLongestSubject = 255;

std::string_view text_of(const json::object& object, std::string_view name) {
    const auto* found = object.if_contains(name);
    if (found == nullptr || !found->is_string()) return {};
    return {found->get_string().data(), found->get_string().size()};
}

std::unexpected<Error> refused(std::string_view why) {
    return fail("token.refused", "SEC-52", why, "The token is not accepted.", "Sign in again.");
}

std::unexpected<Error> bad_keys(std::string_view why) {
    return fail("token.keys", "SEC-52", "jwks", why, "Give the public keys of the issuer, each with kid and alg.");
}

Result<json::object> part(std::string_view encoded) {
    const auto octets = crypto::base64url_decode(encoded);
    if (!octets) return refused("encoding");
    auto value = parse_strict(as_text(*octets), {.depth = 6, .values = 500, .key_octets = 128});
    if (!value || !value->is_object()) return refused("json");
    return std::move(value->get_object());
}

bool is_for(const json::object& claims, std::string_view audience) {
    const auto* aud = claims.if_contains("aud");
    if (aud == nullptr) return false;
    if (aud->is_string()) return text_of(claims, "aud") == audience;
    return aud->is_array() && std::ranges::any_of(aud->get_array(), [&](const json::value& one) {
               return one.is_string() && std::string_view(one.get_string().data(), one.get_string().size()) == audience;
           });
}

std::optional<Time> time_of(const json::object& claims, std::string_view name) {
    const auto* found = claims.if_contains(name);
    // Far beyond every calendar the sum of seconds and skew would overflow.
    if (found == nullptr || !found->is_int64() || found->get_int64() < 0 || found->get_int64() > 253402300799)
        return std::nullopt;
    return Time(std::chrono::seconds(found->get_int64()));
}

Result<> check_times(const json::object& claims, const TokenPolicy& policy, Time now) {
    const auto expires = time_of(claims, "exp");
    const auto issued = time_of(claims, "iat");
    if (!expires || !issued) return refused("times missing");
    if (*expires + policy.skew <= now) return refused("expired");
    if (*issued - policy.skew > now) return refused("issued in the future");
    if (*expires - *issued > policy.longest_life) return refused("lives too long");
    if (claims.contains("nbf")) {
        const auto from = time_of(claims, "nbf");
        if (!from || *from - policy.skew > now) return refused("not yet valid");
    }
    return {};
}

Result<> check_sender(const json::object& claims, const TokenPolicy& policy, const std::optional<Bytes>& peer) {
    const auto* cnf = claims.if_contains("cnf");
    if (cnf == nullptr) return policy.sender_constrained ? Result<>(refused("not sender-constrained")) : Result<>{};
    if (!cnf->is_object()) return refused("cnf");
    const auto thumbprint = crypto::base64url_decode(text_of(cnf->get_object(), "x5t#S256"));
    if (!thumbprint || thumbprint->size() != 32 || cnf->get_object().size() != 1) return refused("cnf");
    if (!peer || !equal_constant_time(*thumbprint, *peer)) return refused("another certificate");
    return {};
}

}  // namespace

Result<TokenVerifier> TokenVerifier::make(TokenPolicy policy) {
    const auto parsed = parse_strict(policy.jwks);
    if (!parsed || !parsed->is_object() || !parsed->get_object().contains("keys") || !parsed->at("keys").is_array())
        return bad_keys("This is no set of keys.");
    if (policy.issuer.empty() || policy.audience.empty()) return bad_keys("Issuer and audience must be named.");
    TokenVerifier made(std::move(policy));
    for (const auto& one : parsed->at("keys").get_array()) {
        if (!one.is_object()) return bad_keys("A key is no object.");
        BUDKAVLE_CHECK(made.add_key(&one.get_object()));
    }
    if (made.keys_.empty()) return bad_keys("There is no key.");
    return made;
}

Result<> TokenVerifier::add_key(const void* given) {
    const auto& jwk = *static_cast<const json::object*>(given);
    const auto id = text_of(jwk, "kid");
    const auto type = text_of(jwk, "kty");
    const auto algorithm = crypto::jws_algorithm(text_of(jwk, "alg"));
    if (jwk.contains("d") || jwk.contains("k")) return bad_keys("A private or shared key does not belong here.");
    if (jwk.contains("use") && text_of(jwk, "use") != "sig") return {};  // for encryption: not ours
    if (id.empty() || !algorithm) return bad_keys("A key has no kid, or no alg of RS256, PS256, ES256.");
    if (contains(keys_, id, &Key::id)) return bad_keys("Two keys have the same kid.");
    const bool rsa = *algorithm != crypto::JwsAlgorithm::es256;
    if (type != (rsa ? "RSA" : "EC") || (!rsa && text_of(jwk, "crv") != "P-256"))
        return bad_keys("A key does not fit its algorithm.");
    BUDKAVLE_TRY(const auto first, crypto::base64url_decode(text_of(jwk, rsa ? "n" : "x")));
    BUDKAVLE_TRY(const auto second, crypto::base64url_decode(text_of(jwk, rsa ? "e" : "y")));
    BUDKAVLE_TRY(auto key, rsa ? crypto::rsa_public_key(first, second) : crypto::p256_public_key(first, second));
    keys_.push_back({std::string(id), *algorithm, std::move(key)});
    return {};
}

Result<std::string> TokenVerifier::subject_of(std::string_view token, const std::optional<Bytes>& peer,
                                              Time now) const {
    if (token.size() > kLongestToken) return refused("too long");
    const auto parts = split(token, '.');
    if (parts.size() != 3) return refused("not three parts");  // JWE has five, unsecured ones an empty third
    BUDKAVLE_TRY(const auto header, part(parts[0]));
    // Only these: whatever would name, carry or fetch a key (jku, jwk, x5u, x5c) or change the meaning (crit, b64, zip)
    // is refused with everything else that is not known.
    for (const auto& [name, unused] : header) {
        if (name != "alg" && name != "kid" && name != "typ") return refused("header");
    }
    const auto type = text_of(header, "typ");
    if (header.contains("typ") && !equal_ignore_case_ascii(type, "JWT") && !equal_ignore_case_ascii(type, "at+jwt"))
        return refused("typ");
    const auto key = std::ranges::find(keys_, text_of(header, "kid"), &Key::id);
    if (key == keys_.end()) return refused("kid");
    if (crypto::jws_algorithm(text_of(header, "alg")) != key->algorithm) return refused("alg");
    const auto signature = crypto::base64url_decode(parts[2]);
    const auto covered = token.substr(0, parts[0].size() + 1 + parts[1].size());
    if (!signature || !crypto::verify_jws(key->key, key->algorithm, as_bytes(covered), *signature))
        return refused("signature");
    BUDKAVLE_TRY(const auto claims, part(parts[1]));
    if (text_of(claims, "iss") != policy_.issuer) return refused("iss");
    if (!is_for(claims, policy_.audience)) return refused("aud");
    BUDKAVLE_CHECK(check_times(claims, policy_, now));
    BUDKAVLE_CHECK(check_sender(claims, policy_, peer));
    if (!policy_.acr.empty() && !contains(policy_.acr, text_of(claims, "acr"))) return refused("acr");
    const auto subject = text_of(claims, "sub");
    if (subject.empty() || subject.size() > kLongestSubject || subject.contains('\n')) return refused("sub");
    return policy_.issuer + "\n" + std::string(subject);
}

}  // namespace budkavle::admin
