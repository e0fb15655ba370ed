#include "messageservice/schema.hpp"

#include "store/queue.hpp"

namespace budkavle::messageservice {
namespace {

// Times are milliseconds since 1970, UTC. Subjects are encrypted with the participant's key (SEC-43).
constexpr std::string_view kTables = R"(
CREATE TABLE outgoing (
    participant TEXT NOT NULL, message_id TEXT NOT NULL, conversation_id TEXT NOT NULL,
    receiver TEXT NOT NULL, function TEXT NOT NULL, label BLOB, status TEXT NOT NULL, created INTEGER NOT NULL,
    payload TEXT NOT NULL, payload_sha256 TEXT NOT NULL, octets INTEGER NOT NULL, envelope TEXT, trace TEXT NOT NULL,
    result TEXT NOT NULL, receipt TEXT,
    PRIMARY KEY (participant, message_id));
CREATE INDEX outgoing_created ON outgoing (participant, created);

CREATE TABLE incoming (
    participant TEXT NOT NULL, as4_message_id TEXT NOT NULL, envelope_id TEXT NOT NULL, envelope TEXT NOT NULL,
    octets INTEGER NOT NULL, received INTEGER NOT NULL, from_party TEXT NOT NULL, original_sender TEXT NOT NULL,
    trace TEXT NOT NULL, answer TEXT, status TEXT, conversation_id TEXT, sender TEXT, function TEXT, label BLOB,
    payload TEXT, receipt_id TEXT,
    PRIMARY KEY (participant, as4_message_id));
CREATE INDEX incoming_envelope ON incoming (participant, envelope_id);
CREATE INDEX incoming_status ON incoming (participant, status, received);

CREATE TABLE duplicate (
    participant TEXT NOT NULL, envelope_id TEXT NOT NULL, as4_message_id TEXT NOT NULL, sha256 TEXT NOT NULL,
    answer TEXT NOT NULL, receipt_id TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (participant, envelope_id));

CREATE TABLE shipment (
    participant TEXT NOT NULL, envelope_id TEXT NOT NULL, kind TEXT NOT NULL, about TEXT NOT NULL,
    conversation_id TEXT, envelope TEXT NOT NULL, octets INTEGER NOT NULL, trace TEXT NOT NULL, state TEXT NOT NULL,
    resubmission INTEGER NOT NULL, as4_message_id TEXT, created INTEGER NOT NULL,
    PRIMARY KEY (participant, envelope_id));

CREATE TABLE event (
    participant TEXT NOT NULL, direction TEXT NOT NULL, message_id TEXT NOT NULL, number INTEGER NOT NULL,
    time INTEGER NOT NULL, event TEXT NOT NULL, status TEXT, detail TEXT NOT NULL, place TEXT NOT NULL, text TEXT NOT NULL,
    ids TEXT NOT NULL, certificate TEXT,
    PRIMARY KEY (participant, direction, message_id, number));
)";

}  // namespace

const std::vector<store::Migration>& migrations() {
    static const std::vector<store::Migration> all{{.version = 1, .sql = store::queue_schema()},
                                                   {.version = 2, .sql = kTables}};
    return all;
}

}  // namespace budkavle::messageservice
