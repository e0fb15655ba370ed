#include "smpserver/invariants.hpp"

#include "base/bytes.hpp"
#include "crypto/digest.hpp"
#include "smpserver/records.hpp"
#include "smpserver/schema.hpp"
#include "smpserver/work.hpp"

namespace budkavle::smpserver {
namespace {

using store::Transaction;
using store::Value;

constexpr std::chrono::hours kLongestBulk{1};

struct Question {
    std::string_view invariant;
    std::string_view text;
    std::string sql;     ///< two columns: the subject, and more text
    bool timed = false;  ///< ?1: what is older is overdue
};

std::vector<Question> questions() {
    const std::string visible(kVisible);
    return {
        {"state", "It should be seen outside, and is neither published nor queued.",
         "SELECT m.id, '' FROM members m WHERE m.publish_state = 'none' AND " + visible},
        {"state", "It should not be seen outside, and is published or queued.",
         "SELECT m.id, '' FROM members m WHERE m.publish_state <> 'none' AND NOT (" + visible + ")"},
        {"answers", "It is published without a service group.",
         "SELECT m.id, '' FROM members m WHERE m.publish_state = 'published' AND NOT EXISTS(SELECT 1 FROM "
         "answers a WHERE a.participant = m.folded AND a.document = '' AND a.body IS NOT NULL)"},
        {"answers", "A service of it has no answer:",
         "SELECT DISTINCT m.id, v.document FROM members m JOIN member_services v ON v.participant = m.folded WHERE "
         "m.publish_state = 'published' AND NOT EXISTS(SELECT 1 FROM answers a WHERE a.participant = m.folded "
         "AND a.document = v.document AND a.body IS NOT NULL)"},
        {"answers", "There is an answer that nothing in the register calls for:",
         "SELECT a.id, a.document FROM answers a LEFT JOIN members m ON m.folded = a.participant WHERE "
         "a.body IS NOT NULL AND (m.folded IS NULL OR m.publish_state = 'none' OR (m.publish_state = 'published' AND "
         "a.document <> '' AND NOT EXISTS(SELECT 1 FROM member_services v WHERE v.participant = m.folded AND "
         "v.document = a.document)))"},
        {"body", "The octets of an answer are gone:",
         "SELECT a.id, a.document FROM answers a LEFT JOIN answer_bodies b ON b.id = a.body WHERE a.body "
         "IS NOT NULL AND b.id IS NULL"},
        {"wish", "It is published, and the locator is not asked to register it.",
         "SELECT m.id, '' FROM members m LEFT JOIN locator_queue q ON q.participant = m.folded AND q.wanted = 1 WHERE "
         "m.publish_state = 'published' AND q.participant IS NULL"},
        {"wish", "It is not published, and the locator is asked to register it.",
         "SELECT q.id, '' FROM locator_queue q LEFT JOIN members m ON m.folded = q.participant WHERE q.wanted "
         "= 1 AND (m.folded IS NULL OR m.publish_state = 'none')"},
        {"publishing", "Publishing it does not succeed:",
         "SELECT m.id, m.publish_error FROM members m WHERE m.publish_state = 'failed' OR (m.publish_state = 'queued' "
         "AND m.publish_due < ?1)", true},
        {"registering", "The locator has not taken it:",
         "SELECT q.id, q.error FROM locator_queue q WHERE q.state = 'failed' OR (q.state = 'queued' AND q.due < ?1)", true},
        {"planned", "The planned change is overdue.", "SELECT id, '' FROM planned WHERE state = 'planned' AND at < ?1", true},
    };
}

/// Octets against the digest under which they are served.
Result<> check_bodies(Transaction& tx, std::vector<Violation>& into) {
    std::string after;
    std::string document;
    while (true) {
        BUDKAVLE_TRY(const auto rows,
                     tx.query("SELECT a.participant, a.document, a.id, a.etag, b.octets FROM answers a JOIN "
                              "answer_bodies b ON b.id = a.body WHERE (a.participant > ?1 OR (a.participant = ?1 AND "
                              "a.document > ?2)) ORDER BY a.participant, a.document LIMIT 500",
                              {after, document}));
        for (const auto& row : rows) {
            if (row.text(3) != "\"" + hex_encode(crypto::sha256(row.blob(4))) + "\"")
                into.push_back({"body", row.text(2), "The octets of an answer have changed: " + row.text(1)});
        }
        if (rows.empty()) return {};
        after = rows.back().text(0);
        document = rows.back().text(1);
    }
}

}  // namespace

Result<std::vector<Violation>> check_invariants(store::Database& database, Time now, std::chrono::seconds patience) {
    std::vector<Violation> out;
    BUDKAVLE_CHECK(database.read([&](Transaction& tx) -> Result<> {
        out.clear();
        for (const auto& question : questions()) {
            std::vector<Value> parameters;
            if (question.timed) parameters.emplace_back(stored(now - patience));
            BUDKAVLE_TRY(const auto rows, tx.query(question.sql, parameters));
            for (const auto& row : rows) {
                const auto more = row.text(1);
                out.push_back({std::string(question.invariant), row.text(0),
                               std::string(question.text) + (more.empty() ? "" : " " + more)});
            }
        }
        BUDKAVLE_TRY(const auto bulks, tx.query("SELECT id, error FROM bulks WHERE state = 'signing' AND started < ?1",
                                                {stored(now - patience - kLongestBulk)}));
        for (const auto& row : bulks) out.push_back({"bulk", row.text(0), "The bulk change does not end: " + row.text(1)});
        return check_bodies(tx, out);
    }));
    return out;
}

Result<std::vector<Published>> read_published(store::Database& database, const std::string& after, std::size_t limit) {
    std::vector<Published> out;
    BUDKAVLE_CHECK(database.read([&](Transaction& tx) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(auto records, list_participants(tx, "", {}, after, limit));
        std::map<std::string, std::size_t> places;
        for (auto& record : records) {
            places[record.id.folded()] = out.size();
            out.push_back({.record = std::move(record)});
        }
        if (out.empty()) return {};
        const std::vector<Value> range{out.front().record.id.folded(), out.back().record.id.folded()};
        BUDKAVLE_TRY(const auto members,
                     tx.query("SELECT m.folded, m.publish_state FROM members m WHERE m.folded >= ?1 AND m.folded <= ?2 "
                              "AND " + std::string(kVisible),
                              range));
        for (auto& one : out) one.settled = one.record.publish_state == PublishState::none;
        for (const auto& row : members) {
            const auto found = places.find(row.text(0));
            if (found == places.end()) continue;
            out[found->second].visible = true;
            out[found->second].settled = row.text(1) == "published";
        }
        BUDKAVLE_TRY(const auto answers,
                     tx.query("SELECT a.participant, a.document, b.octets FROM answers a LEFT JOIN answer_bodies b ON "
                              "b.id = a.body WHERE a.participant >= ?1 AND a.participant <= ?2",
                              range));
        for (const auto& row : answers) {
            const auto found = places.find(row.text(0));
            if (found == places.end()) continue;
            auto& one = out[found->second];
            if (row.is_null(2)) {
                one.gone.push_back(row.text(1));
            } else {
                one.answers[row.text(1)] = std::string(as_text(row.blob(2)));
            }
        }
        return {};
    }));
    return out;
}

Result<std::vector<std::string>> read_removed(store::Database& database) {
    std::vector<std::string> out;
    BUDKAVLE_CHECK(database.read([&](Transaction& tx) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT DISTINCT a.id FROM answers a LEFT JOIN members m ON m.folded = "
                                               "a.participant WHERE m.folded IS NULL ORDER BY a.id"));
        for (const auto& row : rows) out.push_back(row.text(0));
        return {};
    }));
    return out;
}

Result<std::map<std::string, Wish>> read_wishes(store::Database& database) {
    std::map<std::string, Wish> out;
    BUDKAVLE_CHECK(database.read([&](Transaction& tx) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT participant, wanted, state FROM locator_queue"));
        for (const auto& row : rows) out[row.text(0)] = {row.integer(1) != 0, row.text(2) == "published"};
        return {};
    }));
    return out;
}

Result<std::map<std::pair<std::string, std::string>, UsedEndpoint>> read_endpoints(store::Database& database) {
    std::map<std::pair<std::string, std::string>, UsedEndpoint> out;
    BUDKAVLE_CHECK(database.read([&](Transaction& tx) -> Result<> {
        out.clear();
        BUDKAVLE_TRY(const auto rows, tx.query("SELECT t.operator, t.name, b.der FROM templates t JOIN "
                                               "certificate_bodies b ON b.sha256 = t.certificate"));
        for (const auto& row : rows) {
            BUDKAVLE_TRY(auto record, load_endpoint(tx, row.text(0), row.text(1)));
            if (!record) continue;
            BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_der(row.blob(2)));
            out.emplace(std::pair(row.text(0), row.text(1)), UsedEndpoint{*std::move(record), std::move(certificate)});
        }
        return {};
    }));
    return out;
}

namespace {

/// What nobody is registered for any more: off the nodes, out of the locator.
Result<> withdraw(Transaction& tx, const std::string& folded, const std::string& id, Time now) {
    BUDKAVLE_CHECK(tx.execute("INSERT INTO dead_bodies(id) SELECT body FROM answers WHERE participant = ?1 AND body IS "
                              "NOT NULL ON CONFLICT(id) DO NOTHING",
                              {folded}));
    BUDKAVLE_TRY(const auto seq, next_version(tx));
    BUDKAVLE_CHECK(tx.execute("UPDATE answers SET body = NULL, source = '', seq = ?2 WHERE participant = ?1 AND body IS NOT NULL",
                              {folded, seq}));
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO locator_queue(participant, id, operator, wanted, state, version, error, attempts, due) VALUES(?1, "
        "?2, '', 0, 'queued', 1, '', 0, ?3) ON CONFLICT(participant) DO UPDATE SET wanted = 0, state = 'queued', version "
        "= locator_queue.version + 1, error = '', attempts = 0, due = excluded.due",
        {folded, id, stored(now)}));
    return {};
}

}  // namespace

Result<> queue_repair(store::Database& database, const std::string& participant, bool anew, Time now) {
    BUDKAVLE_TRY(const auto id, federation::ParticipantId::parse(participant));
    const auto folded = id.folded();
    BUDKAVLE_CHECK(database.write([&](Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(const auto known,
                     tx.query("SELECT CASE WHEN " + std::string(kVisible) + " THEN 1 ELSE 0 END FROM members m WHERE "
                              "m.folded = ?1", {folded}));
        if (known.empty()) return withdraw(tx, folded, id.text(), now);
        if (known.front().integer(0) == 0) {
            BUDKAVLE_CHECK(withdraw(tx, folded, id.text(), now));
            return unpublish_where(tx, "m.folded = ?2", {folded}, now);
        }
        if (anew) BUDKAVLE_CHECK(tx.execute("UPDATE answers SET source = '' WHERE participant = ?1", {folded}));
        BUDKAVLE_CHECK(tx.execute("UPDATE members SET revision = revision + 1, publish_state = 'queued', publish_error = "
                                  "'', publish_attempts = 0, publish_due = ?2 WHERE folded = ?1",
                                  {folded, stored(now)}));
        BUDKAVLE_CHECK(tx.execute("UPDATE locator_queue SET wanted = 1, state = 'queued', version = version + 1, error = "
                                  "'', attempts = 0, due = ?2 WHERE participant = ?1",
                                  {folded, stored(now)}));
        return {};
    }));
    database.announce("smp");
    return {};
}

}  // namespace budkavle::smpserver
