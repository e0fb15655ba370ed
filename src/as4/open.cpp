#include "as4/open.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "as4/names.hpp"
#include "as4/package.hpp"
#include "base/random.hpp"
#include "crypto/cipher.hpp"

namespace budkavle::as4 {

namespace {

std::vector<std::string> cids_of(const UserMessage& message) {
    std::vector<std::string> cids;
    for (const auto& part : message.parts) cids.push_back(part.cid);
    return cids;
}

struct Header {
    UserMessage message;
    SecurityHeader security;
    crypto::Certificate signer;
};

/// Structure first; no octet is hashed or decrypted before it is known to be of the profile.
Outcome<SecurityHeader> check_structure(const Envelope& envelope, const IdIndex& ids, const UserMessage& message,
                                        const ReceiveContext& context) {
    BUDKAVLE_TRY(auto security, read_security(envelope.security, ids, context.key_transport));
    const auto cids = cids_of(message);
    BUDKAVLE_CHECK(
        check_coverage(security, ids, {.messaging = envelope.messaging, .body = envelope.body, .cids = cids}));
    BUDKAVLE_CHECK(check_encryption(security, cids));
    return security;
}

auto own_identity(const EncryptedKey& key, std::span<const crypto::Identity> identities) {
    return std::ranges::find_if(identities,
                                [&](const auto& identity) { return key.recipient.names(identity.certificate()); });
}

/// Which of our certificates the sender has encrypted for; empty: none of them, or nothing is encrypted.
std::string recipient_of(const SecurityHeader& security, std::span<const crypto::Identity> identities) {
    if (!security.key) return {};
    const auto own = own_identity(*security.key, identities);
    return own == identities.end() ? std::string() : own->certificate().sha256_hex();
}

/// The header, authentic and of the federation; what was learned for a refusal goes to `heard`.
Outcome<Header> judge_header(const Envelope& envelope, const ReceiveContext& context, Refusal& heard) {
    BUDKAVLE_CHECK(check_request(envelope));
    heard.message_id = peek_message_id(envelope.messaging);
    BUDKAVLE_TRY(const auto ids, IdIndex::build(envelope.document.root()));
    BUDKAVLE_TRY(auto message, read_user_message(envelope.messaging));
    heard.from_party = message.from.id;
    BUDKAVLE_TRY(auto security, check_structure(envelope, ids, message, context));
    if (context.recipient_sha256 != nullptr) *context.recipient_sha256 = recipient_of(security, context.identities);
    BUDKAVLE_CHECK(check_timestamp(security, context.trust.policy.at, context.skew));

    BUDKAVLE_TRY(auto signer, find_signer(security.signer, context.trust));
    BUDKAVLE_CHECK(verify_elements(*security.signature, ids, signer));
    if (signer.common_name() != message.from.id) return refuse(Cause::signer_not_party);
    heard.authenticated = true;

    BUDKAVLE_CHECK(check_processing_mode(message, context.party_id, context.accept));
    if (!message.is_test() && context.serves && !context.serves(message)) return refuse(Cause::not_serviced);
    if (!message.is_test() && context.admit) BUDKAVLE_CHECK(context.admit(message, signer));
    return Header{std::move(message), std::move(security), std::move(signer)};
}

/// The content key; a random one when the real one cannot be had, so that every failed decryption goes the same way and
/// ends with the first tag.
SecretBytes content_key(const EncryptedKey& key, std::span<const crypto::Identity> identities) {
    const auto size = crypto::key_size(crypto::ContentCipher::aes128_gcm);
    SecretBytes substitute(size);
    random_bytes(substitute.mutable_view());
    const auto own = own_identity(key, identities);
    if (own == identities.end()) return substitute;
    auto unwrapped = own->key->unwrap(key.oaep, key.wrapped);
    return unwrapped && unwrapped->size() == size ? std::move(*unwrapped) : std::move(substitute);
}

const xmlsec::Reference& reference_to(const xmlsec::SignatureParts& signature, std::string_view cid) {
    return *std::ranges::find_if(signature.references, [&](const auto& reference) {
        const auto own = mime::content_id_of_href(reference.uri);
        return own && *own == cid;
    });
}

class PartReceiver {
public:
    PartReceiver(const Header& header, const ReceiveContext& context, PayloadStore& store)
        : header_(header), context_(context), store_(store), left_(context.limits.payload) {
        if (header.security.key) key_ = content_key(*header.security.key, context.identities);
    }

    Outcome<> receive(PackagePart& part) {
        const auto& parts = header_.message.parts;
        const auto info = std::ranges::find_if(parts, [&](const auto& one) { return part.cid == one.cid; });
        if (info == parts.end() || received_.contains(info->cid)) return refuse(Cause::part_mismatch);
        const auto& reference = reference_to(*header_.security.signature, info->cid);
        const auto encrypted = std::ranges::find(header_.security.encrypted, info->cid, &EncryptedPart::cid);
        const PartTask task{
            .info = *info,
            .encrypted_type = encrypted->mime_type,
            .digest = reference.digest,
            .digest_value = reference.digest_value,
            .key = &key_,
            .limits = {.bytes = left_, .ratio = context_.limits.expansion},
            .canonical_bytes = context_.limits.canonical,
            .spool_folder = context_.spool_folder,
        };
        BUDKAVLE_TRY(auto received, receive_part(*part.octets, task, store_));
        left_ -= received.payload.bytes;
        received_.emplace(info->cid, std::move(received));
        return {};
    }

    Outcome<std::vector<Payload>> finish() {
        if (received_.size() != header_.message.parts.size()) return refuse(Cause::part_mismatch);
        std::vector<Payload> payloads;
        for (const auto& part : header_.message.parts) {
            auto& received = received_.at(part.cid);
            if (!received.writer->finish()) return refuse(Cause::storage);
            payloads.push_back(std::move(received.payload));
        }
        return payloads;
    }

private:
    const Header& header_;
    const ReceiveContext& context_;
    PayloadStore& store_;
    SecretBytes key_;
    std::uint64_t left_;
    std::map<std::string, ReceivedPart, std::less<>> received_;
};

Outcome<Opened> finish(Header header, std::vector<Payload> payloads) {
    Opened opened{std::move(header.message), std::move(payloads), std::move(header.signer), {}, {}, {}, {}};
    crypto::Hasher all(crypto::DigestAlgorithm::sha256);
    for (const auto& reference : header.security.signature->references) {
        opened.references.push_back(evidence_of(reference));
        MemorySink canonical(std::size_t{64} * 1024);
        if (!xml::canonicalise(reference.element, {}, canonical)) return refuse(Cause::security_structure);
        all.update(canonical.bytes());
        opened.reference_copies.emplace_back(as_text(canonical.bytes()));
    }
    opened.references_sha256 = hex_encode(all.digest());
    opened.signature_value = base64_encode(header.security.signature->value);
    return opened;
}

Outcome<Opened> open_package(Source& body, std::string_view content_type, const ReceiveContext& context,
                             PayloadStore& store, Refusal& heard) {
    LimitedSource limited(body, context.limits.body);
    BUDKAVLE_TRY(const auto package, Package::read(limited, content_type, {context.limits.soap, context.limits.mime},
                                                   context.spool_folder));
    BUDKAVLE_TRY(auto header, judge_header(package->envelope(), context, heard));
    PartReceiver receiver(header, context, store);
    for (;;) {
        BUDKAVLE_TRY(auto part, package->next_part());
        if (!part) break;
        BUDKAVLE_CHECK(receiver.receive(*part));
    }
    BUDKAVLE_TRY(auto payloads, receiver.finish());
    auto recipient = recipient_of(header.security, context.identities);
    BUDKAVLE_TRY(auto opened, finish(std::move(header), std::move(payloads)));
    opened.recipient_sha256 = std::move(recipient);
    return opened;
}

}  // namespace

std::string Opened::content_sha256() const {
    crypto::Hasher all(crypto::DigestAlgorithm::sha256);
    for (const auto& payload : payloads) all.update(as_bytes(payload.sha256));
    return hex_encode(all.digest());
}

Outcome<Opened> open(Source& body, std::string_view content_type, const ReceiveContext& context, PayloadStore& store) {
    Refusal heard;
    auto opened = open_package(body, content_type, context, store, heard);
    if (!opened) {
        auto& refusal = opened.error();
        refusal.message_id = std::move(heard.message_id);
        refusal.from_party = std::move(heard.from_party);
        refusal.authenticated = heard.authenticated;
    }
    return opened;
}

}  // namespace budkavle::as4
