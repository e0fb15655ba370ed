#include "ca/register.hpp"

namespace budkavle::ca {
namespace {

Time time_of(std::int64_t number) {
    return Time(milliseconds(number));
}
std::int64_t number_of(Time at) {
    return at.time_since_epoch().count();
}

}  // namespace

Result<std::vector<std::pair<std::string, std::int64_t>>> Register::changes() const {
    std::vector<std::pair<std::string, std::int64_t>> out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows, transaction.query("SELECT id, changes FROM authority"));
        for (const auto& row : rows) out.emplace_back(row.text(0), row.integer(1));
        return {};
    }));
    return out;
}

Result<std::vector<CertificateStatus>> Register::statuses(std::string_view ca) const {
    std::vector<CertificateStatus> out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows,
                     transaction.query("SELECT serial, not_after, revoked, reason FROM certificate WHERE ca = ?1 AND "
                                       "profile <> ?2",
                                       {std::string(ca), std::string(kOcspProfile)}));
        out.reserve(rows.size());
        for (const auto& row : rows) {
            CertificateStatus one{.serial = row.text(0), .not_after = time_of(row.integer(1)), .revoked{}, .reason{}};
            if (!row.is_null(2)) {
                one.revoked = time_of(row.integer(2));
                one.reason = row.text(3);
            }
            out.push_back(std::move(one));
        }
        return {};
    }));
    return out;
}

Result<std::vector<std::pair<std::string, crypto::Certificate>>> Register::service_signers(
    std::string_view ca, std::string_view profile) const {
    std::vector<std::pair<std::string, crypto::Certificate>> out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows,
                     transaction.query("SELECT s.key_name, c.certificate FROM ocsp_signer s JOIN certificate c ON c.ca = "
                                       "s.ca AND c.serial = s.serial WHERE s.ca = ?1 AND c.profile = ?2 AND c.revoked IS NULL "
                                       "ORDER BY c.not_after DESC",
                                       {std::string(ca), std::string(profile)}));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(1)));
            out.emplace_back(row.text(0), std::move(certificate));
        }
        return {};
    }));
    return out;
}

Result<std::vector<OcspRow>> Register::ocsp_answers() const {
    std::vector<OcspRow> out;
    BUDKAVLE_CHECK(database_->read([&](store::Transaction& transaction) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows,
                     transaction.query("SELECT ca, serial, hash, revoked, made, ends, answer FROM ocsp_answer"));
        out.reserve(rows.size());
        for (const auto& row : rows) {
            out.push_back({.ca = row.text(0),
                           .serial = row.text(1),
                           .hash = static_cast<int>(row.integer(2)),
                           .revoked = row.integer(3) != 0,
                           .made = time_of(row.integer(4)),
                           .ends = time_of(row.integer(5)),
                           .answer = row.blob(6)});
        }
        return {};
    }));
    return out;
}

Result<> Register::keep_ocsp_answers(const std::vector<OcspRow>& rows) {
    return database_->write([&](store::Transaction& transaction) -> Result<> {
        for (const auto& row : rows) {
            BUDKAVLE_CHECK(transaction.execute(
                "INSERT INTO ocsp_answer (ca, serial, hash, revoked, made, ends, answer) VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
                "?7) ON CONFLICT (ca, serial, hash) DO UPDATE SET revoked = excluded.revoked, made = excluded.made, ends "
                "= excluded.ends, answer = excluded.answer WHERE ocsp_answer.revoked <= excluded.revoked",
                {row.ca, row.serial, std::int64_t{row.hash}, std::int64_t{row.revoked ? 1 : 0}, number_of(row.made),
                 number_of(row.ends), row.answer}));
        }
        return {};
    });
}

Result<std::size_t> Register::recover(std::string_view ca, const std::string& who, std::uint64_t number,
                                      const std::vector<crypto::RevokedEntry>& entries) {
    std::size_t count = 0;
    for (const auto& entry : entries) {
        const auto done = revoke(ca, entry.serial_decimal, who, {entry.at, entry.reason, "recovered from the published list"});
        if (done) ++count;
        if (done || done.error().code == "ca.already_revoked") continue;
        if (done.error().code != "ca.not_issued") return std::unexpected(done.error());
        BUDKAVLE_CHECK(database_->write([&](store::Transaction& transaction) -> Result<> {
            BUDKAVLE_TRY(const auto added,
                         transaction.execute("INSERT INTO lost_revocation (ca, serial, revoked, reason) VALUES (?1, ?2, "
                                             "?3, ?4) ON CONFLICT (ca, serial) DO NOTHING",
                                             {std::string(ca), entry.serial_decimal, number_of(entry.at), entry.reason}));
            count += static_cast<std::size_t>(added);
            return {};
        }));
    }
    BUDKAVLE_CHECK(database_->write([&](store::Transaction& transaction) -> Result<> {
        BUDKAVLE_CHECK(transaction.execute(
            "UPDATE authority SET crl_due = 1, crl_number = CASE WHEN crl_number < ?2 THEN ?2 ELSE crl_number END "
            "WHERE id = ?1",
            {std::string(ca), static_cast<std::int64_t>(number)}));
        return {};
    }));
    return count;
}

}  // namespace budkavle::ca
