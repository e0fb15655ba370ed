#include "accesspoint/sealing.hpp"

#include <algorithm>

#include "accesspoint/evidence.hpp"
#include "accesspoint/wire_head.hpp"
#include "as4/profile.hpp"
#include "as4/seal.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::size_t kLongestProperty = 1024;
constexpr std::size_t kLongestId = 255;

/// Long enough for every attempt of the schedule with the same octets.
seconds timestamp_lifetime(const AccessPointConfig& config) {
    const auto attempts = config.send_retries.duration + config.send_retries.attempts * config.retry_after_limit;
    return std::chrono::ceil<seconds>(attempts) + config.clock_skew;
}

/// Is the key that signed the stored octets still one of ours, and valid? Octets of one that was replaced or has ended are refused by every
/// peer for good. What cannot be read is no matter of the key.
bool is_signer_ours(const Workshop& workshop, const OutgoingMessage& message, Time now) {
    const auto octets = workshop.blobs.read(message.request_blob);
    if (!octets) return true;
    MemorySink head(WireHead::kKept);
    (void)copy(**octets, head, WireHead::kKept);  // ends with an error where the beginning ends
    const auto signer = read_claims(soap_part(head.bytes(), message.request_type).value_or("")).signer;
    if (!signer) return true;
    return std::ranges::any_of(decrypting_identities(workshop.config), [&](const crypto::Identity& one) {
        return !one.chain.empty() && one.certificate() == *signer && now >= signer->not_before() && now <= signer->not_after();
    });
}

bool still_good(const Workshop& workshop, const OutgoingMessage& message, const smp::Metadata& metadata,
                const ProfileValues& profile) {
    if (message.request_blob.empty() || message.peer_sha256 != metadata.endpoint.certificate.sha256_hex() ||
        message.profile != metadata.endpoint.profile)
        return false;
    const auto now = workshop.clock.now();
    // Made while the clock was wrong: no peer would take its eb:Timestamp.
    if (message.sealed && *message.sealed > now + workshop.config.clock_skew) return false;
    if (!is_signer_ours(workshop, message, now)) return false;
    return !profile.wss_timestamp ||
           (message.sealed && now < *message.sealed + timestamp_lifetime(workshop.config));
}

}  // namespace

Result<> check_strict(const as4::UserMessage& message) {
    const auto wrong = [](std::string_view place, std::string_view text) {
        return fail("as4.strict", "AS4-1.4", place, text, "Correct the configuration or the message service.");
    };
    if (message.properties.size() != 2 || message.property("originalSender") == nullptr ||
        message.property("finalRecipient") == nullptr)
        return wrong("MessageProperties", "A message has exactly the properties originalSender and finalRecipient.");
    for (const auto& property : message.properties) {
        if (property.value.size() > kLongestProperty) return wrong(property.name, "The value is too long.");
    }
    if (!as4::is_message_id(message.message_id)) return wrong("MessageId", "The id is malformed or too long.");
    if (message.conversation_id.size() > kLongestId) return wrong("ConversationId", "The id is too long.");
    return {};
}

Result<std::unique_ptr<store::BlobWriter>> seal_if_needed(const Workshop& workshop, OutgoingMessage& message,
                                                          const smp::Metadata& metadata) {
    const auto& config = workshop.config;
    const auto& certificate = metadata.endpoint.certificate;
    const auto* profile = find_profile(config.profile_values, metadata.endpoint.profile);
    if (profile == nullptr)
        return fail("as4.profile", "AP-01", "transportProfile", "The transport profile is not known.");
    if (still_good(workshop, message, metadata, *profile)) return nullptr;

    const auto now = workshop.clock.now();
    const as4::SendFacts facts{
        .message_id = message.as4_id,
        .conversation_id = message.conversation_id,
        .timestamp = now,
        .service = message.process_id,
        .service_type = message.process_scheme,
        .action = as4::action_of(message.document_id),
        .original_sender = message.participant.text(),
        .final_recipient = message.recipient.text(),
    };
    const auto& signer = signing_identity(config, now);
    auto header = as4::make_user_message(facts, profile->base, signer.certificate(), certificate);
    BUDKAVLE_CHECK(check_strict(header));
    BUDKAVLE_TRY(const auto octets, workshop.blobs.read(message.blob));
    BUDKAVLE_TRY(auto blob, workshop.blobs.create());
    const as4::SendPart part{.cid = profile->payload_cid,
                             .mime_type = profile->payload_type,
                             .character_set = profile->character_set,
                             .payload = octets.get()};
    BUDKAVLE_TRY(const auto sealed, as4::seal(std::move(header), {part}, signer, certificate,
                                              config.folder / "spool", *blob, profile->wss_timestamp,
                                              timestamp_lifetime(config)));
    BUDKAVLE_CHECK(blob->prepare());
    message.request_blob = blob->id();
    message.request_type = sealed.content_type;
    message.evidence = write_evidence(sealed.evidence);
    message.peer = certificate.common_name();
    message.peer_sha256 = certificate.sha256_hex();
    message.profile = metadata.endpoint.profile;
    message.sealed = now;
    return blob;
}

}  // namespace budkavle::accesspoint
