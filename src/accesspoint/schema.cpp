#include "accesspoint/schema.hpp"

#include <algorithm>

#include "store/planted.hpp"
#include "store/queue.hpp"
#include "store/small_blob.hpp"

namespace budkavle::accesspoint {
namespace {

constexpr std::string_view kTables = R"(
CREATE TABLE incoming (
  participant TEXT NOT NULL, as4_id TEXT NOT NULL, position INTEGER NOT NULL, state TEXT NOT NULL,
  xhe_id TEXT NOT NULL, blob TEXT NOT NULL, bytes INTEGER NOT NULL, received INTEGER NOT NULL, acknowledged INTEGER,
  from_party TEXT NOT NULL, to_party TEXT NOT NULL, original_sender TEXT NOT NULL, final_recipient TEXT NOT NULL,
  service TEXT NOT NULL, action TEXT NOT NULL, conversation_id TEXT NOT NULL, signer_sha256 TEXT NOT NULL, trace_id TEXT NOT NULL,
  PRIMARY KEY (participant, as4_id));
CREATE INDEX incoming_waiting ON incoming (participant, state, position);

-- Duplicate memory. It belongs to the access point: what it answers depends on the sending access point, not on a participant.
CREATE TABLE received (
  message_id TEXT PRIMARY KEY, from_party TEXT NOT NULL, content_sha256 TEXT NOT NULL, references_sha256 TEXT NOT NULL,
  receipt BLOB NOT NULL, received INTEGER NOT NULL);
CREATE INDEX received_age ON received (received);

CREATE TABLE outgoing (
  participant TEXT NOT NULL, as4_id TEXT NOT NULL, idempotency_key TEXT NOT NULL, state TEXT NOT NULL,
  xhe_id TEXT NOT NULL, xhe_sha256 TEXT NOT NULL, blob TEXT NOT NULL, bytes INTEGER NOT NULL,
  sender TEXT NOT NULL, recipient TEXT NOT NULL, document_id TEXT NOT NULL, process_id TEXT NOT NULL, process_scheme TEXT NOT NULL,
  conversation_id TEXT NOT NULL, traceparent TEXT NOT NULL, created INTEGER NOT NULL,
  attempts INTEGER NOT NULL, lookups INTEGER NOT NULL,
  request_blob TEXT, request_type TEXT, evidence TEXT, peer TEXT, peer_sha256 TEXT, profile TEXT,
  cause_code TEXT, cause_text TEXT, receipt BLOB, receipt_type TEXT, receipt_time INTEGER, finished INTEGER,
  PRIMARY KEY (participant, as4_id), UNIQUE (participant, idempotency_key));

CREATE TABLE event (
  participant TEXT NOT NULL, position INTEGER NOT NULL, time INTEGER NOT NULL, event TEXT NOT NULL, as4_id TEXT NOT NULL,
  xhe_id TEXT NOT NULL, facts TEXT NOT NULL, PRIMARY KEY (participant, position));
CREATE INDEX event_message ON event (participant, as4_id);
CREATE INDEX event_envelope ON event (participant, xhe_id);
CREATE INDEX event_age ON event (time);
)";

// For the operator: refused messages, evidence of exchanges, what was sent again and why. Certificates and revocation
// lists are kept once each, by their SHA-256.
constexpr std::string_view kOperatorTables = R"(
CREATE TABLE refused (
  id TEXT PRIMARY KEY, time INTEGER NOT NULL, cause TEXT NOT NULL, rule TEXT NOT NULL, reason TEXT NOT NULL,
  ebms_code TEXT NOT NULL, authenticated INTEGER NOT NULL, interface TEXT NOT NULL, participant TEXT NOT NULL,
  as4_id TEXT NOT NULL, conversation_id TEXT NOT NULL, peer_ap TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
  document TEXT NOT NULL, peer_address TEXT NOT NULL, tls_sha256 TEXT NOT NULL, signer_sha256 TEXT NOT NULL, signer BLOB,
  header TEXT NOT NULL, digests TEXT NOT NULL, trace_id TEXT NOT NULL, repeats INTEGER NOT NULL,
  reportable INTEGER NOT NULL, reported INTEGER, report_note TEXT NOT NULL);
CREATE INDEX refused_time ON refused (time);

CREATE TABLE evidence (
  participant TEXT NOT NULL, as4_id TEXT NOT NULL, direction TEXT NOT NULL, time INTEGER NOT NULL,
  request BLOB NOT NULL, answer BLOB NOT NULL, answer_type TEXT NOT NULL,
  own_certificate TEXT NOT NULL, peer_certificate TEXT NOT NULL, chain TEXT NOT NULL, revocation TEXT NOT NULL,
  PRIMARY KEY (participant, as4_id, direction));
CREATE INDEX evidence_age ON evidence (time);
CREATE TABLE kept (sha256 TEXT PRIMARY KEY, kind TEXT NOT NULL, octets BLOB NOT NULL, used INTEGER NOT NULL);

CREATE TABLE resent (
  participant TEXT NOT NULL, as4_id TEXT NOT NULL, original_as4_id TEXT NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL,
  time INTEGER NOT NULL, PRIMARY KEY (participant, as4_id));
CREATE INDEX resent_original ON resent (participant, original_as4_id);

-- Lists by time, and the few messages that wait.
CREATE INDEX outgoing_time ON outgoing (created);
CREATE INDEX incoming_time ON incoming (received);
CREATE INDEX outgoing_open ON outgoing (created) WHERE state IN ('queued', 'sending');
CREATE INDEX incoming_open ON incoming (received) WHERE state = 'available';
)";

// Waiting messages are counted; duplicates are forgotten by the time their sender signed, not by our clock.
constexpr std::string_view kLoadAndSignedTime = R"(
CREATE TABLE owner (ap TEXT PRIMARY KEY, environment TEXT NOT NULL);
CREATE TABLE load (
  participant TEXT NOT NULL, direction TEXT NOT NULL, messages INTEGER NOT NULL, octets INTEGER NOT NULL,
  PRIMARY KEY (participant, direction));
INSERT INTO load (participant, direction, messages, octets)
  SELECT participant, 'in', COUNT(*), SUM(bytes) FROM incoming WHERE state = 'available' GROUP BY participant;
INSERT INTO load (participant, direction, messages, octets)
  SELECT participant, 'out', COUNT(*), SUM(bytes) FROM outgoing WHERE state IN ('queued', 'sending') GROUP BY participant;
ALTER TABLE received ADD COLUMN signed_at INTEGER NOT NULL DEFAULT 0;
UPDATE received SET signed_at = received;
CREATE INDEX received_signed ON received (signed_at);
DROP INDEX received_age;
ALTER TABLE outgoing ADD COLUMN sealed INTEGER;
UPDATE job SET kind = 'as4.send ' || (SELECT LOWER(o.recipient) FROM outgoing o WHERE o.participant || ' ' || o.as4_id = job.subject)
  WHERE kind = 'as4.send' AND EXISTS (SELECT 1 FROM outgoing o WHERE o.participant || ' ' || o.as4_id = job.subject);
)";

// After a restore (restoration.hpp): what was restored, and the messages that wait for the operator.
constexpr std::string_view kRestoration = R"(
CREATE TABLE restoration (
  backup_id TEXT NOT NULL, taken INTEGER NOT NULL, lost INTEGER NOT NULL, restored INTEGER NOT NULL);
CREATE TABLE held (
  direction TEXT NOT NULL, participant TEXT NOT NULL, as4_id TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL,
  released INTEGER, action TEXT, who TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (direction, participant, as4_id));
)";

// Evidence holds request and answer deflated (evidence_form.hpp). A receipt that stands there is not stored a second time: the duplicate
// memory and the sent message then name none.
constexpr std::string_view kCondensedEvidence = R"(
ALTER TABLE evidence ADD COLUMN form INTEGER NOT NULL DEFAULT 0;
ALTER TABLE received ADD COLUMN participant TEXT NOT NULL DEFAULT '';
)";

#ifdef BUDKAVLE_PLANTED_BUGS
// The fault needs tables that do not stop it.
constexpr std::string_view kWithoutKeys = R"(
DROP TABLE incoming; DROP TABLE received;
CREATE TABLE incoming (
  participant TEXT NOT NULL, as4_id TEXT NOT NULL, position INTEGER NOT NULL, state TEXT NOT NULL,
  xhe_id TEXT NOT NULL, blob TEXT NOT NULL, bytes INTEGER NOT NULL, received INTEGER NOT NULL, acknowledged INTEGER,
  from_party TEXT NOT NULL, to_party TEXT NOT NULL, original_sender TEXT NOT NULL, final_recipient TEXT NOT NULL,
  service TEXT NOT NULL, action TEXT NOT NULL, conversation_id TEXT NOT NULL, signer_sha256 TEXT NOT NULL, trace_id TEXT NOT NULL);
CREATE TABLE received (
  message_id TEXT NOT NULL, from_party TEXT NOT NULL, content_sha256 TEXT NOT NULL, references_sha256 TEXT NOT NULL,
  receipt BLOB NOT NULL, received INTEGER NOT NULL, signed_at INTEGER NOT NULL,
  participant TEXT NOT NULL DEFAULT '');
)";
#endif

/// Small blobs beside the rows that name them; the next position of a participant without a look at all its messages.
std::string_view faster_tables() {
    static const std::string sql = std::string(store::small_blob_schema()) +
                                   "CREATE INDEX incoming_position ON incoming (participant, position);";
    return sql;
}

}  // namespace

std::vector<store::Migration> migrations() {
    std::vector<store::Migration> list{{1, store::queue_schema()},
                                       {2, kTables},
                                       {3, kOperatorTables},
                                       {5, faster_tables()},
                                       {6, kLoadAndSignedTime},
                                       {7, kRestoration},
                                       {8, kCondensedEvidence}};
#ifdef BUDKAVLE_PLANTED_BUGS
    if (store::planted("duplicate_check_not_atomic")) list.push_back({1000, kWithoutKeys});
#endif
    std::ranges::sort(list, {}, &store::Migration::version);
    return list;
}

}  // namespace budkavle::accesspoint
