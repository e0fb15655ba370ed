#pragma once
/// The desk of the PKI: requests to issue, renew and revoke, and the approval of each by two persons (`pki.md` 5.2, 5.5,
/// FED-04, FED-05). Administration interfaces stand on this and on the listing part of `authority.hpp`.
///
///     received ──verify──▶ verified ──approve (another person)──▶ approved ──issue──▶ issued
///     received ──approve (another person)──▶ revoked                                   (requests to revoke)
///     received, verified, approved ──reject──▶ rejected;  ──time──▶ expired
///
/// A request that must not be issued is kept as `rejected` with all findings. Every act and every refusal is audited with
/// the person, the old and the new state; notes and causes stay in the register.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "ca/authority.hpp"

namespace budkavle::ca {

enum class RequestKind : std::uint8_t { issue, renew, revoke };
enum class RequestState : std::uint8_t { received, verified, approved, issued, revoked, rejected, expired };
[[nodiscard]] std::string_view name(RequestKind kind);
[[nodiscard]] std::string_view name(RequestState state);
[[nodiscard]] std::optional<RequestKind> request_kind_from(std::string_view name);
[[nodiscard]] std::optional<RequestState> request_state_from(std::string_view name);

struct Act {
    std::string who;
    Time at;
    std::string note;  ///< why; how it was checked
};

struct PkiRequest {
    std::string id;  ///< UUID
    RequestKind kind = RequestKind::issue;
    RequestState state = RequestState::received;
    std::string ca;
    Order order;         ///< issue, renew: what the certificate will hold
    std::string octets;  ///< issue, renew: as handed in; empty when a private key was in it
    IntakeVerdict verdict;  ///< issue, renew: findings, what is ignored, claimed names; `public_key` is not kept
    std::string spki;        ///< base64; of a key whose possession was proven without PKCS#10
    std::string key_sha256;  ///< of the SubjectPublicKeyInfo, hex: to be read back by the applicant
    std::string serial;      ///< renew: of the certificate to renew; revoke: of the one to revoke
    std::string issued_serial;  ///< state issued
    std::string reason;         ///< revoke: as in the CRL
    std::string cause;          ///< revoke: outcome of the investigation
    Act received;
    std::optional<Act> verified;
    std::optional<Act> approved;
    std::optional<Act> closed;  ///< issued, revoked, rejected, expired
    Time expires;
};

struct RequestFilter {
    std::string ca{};
    std::string organisation{};
    std::optional<RequestKind> kind{};
    std::optional<RequestState> state{};
};
struct RequestPage {
    std::vector<PkiRequest> rows;  ///< oldest first
    std::size_t total = 0;
};

/// Safe for several threads, processes and nodes: an act that somebody else was quicker with is "ca.state".
class Requests {
public:
    /// `authority` outlives it. A request that is not carried through within `lifetime` expires.
    explicit Requests(Authority& authority, std::chrono::days lifetime = std::chrono::days(30))
        : authority_(authority), lifetime_(lifetime) {}

    /// `octets`: PKCS#10 (PEM or DER) or a self-signed certificate in PEM. Only its key is taken; names are those of
    /// `order`. Returns the request as it is kept, `rejected` when it has findings (weak or known key, key seen before,
    /// no proof of possession, a private key …). Errors "ca.order", "ca.unknown", "ca.purpose", "ca.who".
    [[nodiscard]] Result<PkiRequest> submit(std::string_view who, std::string_view ca, const Order& order,
                                            ByteView octets);
    /// Same holder and names, new key; both certificates are good until the old one ends or is revoked as superseded
    /// (`pki.md` 5.5). Errors besides: "ca.not_issued", "ca.not_valid" (revoked or expired: ask for a new certificate).
    [[nodiscard]] Result<PkiRequest> submit_renewal(std::string_view who, std::string_view ca, std::string_view serial,
                                                    ByteView octets);
    /// From a machine that signed with the key of the certificate it renews, which proves who it is: enters as `verified`
    /// (by `who`), and waits for the approval of a person.
    [[nodiscard]] Result<PkiRequest> submit_signed_renewal(std::string_view who, const IssuedRecord& old,
                                                           const crypto::PublicKey& key);
    /// Errors "ca.order" (unknown reason, no cause), "ca.not_issued", "ca.already_revoked".
    [[nodiscard]] Result<PkiRequest> submit_revocation(std::string_view who, std::string_view ca,
                                                       std::string_view serial, const std::string& reason,
                                                       const std::string& cause);

    /// The applicant was reached through the registered contact channel and read the fingerprint of the key back:
    /// `key_sha256`, hex, blanks and colons ignored. `note`: how. Errors "ca.unknown_request", "ca.state",
    /// "ca.fingerprint", "ca.order" (no note), "ca.who".
    [[nodiscard]] Result<PkiRequest> verify(std::string_view who, std::string_view id, std::string_view key_sha256,
                                            const std::string& note);
    /// By a person who neither handed in nor verified it: else "ca.same_person". Carries out a revocation.
    [[nodiscard]] Result<PkiRequest> approve(std::string_view who, std::string_view id, const std::string& note);
    /// Of an approved request; may be repeated: the same certificate comes back.
    [[nodiscard]] Result<crypto::Certificate> issue(std::string_view who, std::string_view id);
    [[nodiscard]] Result<PkiRequest> reject(std::string_view who, std::string_view id, const std::string& why);

    [[nodiscard]] Result<PkiRequest> get(std::string_view id) const;  ///< error "ca.unknown_request"
    [[nodiscard]] Result<RequestPage> list(const RequestFilter& filter, const Page& page) const;
    /// The approved request for this key, if there is one.
    [[nodiscard]] Result<std::optional<PkiRequest>> approved_for(std::string_view key_sha256) const;
    /// The request for this key that is neither rejected nor expired, if there is one.
    [[nodiscard]] Result<std::optional<PkiRequest>> newest_for(std::string_view key_sha256) const;
    /// Closes what was not carried through in time; returns how many.
    Result<std::size_t> expire_due(std::string_view who);

private:
    [[nodiscard]] Result<PkiRequest> keep(PkiRequest request);
    [[nodiscard]] Result<PkiRequest> take_in(std::string_view who, RequestKind kind, std::string_view ca,
                                             const Order& order, std::string_view serial, ByteView octets);
    [[nodiscard]] Result<PkiRequest> begin(std::string_view who, RequestKind kind, std::string_view ca,
                                           const Order& order, std::string_view serial) const;
    [[nodiscard]] Result<> add_key_findings(PkiRequest& request) const;
    [[nodiscard]] Result<> move(PkiRequest& request, RequestState from);
    [[nodiscard]] Result<PkiRequest> open_request(std::string_view id, RequestState wanted) const;
    [[nodiscard]] Result<PkiRequest> do_verify(std::string_view who, std::string_view id, std::string_view key_sha256,
                                               const std::string& note);
    [[nodiscard]] Result<PkiRequest> do_approve(std::string_view who, std::string_view id, const std::string& note);
    [[nodiscard]] Result<PkiRequest> do_reject(std::string_view who, std::string_view id, const std::string& why);
    [[nodiscard]] Result<crypto::Certificate> do_issue(std::string_view who, std::string_view id);
    void told(std::string_view who, const PkiRequest& request, RequestState from) const;
    template <class T>
    Result<T> audited(std::string_view who, std::string_view id, Result<T> done) const;

    Authority& authority_;
    std::chrono::days lifetime_;
};

/// The SHA-256 of the SubjectPublicKeyInfo, hex.
[[nodiscard]] std::string fingerprint(const crypto::PublicKey& key);

}  // namespace budkavle::ca
