#include "ca/register.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ca/schema.hpp"
#include "crypto/digest.hpp"

namespace budkavle::ca {
namespace {

constexpr std::size_t kMaxPage = 500;
constexpr std::string_view kCaColumns =
    "SELECT id, purpose, parent, certificate, crl_validity, crl_number, crl_issued, crl_due, changes, offline FROM authority ";

std::int64_t number_of(Time at) {
    return at.time_since_epoch().count();
}
Time time_of(std::int64_t number) {
    return Time(milliseconds(number));
}

Result<CaRecord> ca_of(const store::Row& row) {
    BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(3)));
    CaRecord out{.id = row.text(0), .parent = row.text(2), .certificate = std::move(certificate), .crl_issued{}};
    out.purpose = purpose_from(row.text(1)).value_or(CaPurpose::issuing_cas);
    out.crl_validity = seconds(row.integer(4));
    out.crl_number = static_cast<std::uint64_t>(row.integer(5));
    if (!row.is_null(6)) out.crl_issued = time_of(row.integer(6));
    out.crl_due = row.integer(7) != 0;
    out.changes = row.integer(8);
    out.offline = row.integer(9) != 0;
    return out;
}

std::unexpected<Error> not_issued() {
    return fail("ca.not_issued", "This CA issued no certificate with this serial number.");
}

std::string search_text(const IssuedRecord& record) {
    return to_lower_ascii(fmt::format("{}\n{}\n{}\n{}", record.common_name, record.organisation,
                                      record.certificate.serial_decimal(), record.certificate.sha256_hex()));
}

Result<> block(store::Transaction& transaction, const BlockedKey& key) {
    BUDKAVLE_CHECK(transaction.execute(
        "INSERT INTO blocked_key (key_sha256, who, why, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key_sha256) DO NOTHING",
        {key.key_sha256, key.who, key.why, number_of(key.at)}));
    return {};
}

std::string key_digest(const crypto::Certificate& certificate) {
    return hex_encode(crypto::sha256(certificate.public_key().spki_der()));
}

Result<> check_unused(store::Transaction& transaction, const std::string& key) {
    BUDKAVLE_TRY(const auto seen, transaction.query("SELECT 1 FROM certificate WHERE key_sha256 = ?1", {key}));
    if (!seen.empty()) {
        return fail("ca.key_reused", "pki.md 5.2", {}, "A certificate for this key has been issued before.",
                    "Ask for a request with a new key.");
    }
    BUDKAVLE_TRY(const auto blocked, transaction.query("SELECT 1 FROM blocked_key WHERE key_sha256 = ?1", {key}));
    if (!blocked.empty())
        return fail("ca.key_blocked", "pki.md 5.2", {}, "This key is blocked.", "Ask for a request with a new key.");
    return {};
}

Result<> insert(store::Transaction& transaction, const IssuedRecord& record) {
    const auto& certificate = record.certificate;
    const auto key = key_digest(certificate);
    BUDKAVLE_CHECK(check_unused(transaction, key));
    BUDKAVLE_TRY(
        const auto others,
        transaction.query("SELECT 1 FROM certificate WHERE ca = ?1 AND common_name = ?2 AND organisation <> ?3",
                          {record.ca, record.common_name, record.organisation}));
    if (!others.empty())
        return fail("ca.name_taken", "federation.md 3", {}, "The common name belongs to another organisation.");
    auto added = transaction.execute(
        "INSERT INTO certificate (ca, serial, profile, certificate, key_sha256, common_name, organisation, issued, "
        "not_after, sha256, search) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        {record.ca, certificate.serial_decimal(), record.profile, certificate.der(), key, record.common_name,
         record.organisation, number_of(record.issued), number_of(certificate.not_after()),
         certificate.sha256_hex(), search_text(record)});
    if (!added && added.error().code == "db.constraint") return fail("ca.serial", "The serial number was used before.");
    if (!added) return std::unexpected(std::move(added).error());
    BUDKAVLE_CHECK(transaction.execute("UPDATE authority SET changes = changes + 1 WHERE id = ?1", {record.ca}));
    return {};
}

constexpr std::string_view kCertificateColumns =
    "SELECT ca, profile, certificate, common_name, organisation, issued, revoked, reason, cause "
    "FROM certificate ";

Result<IssuedRecord> issued_of(const store::Row& row) {
    BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(2)));
    IssuedRecord one{.ca = row.text(0),
                     .profile = row.text(1),
                     .certificate = std::move(certificate),
                     .common_name = row.text(3),
                     .organisation = row.text(4),
                     .issued = time_of(row.integer(5)),
                     .revocation{}};
    if (!row.is_null(6)) one.revocation = Revocation{time_of(row.integer(6)), row.text(7), row.text(8)};
    return one;
}

Result<std::vector<IssuedRecord>> all_of(store::Database& database, const std::string& where,
                                         const std::vector<store::Value>& values) {
    std::vector<IssuedRecord> out;
    BUDKAVLE_CHECK(database.read([&](store::Transaction& transaction) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows, transaction.query(std::string(kCertificateColumns) + where, values));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(auto one, issued_of(row));
            out.push_back(std::move(one));
        }
        return {};
    }));
    return out;
}

/// Conditions and their numbered values.
class Where {
public:
    void add(std::string_view condition, store::Value value) {
        values_.push_back(std::move(value));
        text_ += fmt::format("{} {} ?{}", text_.empty() ? "WHERE" : " AND", condition, values_.size());
    }
    void add(std::string_view condition) { text_ += fmt::format("{} {}", text_.empty() ? "WHERE" : " AND", condition); }
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] const std::vector<store::Value>& values() const { return values_; }

private:
    std::string text_;
    std::vector<store::Value> values_;
};

/// `%` and `_` of the text stand for themselves.
std::string like(std::string_view text) {
    std::string out = "%";
    for (const char c : to_lower_ascii(text)) {
        if (c == '%' || c == '_' || c == '!') out += '!';
        out += c;
    }
    return out + "%";
}

Where where_of(const CertificateFilter& filter, Time now) {
    Where out;
    if (!filter.ca.empty()) out.add("ca =", filter.ca);
    if (!filter.profile.empty()) out.add("profile =", filter.profile);
    if (!filter.organisation.empty()) out.add("organisation =", filter.organisation);
    if (!filter.common_name.empty()) out.add("common_name =", filter.common_name);
    if (filter.ends_before) out.add("not_after <", number_of(*filter.ends_before));
    if (filter.state == CertificateState::revoked) out.add("revoked IS NOT NULL");
    if (filter.state && *filter.state != CertificateState::revoked) {
        out.add("revoked IS NULL");
        out.add(*filter.state == CertificateState::valid ? "not_after >" : "not_after <=", number_of(now));
    }
    if (!filter.search.empty()) out.add("search LIKE", like(filter.search));  // the last: ESCAPE follows
    return out;
}

}  // namespace

Result<std::unique_ptr<Register>> Register::open(const store::Location& location) {
    BUDKAVLE_TRY(auto database, store::Database::open_at(location, migrations()));
    // Entries older than the search column.
    BUDKAVLE_TRY(const auto old, all_of(*database, "WHERE search = ''", {}));
    for (const auto& record : old) {
        BUDKAVLE_CHECK(database->write([&](store::Transaction& transaction) -> Result<> {
            BUDKAVLE_CHECK(transaction.execute(
                "UPDATE certificate SET search = ?3, sha256 = ?4 WHERE ca = ?1 AND serial = ?2",
                {record.ca, record.certificate.serial_decimal(), search_text(record), record.certificate.sha256_hex()}));
            return {};
        }));
    }
    return std::unique_ptr<Register>(new Register(std::move(database)));
}

Result<> Register::add_ca(const CaRecord& record, Time issued) {
    return database_->write([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(const auto same, transaction.query("SELECT 1 FROM authority WHERE id = ?1", {record.id}));
        if (!same.empty()) return fail("ca.exists", "There is a CA with this id already.");
        BUDKAVLE_CHECK(
            transaction.execute("INSERT INTO authority (id, purpose, parent, certificate, crl_validity, crl_number, "
                                "crl_due, offline) VALUES (?1, ?2, ?3, ?4, ?5, 0, 1, ?6)",
                                {record.id, std::string(name(record.purpose)), record.parent, record.certificate.der(),
                                 std::int64_t{record.crl_validity.count()}, std::int64_t{record.offline ? 1 : 0}}));
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

Result<> Register::add(const IssuedRecord& record, const Also& also) {
    return database_->write([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_CHECK(insert(transaction, record));
        return also ? also(transaction) : Result<>{};
    });
}

Result<std::vector<IssuedRecord>> Register::issued_by(std::string_view ca) const {
    return all_of(*database_, "WHERE ca = ?1 ORDER BY issued, serial", {std::string(ca)});
}

Result<CertificatePage> Register::certificates(const CertificateFilter& filter, const Page& page, Time now) const {
    const auto where = where_of(filter, now);
    const auto text = where.text() + (filter.search.empty() ? "" : " ESCAPE '!'");
    CertificatePage out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(const auto rows, transaction.query("SELECT COUNT(*) FROM certificate " + text, where.values()));
        out.total = static_cast<std::size_t>(rows.front().integer(0));
        return {};
    }));
    BUDKAVLE_TRY(out.rows, all_of(*database_,
                                  fmt::format("{} ORDER BY issued, ca, serial LIMIT {} OFFSET {}", text,
                                              std::min(page.limit, kMaxPage), page.offset),
                                  where.values()));
    return out;
}

Result<IssuedRecord> Register::certificate(std::string_view ca, std::string_view serial) const {
    BUDKAVLE_TRY(auto found,
                 all_of(*database_, "WHERE ca = ?1 AND serial = ?2", {std::string(ca), std::string(serial)}));
    if (found.empty()) return not_issued();
    return std::move(found.front());
}

Result<std::optional<IssuedRecord>> Register::by_fingerprint(std::string_view sha256_hex) const {
    BUDKAVLE_TRY(auto found, all_of(*database_, "WHERE sha256 = ?1", {std::string(sha256_hex)}));
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

Result<> Register::check_key(std::string_view key_sha256) const {
    return database_->read(
        [&](store::Transaction& transaction) { return check_unused(transaction, std::string(key_sha256)); });
}

Result<> Register::revoke(std::string_view ca, std::string_view serial, const std::string& who,
                          const Revocation& revocation, const Also& also) {
    return database_->write([&](store::Transaction& transaction) -> Result<> {
        const std::vector<store::Value> key{std::string(ca), std::string(serial)};
        BUDKAVLE_TRY(const auto rows, transaction.query(
                                          "SELECT revoked, key_sha256 FROM certificate WHERE ca = ?1 AND serial = ?2",
                                          key));
        if (rows.empty()) return not_issued();
        if (!rows.front().is_null(0)) return fail("ca.already_revoked", "The certificate is revoked already.");
        BUDKAVLE_CHECK(transaction.execute(
            "UPDATE certificate SET revoked = ?3, reason = ?4, cause = ?5 WHERE ca = ?1 AND serial = ?2",
            {key[0], key[1], number_of(revocation.at), revocation.reason, revocation.cause}));
        BUDKAVLE_CHECK(
            transaction.execute("UPDATE authority SET crl_due = 1, changes = changes + 1 WHERE id = ?1", {key[0]}));
        if (revocation.reason == "keyCompromise")
            BUDKAVLE_CHECK(block(transaction, {rows.front().text(1), who, "keyCompromise", revocation.at}));
        return also ? also(transaction) : Result<>{};
    });
}

Result<> Register::block_key(const BlockedKey& key) {
    return database_->write([&](store::Transaction& transaction) { return block(transaction, key); });
}

Result<std::vector<BlockedKey>> Register::blocked_keys(const Page& page) const {
    std::vector<BlockedKey> out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows,
                     transaction.query(fmt::format("SELECT key_sha256, who, why, at FROM blocked_key ORDER BY at, "
                                                   "key_sha256 LIMIT {} OFFSET {}",
                                                   std::min(page.limit, kMaxPage), page.offset)));
        for (const auto& row : rows) out.push_back({row.text(0), row.text(1), row.text(2), time_of(row.integer(3))});
        return {};
    }));
    return out;
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
        BUDKAVLE_TRY(const auto lost,
                     transaction.query("SELECT serial, revoked, reason FROM lost_revocation WHERE ca = ?1", {std::string(ca)}));
        for (const auto& row : lost) out.push_back({row.text(0), time_of(row.integer(1)), row.text(2)});
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

Result<bool> Register::crl_published(std::string_view ca, std::uint64_t number, ByteView list, Time issued) {
    std::int64_t changed = 0;
    BUDKAVLE_CHECK(database_->write([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(changed, transaction.execute("UPDATE authority SET crl_issued = ?2, crl_due = 0, crl = ?3, "
                                                  "crl_published = ?4 WHERE id = ?1 AND crl_published < ?4",
                                                  {std::string(ca), number_of(issued), Bytes(list.begin(), list.end()),
                                                   static_cast<std::int64_t>(number)}));
        return {};
    }));
    return changed == 1;
}

Result<std::pair<std::uint64_t, Bytes>> Register::crl(std::string_view ca) const {
    std::pair<std::uint64_t, Bytes> out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_TRY(const auto rows, transaction.query("SELECT crl_published, crl FROM authority WHERE id = ?1",
                                                        {std::string(ca)}));
        if (rows.empty()) return fail("ca.unknown", "There is no CA with this id.");
        out = {static_cast<std::uint64_t>(rows.front().integer(0)), rows.front().blob(1)};
        return {};
    }));
    return out;
}

}  // namespace budkavle::ca
