#include "ca/register.hpp"

#include <array>

#include "crypto/digest.hpp"

namespace budkavle::ca {
namespace {

const std::vector<store::Migration>& migrations() {
    static const std::vector<store::Migration> all{{1, R"sql(
CREATE TABLE authority (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    parent TEXT NOT NULL,
    certificate BLOB NOT NULL,
    crl_validity BIGINT NOT NULL,
    crl_number BIGINT NOT NULL,
    crl_issued BIGINT,
    crl_due BIGINT NOT NULL
);
CREATE TABLE certificate (
    ca TEXT NOT NULL REFERENCES authority(id),
    serial TEXT NOT NULL,
    profile TEXT NOT NULL,
    certificate BLOB NOT NULL,
    key_sha256 TEXT NOT NULL UNIQUE,
    common_name TEXT NOT NULL,
    organisation TEXT NOT NULL,
    issued BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    revoked BIGINT,
    reason TEXT,
    cause TEXT,
    PRIMARY KEY (ca, serial)
);
CREATE INDEX certificate_name ON certificate (ca, common_name);
)sql"}};
    return all;
}

constexpr std::array kPurposes{CaPurpose::issuing_cas, CaPurpose::access_point, CaPurpose::smp, CaPurpose::tls,
                               CaPurpose::organisation};
constexpr std::string_view kCaColumns =
    "SELECT id, purpose, parent, certificate, crl_validity, crl_number, crl_issued, crl_due FROM authority ";

std::int64_t number_of(Time at) {
    return at.time_since_epoch().count();
}
Time time_of(std::int64_t number) {
    return Time(milliseconds(number));
}

Result<CaRecord> ca_of(const store::Row& row) {
    BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(3)));
    CaRecord out{.id = row.text(0), .parent = row.text(2), .certificate = std::move(certificate), .crl_issued{}};
    for (const auto purpose : kPurposes) {
        if (name(purpose) == row.text(1)) out.purpose = purpose;
    }
    out.crl_validity = seconds(row.integer(4));
    out.crl_number = static_cast<std::uint64_t>(row.integer(5));
    if (!row.is_null(6)) out.crl_issued = time_of(row.integer(6));
    out.crl_due = row.integer(7) != 0;
    return out;
}

std::string key_digest(const crypto::Certificate& certificate) {
    return hex_encode(crypto::sha256(certificate.public_key().spki_der()));
}

Result<> insert(store::Transaction& transaction, const IssuedRecord& record) {
    const auto& certificate = record.certificate;
    const auto key = key_digest(certificate);
    BUDKAVLE_TRY(const auto seen, transaction.query("SELECT 1 FROM certificate WHERE key_sha256 = ?1", {key}));
    if (!seen.empty()) {
        return fail("ca.key_reused", "pki.md 5.2", {}, "A certificate for this key has been issued before.",
                    "Ask for a request with a new key.");
    }
    BUDKAVLE_TRY(
        const auto others,
        transaction.query("SELECT 1 FROM certificate WHERE ca = ?1 AND common_name = ?2 AND organisation <> ?3",
                          {record.ca, record.common_name, record.organisation}));
    if (!others.empty())
        return fail("ca.name_taken", "federation.md 3", {}, "The common name belongs to another organisation.");
    auto added = transaction.execute(
        "INSERT INTO certificate (ca, serial, profile, certificate, key_sha256, common_name, organisation, issued, "
        "not_after) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        {record.ca, certificate.serial_decimal(), record.profile, certificate.der(), key, record.common_name,
         record.organisation, number_of(record.issued), number_of(certificate.not_after())});
    if (!added && added.error().code == "db.constraint") return fail("ca.serial", "The serial number was used before.");
    if (!added) return std::unexpected(std::move(added).error());
    return {};
}

}  // namespace

Result<std::unique_ptr<Register>> Register::open(const std::filesystem::path& file) {
    BUDKAVLE_TRY(auto database, store::Database::open(file, migrations()));
    return std::unique_ptr<Register>(new Register(std::move(database)));
}

Result<> Register::add_ca(const CaRecord& record, Time issued) {
    return database_->write([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(const auto same, transaction.query("SELECT 1 FROM authority WHERE id = ?1", {record.id}));
        if (!same.empty()) return fail("ca.exists", "There is a CA with this id already.");
        BUDKAVLE_CHECK(
            transaction.execute("INSERT INTO authority (id, purpose, parent, certificate, crl_validity, crl_number, "
                                "crl_due) VALUES (?1, ?2, ?3, ?4, ?5, 0, 1)",
                                {record.id, std::string(name(record.purpose)), record.parent, record.certificate.der(),
                                 std::int64_t{record.crl_validity.count()}}));
        if (record.parent.empty()) return {};
        return insert(transaction, {.ca = record.parent,
                                    .profile = "ca",
                                    .certificate = record.certificate,
                                    .common_name = record.certificate.common_name(),
                                    .organisation = record.certificate.organisation(),
                                    .issued = issued,
                                    .revocation{}});
    });
}

Result<std::vector<CaRecord>> Register::cas() const {
    std::vector<CaRecord> out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows, transaction.query(std::string(kCaColumns) + "ORDER BY id"));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(auto one, ca_of(row));
            out.push_back(std::move(one));
        }
        return {};
    }));
    return out;
}

Result<CaRecord> Register::ca(std::string_view id) const {
    std::optional<CaRecord> out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(const auto rows, transaction.query(std::string(kCaColumns) + "WHERE id = ?1", {std::string(id)}));
        if (rows.empty()) return fail("ca.unknown", "There is no CA with this id.");
        BUDKAVLE_TRY(out, ca_of(rows.front()));
        return {};
    }));
    return std::move(*out);
}

Result<> Register::add(const IssuedRecord& record) {
    return database_->write([&](store::Transaction& transaction) { return insert(transaction, record); });
}

Result<std::vector<IssuedRecord>> Register::issued_by(std::string_view ca) const {
    std::vector<IssuedRecord> out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows,
                     transaction.query(
                         "SELECT ca, profile, certificate, common_name, organisation, issued, revoked, reason, cause "
                         "FROM certificate WHERE ca = ?1 ORDER BY issued, serial",
                         {std::string(ca)}));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(2)));
            IssuedRecord one{.ca = row.text(0),
                             .profile = row.text(1),
                             .certificate = std::move(certificate),
                             .common_name = row.text(3),
                             .organisation = row.text(4),
                             .issued = time_of(row.integer(5)),
                             .revocation{}};
            if (!row.is_null(6)) one.revocation = Revocation{time_of(row.integer(6)), row.text(7), row.text(8)};
            out.push_back(std::move(one));
        }
        return {};
    }));
    return out;
}

Result<> Register::revoke(std::string_view ca, std::string_view serial, const Revocation& revocation) {
    return database_->write([&](store::Transaction& transaction) -> Result<> {
        const std::vector<store::Value> key{std::string(ca), std::string(serial)};
        BUDKAVLE_TRY(const auto rows,
                     transaction.query("SELECT revoked FROM certificate WHERE ca = ?1 AND serial = ?2", key));
        if (rows.empty()) return fail("ca.not_issued", "This CA issued no certificate with this serial number.");
        if (!rows.front().is_null(0)) return fail("ca.already_revoked", "The certificate is revoked already.");
        BUDKAVLE_CHECK(transaction.execute(
            "UPDATE certificate SET revoked = ?3, reason = ?4, cause = ?5 WHERE ca = ?1 AND serial = ?2",
            {key[0], key[1], number_of(revocation.at), revocation.reason, revocation.cause}));
        BUDKAVLE_CHECK(transaction.execute("UPDATE authority SET crl_due = 1 WHERE id = ?1", {key[0]}));
        return {};
    });
}

Result<std::vector<crypto::RevokedEntry>> Register::revoked(std::string_view ca, Time now,
                                                            std::chrono::days keep) const {
    std::vector<crypto::RevokedEntry> out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows, transaction.query("SELECT serial, revoked, reason FROM certificate WHERE ca = ?1 "
                                                        "AND revoked IS NOT NULL AND not_after > ?2",
                                                        {std::string(ca), number_of(now - keep)}));
        for (const auto& row : rows) out.push_back({row.text(0), time_of(row.integer(1)), row.text(2)});
        return {};
    }));
    return out;
}

Result<std::uint64_t> Register::next_crl_number(std::string_view ca) {
    std::int64_t out = 0;
    BUDKAVLE_CHECK(database_->write([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_CHECK(
            transaction.execute("UPDATE authority SET crl_number = crl_number + 1 WHERE id = ?1", {std::string(ca)}));
        BUDKAVLE_TRY(const auto rows,
                     transaction.query("SELECT crl_number FROM authority WHERE id = ?1", {std::string(ca)}));
        if (rows.empty()) return fail("ca.unknown", "There is no CA with this id.");
        out = rows.front().integer(0);
        return {};
    }));
    return static_cast<std::uint64_t>(out);
}

Result<> Register::crl_published(std::string_view ca, Time issued) {
    return database_->write([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_CHECK(transaction.execute("UPDATE authority SET crl_issued = ?2, crl_due = 0 WHERE id = ?1",
                                           {std::string(ca), number_of(issued)}));
        return {};
    });
}

}  // namespace budkavle::ca
