#pragma once
/// Would this request be issued? (`pki.md` 5.2). Pure: no register, no clock, no key.

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "crypto/certificate.hpp"

namespace budkavle::ca {

struct KeyPolicy {
    unsigned min_rsa_bits = 3072;  ///< `federation.md` 2.2, SEC-45
    bool allow_ec = false;         ///< P-256 and P-384; AS4 here needs RSA key transport and RSA signatures
};

struct Reason {
    std::string rule;
    std::string text;
};

struct IntakeVerdict {
    std::vector<Reason> reasons;  ///< empty: issuable
    std::vector<std::string>
        ignored;               ///< what the request also asks for and will not get: "commonName", "subjectAltName", …
    std::string subject;       ///< as claimed, RFC 2253; to be compared with what is registered, never copied
    std::string organisation;  ///< claimed O
    std::string organisational_unit;  ///< claimed OU
    std::string key;                  ///< "RSA 3072"
    bool alarm = false;               ///< a private key was handed in
    std::optional<crypto::PublicKey> public_key;
    [[nodiscard]] bool issuable() const { return reasons.empty(); }
};

/// Takes the octets of a file: PKCS#10 in PEM or DER, or a self-signed certificate in PEM.
[[nodiscard]] IntakeVerdict judge_request(ByteView octets, const KeyPolicy& policy = {});
/// What speaks against certifying this key.
[[nodiscard]] std::vector<Reason> judge_key(const crypto::PublicKey& key, const KeyPolicy& policy);
/// One JSON object on one line: verdict, reasons, ignored, subject, key, alarm.
[[nodiscard]] std::string to_json(const IntakeVerdict& verdict);

}  // namespace budkavle::ca
