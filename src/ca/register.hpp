#pragma once
/// The register of a PKI: its CAs, every certificate they issued, every revocation. Inside this library.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ca/profile.hpp"
#include "crypto/certificate.hpp"
#include "crypto/issue.hpp"
#include "store/database.hpp"

namespace budkavle::ca {

struct CaRecord {
    std::string id;
    CaPurpose purpose = CaPurpose::issuing_cas;
    std::string parent;  ///< empty: a root
    crypto::Certificate certificate;
    std::chrono::seconds crl_validity{};
    std::uint64_t crl_number = 0;    ///< the last one taken
    std::optional<Time> crl_issued;  ///< thisUpdate of the last list
    bool crl_due = true;             ///< something was revoked since
    bool offline = false;            ///< its key is elsewhere: its lists are brought here
    std::int64_t changes = 0;        ///< counts what was issued and revoked: a reader sees that something is new
};

struct Revocation {
    Time at;
    std::string reason;  ///< CRL reason
    std::string cause;   ///< what the investigation found; stays in the register
};

struct IssuedRecord {
    std::string ca;
    std::string profile;  ///< a Profile's name, or "ca"
    crypto::Certificate certificate;
    std::string common_name;
    std::string organisation;
    Time issued;
    std::optional<Revocation> revocation;
};
/// What the holder's certificate was ordered as: the order of its renewal.
[[nodiscard]] Result<Order> order_of(const IssuedRecord& record);

enum class CertificateState : std::uint8_t { valid, revoked, expired };  ///< revoked also after the end
[[nodiscard]] CertificateState state_of(const IssuedRecord& record, Time now);
[[nodiscard]] std::string_view name(CertificateState state);

/// Every field that is set must fit.
struct CertificateFilter {
    std::string ca{};
    std::string profile{};
    std::string organisation{};
    std::string common_name{};
    std::string search{};  ///< part of common name, organisation, serial number or fingerprint; ASCII case ignored
    std::optional<CertificateState> state{};
    std::optional<Time> ends_before{};
};
struct Page {
    std::size_t offset = 0;
    std::size_t limit = 50;  ///< at most 500
};
struct CertificatePage {
    std::vector<IssuedRecord> rows;  ///< in order of issuing
    std::size_t total = 0;           ///< how many fit the filter
};

/// A key that is never certified, whoever asks.
struct BlockedKey {
    std::string key_sha256;  ///< of the SubjectPublicKeyInfo, hex
    std::string who;
    std::string why;
    Time at;
};

/// What an OCSP responder has to know about one certificate.
struct CertificateStatus {
    std::string serial;  ///< decimal
    Time not_after;
    std::optional<Time> revoked;
    std::string reason;
};

/// An OCSP answer made in advance.
struct OcspRow {
    std::string ca;
    std::string serial;  ///< decimal
    int hash = 0;        ///< crypto::OcspHash
    bool revoked = false;
    Time made;
    Time ends;  ///< nextUpdate
    Bytes answer;
};

/// Runs inside the transaction of the act, so that both happen or neither.
using Also = std::function<Result<>(store::Transaction&)>;

class Register {
public:
    /// A file, or a schema on a PostgreSQL server for several nodes.
    static Result<std::unique_ptr<Register>> open(const store::Location& location);

    /// Error "ca.exists". A CA below another one is also entered as issued by it.
    [[nodiscard]] Result<> add_ca(const CaRecord& record, Time issued);
    [[nodiscard]] Result<CaRecord> ca(std::string_view id) const;  ///< error "ca.unknown"
    [[nodiscard]] Result<std::vector<CaRecord>> cas() const;

    /// Errors "ca.serial" (try again with another), "ca.key_reused", "ca.key_blocked", "ca.name_taken" (the common name
    /// is another organisation's).
    [[nodiscard]] Result<> add(const IssuedRecord& record, const Also& also = {});
    [[nodiscard]] Result<std::vector<IssuedRecord>> issued_by(std::string_view ca) const;
    [[nodiscard]] Result<CertificatePage> certificates(const CertificateFilter& filter, const Page& page,
                                                       Time now) const;
    [[nodiscard]] Result<IssuedRecord> certificate(std::string_view ca, std::string_view serial) const;  ///< "ca.not_issued"
    [[nodiscard]] Result<std::optional<IssuedRecord>> by_fingerprint(std::string_view sha256_hex) const;
    /// Was a certificate issued for this key, or is it blocked? Nothing, "ca.key_reused" or "ca.key_blocked".
    [[nodiscard]] Result<> check_key(std::string_view key_sha256) const;
    /// A key revoked as compromised is blocked in the same act. Errors "ca.not_issued", "ca.already_revoked".
    [[nodiscard]] Result<> revoke(std::string_view ca, std::string_view serial, const std::string& who,
                                  const Revocation& revocation, const Also& also = {});
    [[nodiscard]] Result<> block_key(const BlockedKey& key);  ///< again: nothing changes
    [[nodiscard]] Result<std::vector<BlockedKey>> blocked_keys(const Page& page) const;
    /// What the next list of this CA has to hold: revoked, and not expired for more than `keep`.
    [[nodiscard]] Result<std::vector<crypto::RevokedEntry>> revoked(std::string_view ca, Time now,
                                                                    std::chrono::days keep) const;
    /// After a restore: what the last published list revoked stays revoked, also numbers that this register no longer
    /// knows, and the next list has a higher number. Returns how many entries were new here.
    [[nodiscard]] Result<std::size_t> recover(std::string_view ca, const std::string& who, std::uint64_t number,
                                              const std::vector<crypto::RevokedEntry>& entries);
    /// Taken before the list is made, so that no two lists ever share a number, whatever fails in between.
    [[nodiscard]] Result<std::uint64_t> next_crl_number(std::string_view ca);
    /// Enters a list unless one with a higher number is there already (another node was quicker). True: it is the
    /// newest.
    [[nodiscard]] Result<bool> crl_published(std::string_view ca, std::uint64_t number, ByteView list, Time issued);
    /// The newest list, with its number; 0 when there is none.
    [[nodiscard]] Result<std::pair<std::uint64_t, Bytes>> crl(std::string_view ca) const;

    /// `CaRecord::changes` of every CA.
    [[nodiscard]] Result<std::vector<std::pair<std::string, std::int64_t>>> changes() const;
    [[nodiscard]] Result<std::vector<CertificateStatus>> statuses(std::string_view ca) const;
    /// Signers of this CA's service (`kOcspProfile`, `kCmpProfile`) with the names of their keys, newest first.
    [[nodiscard]] Result<std::vector<std::pair<std::string, crypto::Certificate>>> service_signers(
        std::string_view ca, std::string_view profile) const;
    [[nodiscard]] Result<std::vector<OcspRow>> ocsp_answers() const;
    [[nodiscard]] Result<> keep_ocsp_answers(const std::vector<OcspRow>& rows);

    [[nodiscard]] store::Database& database() const { return *database_; }

private:
    explicit Register(std::unique_ptr<store::Database> database) : database_(std::move(database)) {}
    std::unique_ptr<store::Database> database_;
};

}  // namespace budkavle::ca
