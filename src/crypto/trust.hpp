#pragma once
/// Trust stores, one per purpose and environment, and the check of a certificate against one (AP-14…AP-18, XHE-05).

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/certificate.hpp"
#include "crypto/ocsp.hpp"

namespace budkavle::crypto {

/// What a store is for; stores of different purposes never mix (`federation.md` 2.1).
enum class Purpose : std::uint8_t { as4, smp_signature, tls_server, tls_client, o2o };

/// Revocation data at hand: lists and OCSP answers. Safe to share between threads: `put` replaces, `all` copies
/// handles.
class CrlStore {
public:
    /// Called by `TrustStore::check` for every certificate of a path that is otherwise good, before its revocation is
    /// judged; may fetch what is missing, for a short time.
    using Gatherer = std::function<void(const Certificate& certificate, const Certificate& issuer)>;

    CrlStore();
    ~CrlStore();
    CrlStore(const CrlStore&) = delete;
    CrlStore& operator=(const CrlStore&) = delete;
    /// Keeps the newest per issuer, issuing key and scope. Signatures are checked when a list is used; who takes lists
    /// from an open network asks `Crl::is_signed_by` first, so that a forged one cannot push out the true one.
    void put(const Crl& crl);
    [[nodiscard]] std::vector<Crl> all() const;
    /// Keeps the newest answer per certificate. Answers are verified when they are made (`read_ocsp_answer`).
    void put(const OcspAnswer& answer);
    [[nodiscard]] std::optional<OcspAnswer> answer_for(const Certificate& certificate) const;
    /// AP-18: how long data is still used after its nextUpdate while nothing newer is to be had. 0 unless set.
    void set_grace(std::chrono::seconds grace);
    [[nodiscard]] std::chrono::seconds grace() const;
    /// Without one (the default) checks use what is at hand and nothing else. It may be called by several threads.
    void set_gatherer(Gatherer gatherer);
    void gather(const Certificate& certificate, const Certificate& issuer) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

enum class RevocationPolicy : std::uint8_t {
    required,  ///< a current CRL of the issuer must be there; otherwise "trust.revocation_unavailable" (Retry::later)
    when_present,  ///< offline checks without --crl: use what is there, a list past its nextUpdate counts as absent
};

/// What the leaf is wanted for: O2O certificates come as one for both or one for each (`xhe.md` 5).
enum class LeafUse : std::uint8_t { sign, encipher };

struct TrustPolicy {
    Time at;  ///< the moment to judge by
    RevocationPolicy revocation = RevocationPolicy::required;
    unsigned min_rsa_bits = 2048;
    LeafUse use = LeafUse::sign;  ///< as4, smp_signature and o2o only
    /// AP-14: the leaf must be issued directly by an anchor. A root that stands in the store beside an issuing CA of
    /// its own does not count: only the issuing CA of the federation and environment approves access points.
    bool anchor_must_issue = false;
};

/// Anchors may be intermediates (partial chain), roots or both.
class TrustStore {
public:
    /// `pins`: end-entity certificates trusted by themselves, whoever issued them and whatever their extensions say.
    /// For partners that no CA of the environment has issued for; validity and key strength are still judged,
    /// revocation cannot be. Empty unless an operator names them.
    TrustStore(Purpose purpose, std::vector<Certificate> anchors, std::vector<Certificate> pins = {})
        : purpose_(purpose), anchors_(std::move(anchors)), pins_(std::move(pins)) {}
    [[nodiscard]] Purpose purpose() const { return purpose_; }
    [[nodiscard]] const std::vector<Certificate>& anchors() const { return anchors_; }

    /// Checks path, validity, key strength, usage for the purpose, revocation of every certificate below the anchor,
    /// all at `policy.at`. The path ends at the first anchor. `extra` are untrusted intermediates that came along.
    /// Errors, in the order in which they are looked for: "trust.untrusted", "trust.weak_key", "trust.weak_signature"
    /// (SHA-1, MD5), "trust.expired", "trust.not_yet_valid", "trust.chain" (other path faults), "trust.usage",
    /// "trust.revoked", "trust.revocation_unavailable" (Retry::later). The rule is that of the purpose: AP-14/AP-15
    /// (as4), AP-16 (smp_signature), XHE-05 (o2o), SEC-45 (key strength). Usage: signing certificates need
    /// digitalSignature or nonRepudiation when keyUsage is there, and are no CA; TLS ones the extended key usage when
    /// that is there.
    [[nodiscard]] Result<> check(const Certificate& leaf, const std::vector<Certificate>& extra, const CrlStore& crls,
                                 const TrustPolicy& policy) const;

private:
    Purpose purpose_;
    std::vector<Certificate> anchors_;
    std::vector<Certificate> pins_;
};

}  // namespace budkavle::crypto
