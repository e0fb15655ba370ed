#pragma once
/// Trust stores, one per purpose and environment, and the check of a certificate against one (AP-14…AP-18, XHE-05).

#include <memory>
#include <string>
#include <vector>

#include "crypto/certificate.hpp"

namespace budkavle::crypto {

/// What a store is for; stores of different purposes never mix (`federation.md` 2.1).
enum class Purpose : std::uint8_t { as4, smp_signature, tls_server, tls_client, o2o };

/// Revocation lists at hand. Safe to share between threads: `put` replaces, `find` copies a handle.
class CrlStore {
public:
    CrlStore();
    ~CrlStore();
    CrlStore(const CrlStore&) = delete;
    CrlStore& operator=(const CrlStore&) = delete;
    void put(const Crl& crl);  ///< keeps the newest per issuer
    [[nodiscard]] std::vector<Crl> all() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

enum class RevocationPolicy : std::uint8_t {
    required,      ///< a current CRL of the issuer must be there; otherwise "trust.revocation_unavailable" (Retry::later)
    when_present,  ///< offline checks without --crl: use what is there
};

struct TrustPolicy {
    Time at;                        ///< the moment to judge by
    RevocationPolicy revocation = RevocationPolicy::required;
    unsigned min_rsa_bits = 2048;
    bool anchor_must_issue = false;  ///< AP-14: the leaf must be issued directly by a certificate of the store's `issuers`
};

/// Anchors may be intermediates (partial chain), roots or both.
class TrustStore {
public:
    TrustStore(Purpose purpose, std::vector<Certificate> anchors) : purpose_(purpose), anchors_(std::move(anchors)) {}
    [[nodiscard]] Purpose purpose() const { return purpose_; }
    [[nodiscard]] const std::vector<Certificate>& anchors() const { return anchors_; }

    /// Checks path, validity, key strength, usage for the purpose, revocation of every certificate below the anchor.
    /// `extra` are untrusted intermediates that came along.
    /// Errors: "trust.untrusted", "trust.expired", "trust.not_yet_valid", "trust.revoked", "trust.weak_key",
    /// "trust.usage", "trust.revocation_unavailable" (Retry::later), "trust.chain" (other path faults).
    [[nodiscard]] Result<> check(const Certificate& leaf, const std::vector<Certificate>& extra, const CrlStore& crls,
                                 const TrustPolicy& policy) const;

private:
    Purpose purpose_;
    std::vector<Certificate> anchors_;
};

}  // namespace budkavle::crypto
