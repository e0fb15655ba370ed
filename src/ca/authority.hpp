#pragma once
/// The PKI of a platform owner on one folder: CAs, end-entity certificates, revocation, lists (`pki.md` 5.1–5.3,
/// `federation.md` 2.2, 5.4). Keys lie in encrypted PKCS#8 files and are in memory only while they sign.

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "ca/intake.hpp"
#include "ca/key_store.hpp"
#include "ca/profile.hpp"
#include "ca/register.hpp"
#include "crypto/key.hpp"
#include "obs/log.hpp"

namespace budkavle::ca {

struct AuthorityConfig {
    std::filesystem::path folder;  ///< made when absent: keys/ID.pem, publish/ID.crl, register.db
    std::optional<store::Location> register_at{};  ///< absent: FOLDER/register.db; PostgreSQL for several nodes
    SecretBytes passphrase;        ///< of the key files; at least 12 octets
    std::shared_ptr<KeyStore> keys{};  ///< absent: key files under FOLDER/keys, encrypted under the passphrase
    Owner owner;
    std::vector<std::string> base_urls;  ///< "http://pki.example.se": lists are at BASE/crl/ID.crl
    std::vector<std::string> ocsp_urls;  ///< put into new certificates; empty: none
    KeyPolicy key_policy;
    std::chrono::hours reissue{24};                  ///< a list is renewed at this age, and at once after a revocation
    std::chrono::hours crl_validity{7 * 24};         ///< nextUpdate
    std::chrono::hours root_crl_validity{180 * 24};  ///< of roots that certify CAs only
    unsigned ocsp_rsa_bits = 3072;
    std::chrono::days ocsp_signer_validity{60};  ///< 30 to 90 days (`pki.md` 5.4); renewed after the half
    std::chrono::days keep_expired{30};  ///< how long a revoked certificate stays on the list after it has expired
};

struct CaOrder {
    std::string id;           ///< [a-z0-9-]{1,40}; names the files
    std::string common_name;  ///< "Accesspunkt CA-SDK-QA"
    CaPurpose purpose = CaPurpose::access_point;
    unsigned rsa_bits = 0;          ///< 0: 4096 for roots, 3072 below
    std::chrono::days validity{0};  ///< 0: 20 years for roots, 10 below
};

/// Every act names who did it; every act and every refusal goes to the audit log. Safe for several threads and
/// processes: one writes at a time.
class Authority {
public:
    /// Errors "ca.passphrase" (too short), "key.passphrase" (wrong for a key that is there), "file.…", "db.…".
    static Result<std::unique_ptr<Authority>> open(AuthorityConfig config, obs::Log& log, const Clock& clock);

    /// Errors "ca.order", "ca.exists", "ca.unknown", "ca.purpose" (the parent does not certify CAs).
    [[nodiscard]] Result<crypto::Certificate> create_root(std::string_view who, const CaOrder& order);
    [[nodiscard]] Result<crypto::Certificate> create_ca(std::string_view who, std::string_view parent,
                                                        const CaOrder& order);

    /// An offline root (`pki.md` 5.3): the online side makes the key of an issuing CA and a request (PEM) …
    [[nodiscard]] Result<std::string> request_ca(std::string_view who, const CaOrder& order);
    /// … the offline side certifies it, taking the key alone …
    [[nodiscard]] Result<crypto::Certificate> certify_ca(std::string_view who, std::string_view parent,
                                                         const CaOrder& order, ByteView request);
    /// … and the online side enters it below the root, whose key it never has. Error "ca.offline".
    [[nodiscard]] Result<> install_ca(std::string_view who, const CaOrder& order, const crypto::Certificate& certificate,
                                      const std::string& root_id, const crypto::Certificate& root);
    /// A list that an offline root has made: signed by it, not ended, with a higher number. Error "ca.offline".
    [[nodiscard]] Result<> import_list(std::string_view who, const std::string& ca, ByteView list);
    /// After a restore of a backup (`pki.md` 5.2): `list` is the newest one that was published. What it revokes is revoked
    /// here again, and a list with a higher number is published. Returns how many revocations the backup lacked.
    [[nodiscard]] Result<std::size_t> recover(std::string_view who, const std::string& ca, ByteView list);
    /// A new list now, due or not.
    [[nodiscard]] Result<> publish_now(std::string_view who, std::string_view ca);
    /// RSA with SHA-256 over the protocol of a ceremony.
    [[nodiscard]] Result<Bytes> sign_protocol(std::string_view who, const std::string& ca, ByteView protocol);

    /// For a key whose possession is proven otherwise. Errors "ca.purpose", "ca.order", "ca.key" (refused by policy),
    /// "ca.key_reused", "ca.key_blocked", "ca.name_taken". `also` happens in the same transaction.
    using AlsoIssued = std::function<Result<>(store::Transaction&, const crypto::Certificate&)>;
    [[nodiscard]] Result<crypto::Certificate> issue(std::string_view who, std::string_view ca, const Order& order,
                                                    const crypto::PublicKey& key, const AlsoIssued& also = {});
    /// From a request: takes its key only; all names come from `order`. Also error "ca.request" with the first reason.
    [[nodiscard]] Result<crypto::Certificate> issue_for_request(std::string_view who, std::string_view ca,
                                                                const Order& order, ByteView request);

    /// `reason` as in the CRL ("keyCompromise", "superseded", …); `cause`: the outcome of the investigation, required.
    /// The new list is published before this returns. Errors "ca.order", "ca.not_issued", "ca.already_revoked"; with
    /// Retry::later the certificate is revoked and only the list is missing: `publish_due` makes up for it.
    [[nodiscard]] Result<> revoke(std::string_view who, std::string_view ca, std::string_view serial_decimal,
                                  const std::string& reason, const std::string& cause, const Also& also = {});

    [[nodiscard]] Result<std::vector<CaRecord>> cas() const { return register_->cas(); }
    [[nodiscard]] Result<std::vector<IssuedRecord>> list(std::string_view ca) const { return register_->issued_by(ca); }
    [[nodiscard]] Result<CertificatePage> certificates(const CertificateFilter& filter, const Page& page) const {
        return register_->certificates(filter, page, clock_.now());
    }
    [[nodiscard]] Result<IssuedRecord> certificate(std::string_view ca, std::string_view serial) const {
        return register_->certificate(ca, serial);
    }
    /// The CA itself first, its root last.
    [[nodiscard]] Result<std::vector<crypto::Certificate>> chain_of(std::string_view ca) const;
    /// PEM for delivery: the certificate, then its CA up to the root. Error "ca.not_issued".
    [[nodiscard]] Result<std::string> chain_pem(std::string_view ca, std::string_view serial) const;
    /// What keys of this profile must satisfy.
    [[nodiscard]] KeyPolicy key_policy(Profile profile) const;
    /// Never again certified: seen outside its holder, or bound to another environment. `key_sha256`: of the
    /// SubjectPublicKeyInfo, hex. Error "ca.order".
    [[nodiscard]] Result<> block_key(std::string_view who, std::string_view key_sha256, const std::string& why);
    [[nodiscard]] Result<std::vector<BlockedKey>> blocked_keys(const Page& page) const {
        return register_->blocked_keys(page);
    }
    /// The delegated OCSP signer of this CA with its own key; a new one is made when there is none or the newest has lived
    /// half its life. Errors "ca.unknown", "ca.purpose" (an offline root), those of signing.
    [[nodiscard]] Result<crypto::Identity> ocsp_signer(std::string_view who, std::string_view ca) {
        return service_signer(who, ca, kOcspProfile);
    }
    /// The same for another service of the CA: `kCmpProfile`.
    [[nodiscard]] Result<crypto::Identity> service_signer(std::string_view who, std::string_view ca,
                                                          std::string_view profile);
    /// Called after every issue and revocation of this process, in its thread: what is served follows at once. An empty
    /// function ends it, and waits for a call under way.
    void on_change(std::function<void()> changed);

    [[nodiscard]] Register& book() const { return *register_; }  ///< for this library
    [[nodiscard]] obs::Log& log() const { return log_; }
    [[nodiscard]] const Clock& clock() const { return clock_; }

    /// Publishes every list that is due; returns how many. Goes on after a fault and returns the first one at the end.
    Result<std::size_t> publish_due(std::string_view who);
    [[nodiscard]] std::filesystem::path publish_folder() const { return config_.folder / "publish"; }

private:
    Authority(AuthorityConfig config, std::unique_ptr<Register> book, obs::Log& log, const Clock& clock)
        : config_(std::move(config)), register_(std::move(book)), log_(log), clock_(clock) {}
    void changed() const;
    [[nodiscard]] Result<crypto::Identity> identity(const CaRecord& record) const;
    [[nodiscard]] Locations locations(std::string_view ca) const;
    [[nodiscard]] Result<> check(const CaOrder& order) const;
    [[nodiscard]] crypto::CertificateTemplate below_root(const CaOrder& order, const CaRecord& root, Time now) const;
    [[nodiscard]] Result<crypto::Certificate> create(std::string_view who, std::string_view parent,
                                                     const CaOrder& order);
    [[nodiscard]] Result<crypto::Certificate> issue_checked(std::string_view ca, const Order& order,
                                                            const crypto::PublicKey& key, const AlsoIssued& also);
    [[nodiscard]] bool is_due(const CaRecord& record, Time now) const;
    [[nodiscard]] Result<> publish(std::string_view who, const CaRecord& record);
    /// Puts the newest list of the register into the folder; true when another one was there.
    [[nodiscard]] Result<bool> place_list(const std::string& ca) const;
    void refused(std::string_view who, std::string_view ca, const Error& error);

    AuthorityConfig config_;
    std::unique_ptr<Register> register_;
    mutable std::mutex change_mutex_;
    std::function<void()> on_change_;
    obs::Log& log_;
    const Clock& clock_;
};

/// What a list revokes.
[[nodiscard]] std::vector<crypto::RevokedEntry> entries_of(const crypto::Crl& list);

}  // namespace budkavle::ca
