#pragma once
/// The register of a PKI: its CAs, every certificate they issued, every revocation. Inside this library.

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

class Register {
public:
    static Result<std::unique_ptr<Register>> open(const std::filesystem::path& file);

    /// Error "ca.exists". A CA below another one is also entered as issued by it.
    [[nodiscard]] Result<> add_ca(const CaRecord& record, Time issued);
    [[nodiscard]] Result<CaRecord> ca(std::string_view id) const;  ///< error "ca.unknown"
    [[nodiscard]] Result<std::vector<CaRecord>> cas() const;

    /// Errors "ca.serial" (try again with another), "ca.key_reused", "ca.name_taken" (the common name is another
    /// organisation's).
    [[nodiscard]] Result<> add(const IssuedRecord& record);
    [[nodiscard]] Result<std::vector<IssuedRecord>> issued_by(std::string_view ca) const;
    /// Errors "ca.not_issued", "ca.already_revoked".
    [[nodiscard]] Result<> revoke(std::string_view ca, std::string_view serial, const Revocation& revocation);
    /// What the next list of this CA has to hold: revoked, and not expired for more than `keep`.
    [[nodiscard]] Result<std::vector<crypto::RevokedEntry>> revoked(std::string_view ca, Time now,
                                                                    std::chrono::days keep) const;
    /// Taken before the list is made, so that no two lists ever share a number, whatever fails in between.
    [[nodiscard]] Result<std::uint64_t> next_crl_number(std::string_view ca);
    [[nodiscard]] Result<> crl_published(std::string_view ca, Time issued);

private:
    explicit Register(std::unique_ptr<store::Database> database) : database_(std::move(database)) {}
    std::unique_ptr<store::Database> database_;
};

}  // namespace budkavle::ca
