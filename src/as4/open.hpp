#pragma once
/// Opening a received AS4 message (`as4-wire.md` 1.2–1.6, `access-point.md` 4 steps 2–4): streaming, in a fixed order,
/// and nothing is delivered before everything is authentic.
///
/// Order: MIME head → SOAP part → header grammar and structure of the Security header → certificate, signature value,
/// digests of Messaging and Body → party binding and processing mode → unwrapping of the key → each part: decrypt,
/// digest, decompress, store in quarantine → all parts there → accepted.

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "as4/payload.hpp"
#include "as4/profile.hpp"
#include "as4/refusal.hpp"
#include "as4/security.hpp"
#include "as4/user_message.hpp"
#include "as4/verify.hpp"
#include "crypto/key.hpp"
#include "mime/multipart.hpp"

namespace budkavle::as4 {

/// What one message may cost.
struct OpenLimits {
    std::uint64_t body = std::uint64_t{192} << 20;  ///< octets of the HTTP body
    std::uint64_t payload = std::uint64_t{150}
                            << 20;  ///< octets of all payloads together, after decompression (AP ceiling)
    std::uint64_t expansion =
        0;  ///< largest ratio of decompression; 0: `payload` alone limits (deflate cannot exceed 1032)
    std::size_t soap = std::size_t{1} << 20;
    std::uint64_t canonical = std::uint64_t{64}
                              << 20;  ///< octets of one uncompressed XML part (parsed whole for its digest)
    mime::Limits mime;
};

struct ReceiveContext {
    std::span<const crypto::Identity>
        identities;        ///< own decryption keys, the current one first, then earlier ones (AP-19)
    std::string party_id;  ///< own AP id (AP-04)
    SignerTrust trust;
    seconds skew{300};  ///< for the WS-Security Timestamp
    OpenLimits limits;
    KeyTransportPolicy key_transport;
    Acceptance accept;
    /// Do we serve finalRecipient for this Service and Action (`access-point.md` 4 step 6)? Empty: every participant.
    std::function<bool(const UserMessage&)> serves;
    /// Last word on the authentic header before any payload is read; not asked about the test service. Empty: nothing
    /// more to check.
    std::function<Outcome<>(const UserMessage&, const crypto::Certificate& signer)> admit;
    std::filesystem::path spool_folder;  ///< for parts that come before the root part, and uncompressed XML
    /// Gets what becomes Opened::recipient_sha256 as soon as it is known: whose signature the sender expects on a refusal.
    std::string* recipient_sha256 = nullptr;
};

/// An accepted message.
struct Opened {
    UserMessage message;
    std::vector<Payload> payloads;  ///< in the order of PartInfo (TA45)
    crypto::Certificate signer;
    std::vector<ReferenceEvidence> references;  ///< of the received SignedInfo
    std::vector<std::string> reference_copies;  ///< each ds:Reference in canonical form, for the receipt
    std::string signature_value;                ///< base64, for the event log (`access-point.md` 8)
    std::string references_sha256;  ///< over `reference_copies`: equal exactly for a copy with the same digests
    /// SHA-256 (hex) of the own certificate that the content key was wrapped for: what the sender found in the SMP, and
    /// so what it expects the receipt to be signed with (AP-17). Empty without encryption (test service).
    std::string recipient_sha256{};
    [[nodiscard]] bool deliver() const { return !message.is_test(); }
    /// Hexadecimal, over the parts in order: what decides whether a copy has the same content (`access-point.md` 6).
    [[nodiscard]] std::string content_sha256() const;
};

/// `body` is read up to its end unless the message is refused before. On refusal the caller throws away what is in
/// `store`.
[[nodiscard]] Outcome<Opened> open(Source& body, std::string_view content_type, const ReceiveContext& context,
                                   PayloadStore& store);

}  // namespace budkavle::as4
