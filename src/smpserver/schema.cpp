#include "smpserver/schema.hpp"

#include "crypto/certificate.hpp"
#include "federation/identifiers.hpp"

namespace budkavle::smpserver {
namespace {

using store::Transaction;

constexpr std::string_view kFirstForm = R"(
CREATE TABLE smp_state(id INTEGER PRIMARY KEY CHECK(id = 1), version INTEGER NOT NULL);
INSERT INTO smp_state(id, version) VALUES(1, 0);
CREATE TABLE endpoints(name TEXT PRIMARY KEY, uri TEXT NOT NULL, profile TEXT NOT NULL, certificate BLOB NOT NULL,
                       description TEXT NOT NULL, contact TEXT NOT NULL);
CREATE TABLE participants(folded TEXT PRIMARY KEY, id TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE services(participant TEXT NOT NULL REFERENCES participants(folded) ON DELETE CASCADE, document TEXT NOT NULL,
                      endpoint TEXT NOT NULL REFERENCES endpoints(name), PRIMARY KEY(participant, document, endpoint));
CREATE TABLE certificates(participant TEXT NOT NULL REFERENCES participants(folded) ON DELETE CASCADE, purpose TEXT NOT NULL,
                          sha256 TEXT NOT NULL, der BLOB NOT NULL, PRIMARY KEY(participant, purpose, sha256));
CREATE TABLE publications(participant TEXT NOT NULL REFERENCES participants(folded) ON DELETE CASCADE, document TEXT NOT NULL,
                          source TEXT NOT NULL, octets BLOB NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
                          PRIMARY KEY(participant, document));
)";

// Octets lie apart from the row that says what is served, so that a switch of many answers moves small rows only.
// An answer without a body is gone: the row stays for a while to tell the nodes.
constexpr std::string_view kManyOperators = R"(
ALTER TABLE smp_state ADD COLUMN events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE smp_state ADD COLUMN complete_from INTEGER NOT NULL DEFAULT 0;

CREATE TABLE operators(id TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, version INTEGER NOT NULL);
CREATE TABLE certificate_bodies(sha256 TEXT PRIMARY KEY, der BLOB NOT NULL);
CREATE TABLE ap_certificates(operator TEXT NOT NULL REFERENCES operators(id), sha256 TEXT NOT NULL REFERENCES certificate_bodies(sha256),
  name TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY(operator, sha256));
CREATE INDEX ap_certificates_sha256 ON ap_certificates(sha256);
CREATE TABLE templates(operator TEXT NOT NULL, name TEXT NOT NULL, uri TEXT NOT NULL, profile TEXT NOT NULL, certificate TEXT NOT NULL,
  activation INTEGER, expiration INTEGER, description TEXT NOT NULL, contact TEXT NOT NULL, version INTEGER NOT NULL,
  PRIMARY KEY(operator, name), FOREIGN KEY(operator, certificate) REFERENCES ap_certificates(operator, sha256));
CREATE TABLE members(folded TEXT PRIMARY KEY, id TEXT NOT NULL, operator TEXT NOT NULL REFERENCES operators(id),
  organisation TEXT NOT NULL, organisation_number TEXT NOT NULL, status TEXT NOT NULL, suspended INTEGER NOT NULL,
  removal_requested INTEGER NOT NULL, approved_once INTEGER NOT NULL, publish_state TEXT NOT NULL, publish_error TEXT NOT NULL,
  publish_attempts INTEGER NOT NULL, publish_due INTEGER NOT NULL, published_at INTEGER, revision INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE INDEX members_operator ON members(operator, folded);
CREATE INDEX members_publish ON members(publish_state, publish_due);
CREATE TABLE member_services(participant TEXT NOT NULL REFERENCES members(folded) ON DELETE CASCADE, document TEXT NOT NULL,
  process TEXT NOT NULL, operator TEXT NOT NULL, endpoint TEXT NOT NULL, PRIMARY KEY(participant, document, process, endpoint),
  FOREIGN KEY(operator, endpoint) REFERENCES templates(operator, name));
CREATE INDEX member_services_endpoint ON member_services(operator, endpoint, participant);
CREATE TABLE member_certificates(participant TEXT NOT NULL REFERENCES members(folded) ON DELETE CASCADE, unit TEXT NOT NULL,
  purpose TEXT NOT NULL, sha256 TEXT NOT NULL REFERENCES certificate_bodies(sha256), activation INTEGER, expiration INTEGER,
  PRIMARY KEY(participant, unit, purpose, sha256));
CREATE INDEX member_certificates_sha256 ON member_certificates(sha256);

CREATE TABLE answers(participant TEXT NOT NULL, document TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, body TEXT,
  etag TEXT NOT NULL, modified INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(participant, document));
CREATE INDEX answers_seq ON answers(seq);
CREATE TABLE answer_bodies(id TEXT PRIMARY KEY, octets BLOB NOT NULL);
CREATE TABLE dead_bodies(id TEXT PRIMARY KEY);

CREATE TABLE history(kind TEXT NOT NULL, scope TEXT NOT NULL, object TEXT NOT NULL, version INTEGER NOT NULL, event INTEGER NOT NULL,
  operator TEXT NOT NULL, change TEXT NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL, PRIMARY KEY(kind, scope, object, version));
CREATE UNIQUE INDEX history_event ON history(event);
CREATE INDEX history_operator ON history(operator, event);

CREATE TABLE planned(id TEXT PRIMARY KEY, change TEXT NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL, actor_operator TEXT NOT NULL,
  operator TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL);
CREATE INDEX planned_due ON planned(state, at);

CREATE TABLE bulks(id TEXT PRIMARY KEY, change TEXT NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL, actor_operator TEXT NOT NULL,
  operator TEXT NOT NULL, reason TEXT NOT NULL, state TEXT NOT NULL, total INTEGER NOT NULL, signed INTEGER NOT NULL, error TEXT NOT NULL,
  started INTEGER NOT NULL, finished INTEGER);
CREATE TABLE staged_members(bulk TEXT NOT NULL, participant TEXT NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY(bulk, participant));
CREATE TABLE staged_answers(bulk TEXT NOT NULL, participant TEXT NOT NULL, document TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL,
  body TEXT NOT NULL, etag TEXT NOT NULL, PRIMARY KEY(bulk, participant, document));

CREATE TABLE locator_queue(participant TEXT PRIMARY KEY, id TEXT NOT NULL, operator TEXT NOT NULL, wanted INTEGER NOT NULL,
  state TEXT NOT NULL, version INTEGER NOT NULL, error TEXT NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL, done_at INTEGER);
CREATE INDEX locator_queue_due ON locator_queue(state, due);
CREATE INDEX locator_queue_operator ON locator_queue(operator, participant);

CREATE TABLE worker_leases(name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL);
CREATE TABLE daily_runs(name TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE findings(kind TEXT NOT NULL, scope TEXT NOT NULL, object TEXT NOT NULL, sha256 TEXT NOT NULL, finding TEXT NOT NULL,
  operator TEXT NOT NULL, detail TEXT NOT NULL, threshold INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(kind, scope, object, sha256, finding));
)";

// Nodes read changes piece by piece in this order.
constexpr std::string_view kOrderOfAnswers = R"(
DROP INDEX answers_seq;
CREATE INDEX answers_order ON answers(seq, participant, document);
)";

constexpr std::string_view kOnlyOperator = "operator";

Result<> keep_certificate(Transaction& tx, const crypto::Certificate& certificate) {
    BUDKAVLE_CHECK(
        tx.execute("INSERT INTO certificate_bodies(sha256, der) VALUES(?1, ?2) ON CONFLICT(sha256) DO NOTHING",
                   {certificate.sha256_hex(), certificate.der()}));
    return {};
}

Result<> carry_endpoints(Transaction& tx, const std::string& op) {
    BUDKAVLE_TRY(const auto rows,
                 tx.query("SELECT name, uri, profile, certificate, description, contact FROM endpoints"));
    for (const auto& row : rows) {
        BUDKAVLE_TRY(const auto certificate, crypto::Certificate::from_der(row.blob(3)));
        const auto sha256 = certificate.sha256_hex();
        BUDKAVLE_CHECK(keep_certificate(tx, certificate));
        BUDKAVLE_CHECK(
            tx.execute("INSERT INTO ap_certificates(operator, sha256, name, version) VALUES(?1, ?2, ?3, 1) "
                       "ON CONFLICT(operator, sha256) DO NOTHING",
                       {op, sha256, certificate.common_name()}));
        BUDKAVLE_CHECK(
            tx.execute("INSERT INTO templates(operator, name, uri, profile, certificate, description, "
                       "contact, version) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)",
                       {op, row.text(0), row.text(1), row.text(2), sha256, row.text(4), row.text(5)}));
    }
    return {};
}

Result<> carry_participants(Transaction& tx, const std::string& op) {
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO members(folded, id, operator, organisation, organisation_number, status, suspended, "
        "removal_requested, approved_once, publish_state, publish_error, publish_attempts, publish_due, published_at, "
        "revision, version) SELECT p.folded, p.id, ?1, '', '', p.status, 0, 0, 1, CASE WHEN EXISTS(SELECT 1 FROM "
        "publications d WHERE d.participant = p.folded) THEN 'published' ELSE 'none' END, '', 0, 0, (SELECT "
        "MAX(d.modified) * 1000 FROM publications d WHERE d.participant = p.folded), 1, 1 FROM participants p",
        {op}));
    BUDKAVLE_CHECK(
        tx.execute("INSERT INTO member_services(participant, document, process, operator, endpoint) SELECT "
                   "participant, document, ?2, ?1, endpoint FROM services",
                   {op, std::string(federation::kProcess)}));
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT participant, purpose, der FROM certificates"));
    for (const auto& row : rows) {
        BUDKAVLE_TRY(const auto certificate, crypto::Certificate::from_der(row.blob(2)));
        BUDKAVLE_CHECK(keep_certificate(tx, certificate));
        BUDKAVLE_CHECK(
            tx.execute("INSERT INTO member_certificates(participant, unit, purpose, sha256) VALUES(?1, '', ?2, ?3)",
                       {row.text(0), row.text(1), certificate.sha256_hex()}));
    }
    return {};
}

Result<> carry_answers(Transaction& tx, const std::string& op) {
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO answer_bodies(id, octets) SELECT participant || ' ' || document, octets FROM publications"));
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO answers(participant, document, id, source, body, etag, modified, seq) SELECT d.participant, "
        "d.document, p.id, d.source, d.participant || ' ' || d.document, d.etag, d.modified, (SELECT version FROM "
        "smp_state) FROM publications d JOIN participants p ON p.folded = d.participant"));
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO locator_queue(participant, id, operator, wanted, state, version, error, attempts, due) SELECT "
        "p.folded, p.id, ?1, 1, 'queued', 1, '', 0, 0 FROM participants p WHERE EXISTS(SELECT 1 FROM publications d "
        "WHERE d.participant = p.folded)",
        {op}));
    return {};
}

/// Everything of the first form moves; its tables are left empty.
Result<> carry_over(Transaction& tx) {
    BUDKAVLE_TRY(const auto old,
                 tx.query("SELECT (SELECT COUNT(*) FROM endpoints) + (SELECT COUNT(*) FROM participants)"));
    if (old.front().integer(0) == 0) return {};
    const std::string op(kOnlyOperator);
    BUDKAVLE_CHECK(
        tx.execute("INSERT INTO operators(id, name, state, version) VALUES(?1, 'Operator', 'active', 1) ON "
                   "CONFLICT(id) DO NOTHING",
                   {op}));
    BUDKAVLE_CHECK(carry_endpoints(tx, op));
    BUDKAVLE_CHECK(carry_participants(tx, op));
    BUDKAVLE_CHECK(carry_answers(tx, op));
    for (const auto* table : {"publications", "certificates", "services", "participants", "endpoints"})
        BUDKAVLE_CHECK(tx.execute(std::string("DELETE FROM ") + table));
    return {};
}

}  // namespace

const std::vector<store::Migration>& migrations() {
    static const std::vector<store::Migration> all{{1, kFirstForm}, {2, kManyOperators}, {3, kOrderOfAnswers}};
    return all;
}

Result<std::unique_ptr<store::Database>> open_database(const store::Location& location) {
    BUDKAVLE_TRY(auto database, store::Database::open_at(location, migrations()));
    BUDKAVLE_CHECK(database->write(carry_over));
    return database;
}

}  // namespace budkavle::smpserver
