#pragma once
/// Bearer tokens of OpenID Connect and OAuth 2 as JWT (RFC 7519, RFC 9068), verified here with configured keys: nothing
/// is fetched, nothing in a token chooses its key or algorithm (SEC-52; RFC 8725).

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "crypto/jws.hpp"

namespace budkavle::admin {

struct TokenPolicy {
    std::string issuer;    ///< `iss`, octet by octet
    std::string audience;  ///< has to be in `aud`
    std::string jwks;      ///< JSON of RFC 7517; every key has `kid` and `alg`, one of RS256, PS256, ES256
    /// RFC 8705: the token names the certificate of the connection. Off only for listeners without client certificates.
    bool sender_constrained = true;
    std::vector<std::string> acr;  ///< accepted assurance levels (SEC-50); empty: not looked at
    std::chrono::seconds longest_life{3600};
    std::chrono::seconds skew{60};
};

class TokenVerifier {
public:
    /// Errors "token.keys" (no key, a shared secret, a private key, two keys of one name, an algorithm that does not
    /// fit).
    static Result<TokenVerifier> make(TokenPolicy policy);

    /// What is proved: "issuer\nsubject". `peer`: SHA-256 of the client certificate's DER, when there is one. The error
    /// is always "token.refused"; its place says why, for the log.
    [[nodiscard]] Result<std::string> subject_of(std::string_view token, const std::optional<Bytes>& peer,
                                                 Time now) const;

private:
    struct Key {
        std::string id;
        crypto::JwsAlgorithm algorithm;
        crypto::PublicKey key;
    };
    explicit TokenVerifier(TokenPolicy policy) : policy_(std::move(policy)) {}
    Result<> add_key(const void* jwk);
    TokenPolicy policy_;
    std::vector<Key> keys_;
};

}  // namespace budkavle::admin
