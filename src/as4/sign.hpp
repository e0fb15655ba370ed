#pragma once
/// Making and signing a SOAP envelope (`as4-wire.md` 1.6, 1.8): what user messages, receipts and errors share.

#include <optional>
#include <string>
#include <vector>

#include "as4/verify.hpp"
#include "base/time.hpp"
#include "crypto/key.hpp"

namespace budkavle::as4 {

/// A payload part to be covered by the signature.
struct AttachmentDigest {
    std::string cid;
    Bytes sha256;
};

struct EnvelopeParts {
    std::string messaging;  ///< inside eb:Messaging; prefix `eb` is bound
    std::string security;   ///< before the signing token; prefixes `wsse`, `wsu` are bound; may be empty
    std::vector<AttachmentDigest> attachments{};
    std::optional<Time> timestamp{};  ///< adds a signed wsu:Timestamp (K41)
    seconds timestamp_lifetime = std::chrono::minutes(5);
    std::string body{};  ///< inside Body, prefix `S12` is bound; a SOAP fault, otherwise empty (`as4-wire.md` 1.3)
};

struct SignedEnvelope {
    std::string octets;
    std::vector<ReferenceEvidence> references;
};

/// Security first, Messaging, empty Body; signed over Messaging, Body, attachments, in that order. Errors of the key,
/// "xml.…".
[[nodiscard]] Result<SignedEnvelope> sign_envelope(const EnvelopeParts& parts, const crypto::Identity& signer);

/// The same without a Security header.
[[nodiscard]] std::string unsigned_envelope(std::string_view messaging);

/// wsse:BinarySecurityToken of type X509v3.
[[nodiscard]] std::string binary_security_token(const crypto::Certificate& certificate, std::string_view id);
/// ds:KeyInfo that refers to that token.
[[nodiscard]] std::string key_info_of_token(std::string_view id);

/// An NCName that nothing else in the world has.
[[nodiscard]] std::string fresh_id(std::string_view stem);

}  // namespace budkavle::as4
