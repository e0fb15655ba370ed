#pragma once
/// The WS-Security header in the closed profile of AS4 (`as4-wire.md` 1.6, 1.8): structure only, no cryptography.

#include <optional>
#include <string>
#include <vector>

#include "as4/refusal.hpp"
#include "as4/soap.hpp"
#include "as4/tokens.hpp"
#include "base/time.hpp"
#include "crypto/key.hpp"
#include "xmlsec/signature.hpp"

namespace budkavle::as4 {

/// Key transport that is accepted besides xenc11#rsa-oaep with SHA-256 and MGF1-SHA-256. All off: what older peers send
/// is a decision of the operator.
struct KeyTransportPolicy {
    bool oaep_sha256_mgf_sha1 = false;  ///< xenc11#rsa-oaep, DigestMethod SHA-256, no MGF (AS4.NET)
    bool oaep_sha1_mgf_sha1 = false;    ///< xenc11#rsa-oaep without DigestMethod and MGF (Flame)
    bool mgf1p_sha256 = false;          ///< xenc#rsa-oaep-mgf1p, DigestMethod SHA-256 (old Holodeck, AS4.NET)
    bool mgf1p_sha1 = false;            ///< xenc#rsa-oaep-mgf1p without DigestMethod (old Domibus)
};

struct EncryptedKey {
    crypto::Oaep oaep;
    CertificateReference recipient;
    Bytes wrapped;
};

/// One payload part as the header describes it.
struct EncryptedPart {
    std::string cid;        ///< decoded
    std::string mime_type;  ///< @MimeType: type of the octets after decryption; empty when absent
};

struct SecurityTimestamp {
    xml::Element element;
    Time created;
    std::optional<Time> expires;
};

struct SecurityHeader {
    std::optional<EncryptedKey> key;
    std::vector<EncryptedPart> encrypted;
    std::optional<xmlsec::SignatureParts> signature;
    CertificateReference signer;
    std::optional<SecurityTimestamp> timestamp;
};

/// Reads the header. Children: BinarySecurityToken (X509v3, X509PKIPathv1), at most one EncryptedKey, EncryptedData, at
/// most one Signature, at most one Timestamp; nothing else. The ReferenceList of the key names exactly the
/// EncryptedData. Refuses: security_structure, algorithm, token, coverage (a transform out of the profile), decryption
/// (a CipherReference that is no cid).
[[nodiscard]] Outcome<SecurityHeader> read_security(xml::Element security, const IdIndex& ids,
                                                    const KeyTransportPolicy& transport);

/// What a signature must cover, and covers when `check_coverage` returned.
struct Coverage {
    xml::Element messaging;  ///< the element that is processed, not one with the same Id
    xml::Element body;
    std::vector<std::string> cids{};  ///< of the payload parts
    bool body_required = true;
};
/// Every reference means one of these things, each exactly once, each with its one transform; the Timestamp too when
/// there is one (K41). Refuses: unsigned_message, coverage, timestamp (not signed).
[[nodiscard]] Outcome<> check_coverage(const SecurityHeader& header, const IdIndex& ids, const Coverage& what);

/// Encryption covers all and only the payload parts (AP-20). Refuses: part_mismatch, unencrypted, security_structure.
[[nodiscard]] Outcome<> check_encryption(const SecurityHeader& header, const std::vector<std::string>& cids);

/// Created ≤ now + skew, now < Expires + skew (K41). Refuses: timestamp.
[[nodiscard]] Outcome<> check_timestamp(const SecurityHeader& header, Time now, seconds skew);

}  // namespace budkavle::as4
