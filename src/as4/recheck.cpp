#include "as4/recheck.hpp"

#include "as4/security.hpp"
#include "as4/soap.hpp"

namespace budkavle::as4 {

Outcome<HeaderProof> recheck_header(std::string_view soap, const SignerTrust& trust) {
    MemorySource source(soap);
    BUDKAVLE_TRY(const auto envelope, read_envelope(source, std::size_t{1} << 20));
    BUDKAVLE_CHECK(check_request(envelope));
    BUDKAVLE_TRY(const auto ids, IdIndex::build(envelope.document.root()));
    BUDKAVLE_TRY(auto message, read_user_message(envelope.messaging));
    // The key was unwrapped then; which transport it came by is no question of evidence.
    constexpr KeyTransportPolicy kAny{
        .oaep_sha256_mgf_sha1 = true, .oaep_sha1_mgf_sha1 = true, .mgf1p_sha256 = true, .mgf1p_sha1 = true};
    BUDKAVLE_TRY(const auto security, read_security(envelope.security, ids, kAny));
    std::vector<std::string> cids;
    for (const auto& part : message.parts) cids.push_back(part.cid);
    BUDKAVLE_CHECK(
        check_coverage(security, ids, {.messaging = envelope.messaging, .body = envelope.body, .cids = cids}));
    BUDKAVLE_TRY(auto signer, find_signer(security.signer, trust));
    BUDKAVLE_CHECK(verify_elements(*security.signature, ids, signer));
    Evidence evidence{message.message_id, message.to.id, {}};
    for (const auto& reference : security.signature->references) evidence.references.push_back(evidence_of(reference));
    return HeaderProof{std::move(message), std::move(signer), std::move(evidence)};
}

}  // namespace budkavle::as4
