#pragma once
/// Certificates that people hand in (`certpub.md` 4.3; FED-14): what they are, and the proof that they fit.

#include <memory>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "crypto/certificate.hpp"
#include "crypto/trust.hpp"
#include "smpserver/model.hpp"

namespace budkavle::smpserver {

/// PEM text, DER, or base64 of DER: anything that is or holds a private key (PKCS#1, PKCS#8, EC, encrypted, PKCS#12)?
[[nodiscard]] bool holds_private_key(std::string_view input);

/// One certificate in PEM, DER or base64 of DER, in its validity at `now`, RSA of 2048 bits or more.
/// Errors: "registry.private_key", "registry.certificate".
[[nodiscard]] Result<crypto::Certificate> take_certificate(std::string_view input, Time now, bool issuer_too = false);

/// Whose certificate it should be.
struct Organisation {
    std::string participant;  ///< id
    std::string name;         ///< may be empty
    std::string number;       ///< ten digits; may be empty
};
/// Does the subject name the organisation (ADR 0017)? One of: its number in serialNumber or organizationIdentifier
/// (also the number that an id of ICD 0007 is), its name as O, the domain of an id of ICD 0203 as CN or dNSName, or a
/// name below that domain.
[[nodiscard]] bool subject_fits(const crypto::Certificate& certificate, const Organisation& organisation);

/// What certificates are proven against.
struct Proof {
    std::optional<crypto::TrustStore> ap_trust;    ///< absent: not checked
    std::optional<crypto::TrustStore> o2o_trust;   ///< absent: not checked
    std::shared_ptr<const crypto::CrlStore> crls;  ///< never null
    crypto::RevocationPolicy revocation = crypto::RevocationPolicy::required;
    bool check_subject = true;
};
/// Issued by the AP CA of the environment (AP-14), not revoked, with a common name (AP-04).
[[nodiscard]] Result<> prove_access_point(const crypto::Certificate& certificate, const Proof& proof, Time now);
/// Purpose, issuer allowed in the federation, not revoked, subject.
[[nodiscard]] Result<> prove_participant(const crypto::Certificate& certificate, CertificateUse use,
                                         const Organisation& organisation, const Proof& proof, Time now);

}  // namespace budkavle::smpserver
