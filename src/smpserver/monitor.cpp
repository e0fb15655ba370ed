// Once a day: is everything that is published still good (`certpub.md`, SEC-120, SEC-123)?
#include <chrono>
#include <map>
#include <set>

#include "base/bytes.hpp"
#include "crypto/expiry.hpp"
#include "smpserver/register_state.hpp"
#include "smpserver/schema.hpp"

namespace budkavle::smpserver {
namespace {

using store::Transaction;
using store::Value;

constexpr std::chrono::hours kDay{24};
constexpr std::chrono::hours kWeek{24 * 7};

/// One use of a certificate that is published.
struct Use {
    ObjectRef object;
    crypto::Certificate certificate;
    CertificateUse use = CertificateUse::signing;
};
struct Found {
    std::string kind;
    std::string detail;
    int threshold = 0;  ///< days; expiry only
};

/// A few at a time, in order of participant: the daily check may not hold everything in memory.
Result<std::vector<Use>> participant_uses(Transaction& tx, const std::string& after, std::size_t limit) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT m.id, m.operator, c.purpose, b.der FROM members m JOIN member_certificates c ON "
                          "c.participant = m.folded JOIN certificate_bodies b ON b.sha256 = c.sha256 WHERE m.folded IN "
                          "(SELECT folded FROM members WHERE folded > ?1 ORDER BY folded LIMIT " +
                              std::to_string(limit) + ") AND m.publish_state <> 'none' ORDER BY m.folded",
                          {after}));
    std::vector<Use> out;
    for (const auto& row : rows) {
        BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(3)));
        out.push_back({{ObjectKind::participant, row.text(1), row.text(0)},
                       std::move(certificate),
                       parse_certificate_use(row.text(2)).value_or(CertificateUse::signing)});
    }
    return out;
}

Result<std::vector<Use>> endpoint_uses(Transaction& tx) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT t.operator, t.name, b.der FROM templates t JOIN certificate_bodies b "
                          "ON b.sha256 = t.certificate"));
    std::vector<Use> out;
    for (const auto& row : rows) {
        BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(2)));
        out.push_back({{ObjectKind::endpoint, row.text(0), row.text(1)}, std::move(certificate)});
    }
    return out;
}

std::optional<Found> trust_of(const Use& use, const Proof& proof, Time now) {
    const bool point = use.object.kind == ObjectKind::endpoint;
    const auto& trust = point ? proof.ap_trust : proof.o2o_trust;
    if (!trust) return std::nullopt;
    crypto::TrustPolicy policy;
    policy.at = now;
    policy.revocation = proof.revocation;
    policy.anchor_must_issue = point;
    policy.use = use.use == CertificateUse::encryption && !point ? crypto::LeafUse::encipher : crypto::LeafUse::sign;
    const auto good = trust->check(use.certificate, {}, *proof.crls, policy);
    if (good || good.error().code == "trust.expired") return std::nullopt;
    const auto& code = good.error().code;
    if (code == "trust.revoked") return Found{"revoked", good.error().text};
    if (code == "trust.revocation_unavailable") return Found{"revocation_unknown", good.error().text};
    return Found{"untrusted", good.error().text};
}

std::optional<Found> expiry_of(const Use& use, Time now) {
    const auto days = crypto::days_until_end(use.certificate, now);
    if (days < 0) return Found{"expired", format_utc(use.certificate.not_after()), 0};
    for (const int threshold : {7, 30, 90}) {
        if (days < threshold) return Found{"expires", format_utc(use.certificate.not_after()), threshold};
    }
    return std::nullopt;
}

std::string scope_of(const ObjectRef& object) {
    return object.kind == ObjectKind::endpoint ? object.operator_id : std::string();
}

/// Writes the finding; true when it is news: not known, or a nearer threshold. Revocation is told every day.
Result<bool> keep(Transaction& tx, const Use& use, const Found& found, Time now) {
    const std::vector<Value> key{std::string(to_string(use.object.kind)), scope_of(use.object), use.object.key,
                                 use.certificate.sha256_hex(), found.kind};
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT threshold FROM findings WHERE kind = ?1 AND scope = ?2 AND object = ?3 "
                          "AND sha256 = ?4 AND finding = ?5",
                          key));
    auto all = key;
    all.insert(all.end(), {Value(use.object.operator_id), Value(found.detail), Value(std::int64_t{found.threshold}),
                           Value(stored(now))});
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO findings(kind, scope, object, sha256, finding, operator, detail, threshold, at) VALUES(?1, ?2, "
        "?3, ?4, "
        "?5, ?6, ?7, ?8, ?9) ON CONFLICT(kind, scope, object, sha256, finding) DO UPDATE SET detail = excluded.detail, "
        "operator = excluded.operator, threshold = excluded.threshold, at = excluded.at",
        all));
    return rows.empty() || found.kind == "revoked" || found.kind == "expired" ||
           rows.front().integer(0) > found.threshold;
}

void tell(obs::Log& log, const Use& use, const Found& found) {
    const bool alarm = found.kind == "revoked" || found.kind == "expired";
    log.technical(alarm ? obs::Level::error : obs::Level::warning,
                  alarm ? "alarm.published_certificate_" + found.kind : "smp.published_certificate_" + found.kind,
                  {{"object", use.object.key},
                   {"operator", use.object.operator_id},
                   {"certificateSha256", use.certificate.sha256_hex()},
                   {"days", std::int64_t{found.threshold}},
                   {"detail", found.detail}});
}

/// Rows of removals older than about a week are forgotten; a node that was away longer reads everything.
Result<> forget_removals(Transaction& tx, Time now) {
    BUDKAVLE_TRY(const auto mark, tx.query("SELECT name, at FROM daily_runs WHERE name IN ('removals.time', "
                                           "'removals.version')"));
    std::map<std::string, std::int64_t> marks;
    for (const auto& row : mark) marks[row.text(0)] = row.integer(1);
    if (marks.contains("removals.time") && now - Time(milliseconds(marks["removals.time"])) < kWeek) return {};
    if (const auto found = marks.find("removals.version"); found != marks.end()) {
        BUDKAVLE_CHECK(tx.execute("DELETE FROM answers WHERE body IS NULL AND seq <= ?1", {found->second}));
        BUDKAVLE_CHECK(tx.execute("UPDATE smp_state SET complete_from = ?1 WHERE id = 1", {found->second}));
    }
    BUDKAVLE_CHECK(tx.execute("DELETE FROM daily_runs WHERE name IN ('removals.time', 'removals.version')"));
    BUDKAVLE_CHECK(tx.execute("INSERT INTO daily_runs(name, at) VALUES('removals.time', ?1)", {stored(now)}));
    BUDKAVLE_CHECK(tx.execute("INSERT INTO daily_runs(name, at) SELECT 'removals.version', version FROM smp_state"));
    return {};
}

}  // namespace

/// Network (lists that a gatherer fetches) and database are never held together.
Result<bool> Register::State::run_monitor() {
    const auto now = clock.now();
    bool due = false;
    BUDKAVLE_CHECK(database->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT at FROM daily_runs WHERE name = 'certificates'"));
        due = rows.empty() || now - Time(milliseconds(rows.front().integer(0))) >= kDay;
        return {};
    }));
    if (!due) return false;
    std::size_t checked = 0;
    const auto examine = [&](const std::vector<Use>& uses) -> Result<> {
        std::vector<std::pair<const Use*, Found>> found;
        for (const auto& use : uses) {
            if (auto one = trust_of(use, proof, now)) found.emplace_back(&use, *std::move(one));
            if (auto one = expiry_of(use, now)) found.emplace_back(&use, *std::move(one));
        }
        checked += uses.size();
        if (found.empty()) return {};
        std::vector<std::size_t> news;
        BUDKAVLE_CHECK(database->write([&](Transaction& tx) -> Result<> {
            news.clear();
            for (std::size_t i = 0; i < found.size(); ++i) {
                BUDKAVLE_TRY(const bool is_news, keep(tx, *found[i].first, found[i].second, now));
                if (is_news) news.push_back(i);
            }
            return {};
        }));
        for (const auto i : news) tell(log, *found[i].first, found[i].second);
        return {};
    };
    std::vector<Use> uses;
    BUDKAVLE_CHECK(database->read([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(uses, endpoint_uses(tx));
        return {};
    }));
    BUDKAVLE_CHECK(examine(uses));
    std::string after;
    while (true) {
        std::string last;
        BUDKAVLE_CHECK(database->read([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto rows,
                         tx.query("SELECT folded FROM members WHERE folded > ?1 ORDER BY folded LIMIT 500", {after}));
            last = rows.empty() ? std::string() : rows.back().text(0);
            BUDKAVLE_TRY(uses, participant_uses(tx, after, 500));
            return {};
        }));
        if (last.empty()) break;
        BUDKAVLE_CHECK(examine(uses));
        after = last;
    }
    BUDKAVLE_CHECK(database->write([&](Transaction& tx) -> Result<> {
        // What was not found again is over.
        BUDKAVLE_CHECK(tx.execute("DELETE FROM findings WHERE at < ?1", {stored(now)}));
        BUDKAVLE_CHECK(forget_removals(tx, now));
        BUDKAVLE_CHECK(tx.execute("DELETE FROM daily_runs WHERE name = 'certificates'"));
        BUDKAVLE_CHECK(tx.execute("INSERT INTO daily_runs(name, at) VALUES('certificates', ?1)", {stored(now)}));
        return {};
    }));
    log.technical(obs::Level::info, "smp.certificates_checked", {{"certificates", static_cast<std::int64_t>(checked)}});
    return false;
}

Result<Listed<CertificateFinding>> Register::findings(const Actor& actor, const Page& page) const {
    BUDKAVLE_CHECK(check_role(actor, Act::read));
    const auto limit = limit_of(page);
    Listed<CertificateFinding> out;
    BUDKAVLE_CHECK(state_->database->read([&](Transaction& tx) -> Result<> {
        out = {};
        std::vector<Value> parameters{page.after, static_cast<std::int64_t>(limit + 1)};
        const auto own = only_own(actor, parameters);
        const std::string key = "kind || ' ' || scope || ' ' || object || ' ' || sha256 || ' ' || finding";
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT kind, operator, object, sha256, finding, detail, at, " + key +
                                  " FROM findings WHERE " + key + " > ?1" + own + " ORDER BY " + key + " LIMIT ?2",
                              parameters));
        for (const auto& row : rows) {
            if (out.items.size() == limit) break;
            out.items.push_back(
                {{parse_object_kind(row.text(0)).value_or(ObjectKind::participant), row.text(1), row.text(2)},
                 row.text(3),
                 row.text(4),
                 row.text(5),
                 Time(milliseconds(row.integer(6)))});
            if (out.items.size() == limit && rows.size() > limit) out.next = row.text(7);
        }
        return {};
    }));
    return out;
}

}  // namespace budkavle::smpserver
