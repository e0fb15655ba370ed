#pragma once
/// Signatures of JSON Web Signature (RFC 7518) over keys given as numbers (RFC 7517): what bearer tokens need.

#include <optional>
#include <string_view>

#include "crypto/certificate.hpp"

namespace budkavle::crypto {

/// A closed list: "none" and every algorithm with a shared secret do not exist here.
enum class JwsAlgorithm : std::uint8_t { rs256, ps256, es256 };

/// The exact names "RS256", "PS256", "ES256"; nothing for any other spelling.
[[nodiscard]] std::optional<JwsAlgorithm> jws_algorithm(std::string_view name);
/// Big-endian numbers. Error "key.malformed"; "key.weak" below 2048 bits, for an even exponent or one below 3.
[[nodiscard]] Result<PublicKey> rsa_public_key(ByteView modulus, ByteView exponent);
/// Coordinates of 32 octets each, on the curve. Error "key.malformed".
[[nodiscard]] Result<PublicKey> p256_public_key(ByteView x, ByteView y);
/// PS256: salt of 32 octets, MGF1 with SHA-256. ES256: r‖s, 64 octets. False also when the key is of another kind.
[[nodiscard]] bool verify_jws(const PublicKey& key, JwsAlgorithm algorithm, ByteView data, ByteView signature);
/// RFC 7515 base64url without padding; anything else is error "base64.malformed".
[[nodiscard]] Result<Bytes> base64url_decode(std::string_view text);

}  // namespace budkavle::crypto
