/// Upgrade with messages in flight (SEC-104): a store written by the first schema is taken over, and everything in it is
/// delivered exactly once.

#include "accesspoint/incoming.hpp"
#include "accesspoint/schema.hpp"
#include "accesspoint/test_support.hpp"
#include "store/queue.hpp"
#include "store/test_cluster.hpp"

namespace budkavle::accesspoint::test {
namespace {

/// The tables as version 2 made them. Never changed again: stores of that age exist.
constexpr std::string_view kFirstTables = R"(
CREATE TABLE incoming (
  participant TEXT NOT NULL, as4_id TEXT NOT NULL, position INTEGER NOT NULL, state TEXT NOT NULL,
  xhe_id TEXT NOT NULL, blob TEXT NOT NULL, bytes INTEGER NOT NULL, received INTEGER NOT NULL, acknowledged INTEGER,
  from_party TEXT NOT NULL, to_party TEXT NOT NULL, original_sender TEXT NOT NULL, final_recipient TEXT NOT NULL,
  service TEXT NOT NULL, action TEXT NOT NULL, conversation_id TEXT NOT NULL, signer_sha256 TEXT NOT NULL, trace_id TEXT NOT NULL,
  PRIMARY KEY (participant, as4_id));
CREATE INDEX incoming_waiting ON incoming (participant, state, position);
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

struct Columns {
    const char* table;
    const char* names;
    const char* kinds;  ///< t text, i integer, b octets
};
constexpr Columns kFirstColumns[] = {
    {"job", "id, kind, subject, attempt, created, due, lease_until", "tttiiii"},
    {"incoming",
     "participant, as4_id, position, state, xhe_id, blob, bytes, received, acknowledged, from_party, to_party,"
     " original_sender, final_recipient, service, action, conversation_id, signer_sha256, trace_id",
     "ttitttiiittttttttt"},
    {"received", "message_id, from_party, content_sha256, references_sha256, receipt, received", "ttttbi"},
    {"outgoing",
     "participant, as4_id, idempotency_key, state, xhe_id, xhe_sha256, blob, bytes, sender, recipient, document_id,"
     " process_id, process_scheme, conversation_id, traceparent, created, attempts, lookups, request_blob, request_type,"
     " evidence, peer, peer_sha256, profile, cause_code, cause_text, receipt, receipt_type, receipt_time, finished",
     "tttttttittttttti" "iittttttttbtii"},
    {"event", "participant, position, time, event, as4_id, xhe_id, facts", "tiitttt"},
};

std::vector<store::Migration> first_migrations() {
    return {{1, store::queue_schema()}, {2, kFirstTables}};
}

class UpgradeTest : public World {
protected:
    /// What the first program would have written, had it been where this one is.
    void turn_back_the_schema() {
        const auto present = store::Database::open_at(database_location(config(1)), migrations()).value();
        store::Location old_place = root_ / "old.db";
        if (postgresql_) old_place = store::test::Cluster::instance().fresh();
        {
            const auto old = store::Database::open_at(old_place, first_migrations()).value();
            for (const auto& columns : kFirstColumns) copy(*present, *old, columns);
            ASSERT_TRUE(old->write([](store::Transaction& tx) -> Result<> {
                BUDKAVLE_CHECK(tx.execute("UPDATE job SET kind = 'as4.send'"));  // there were no lanes
                return {};
            }));
            put_receipts(*present, *old);
        }
        if (postgresql_) {
            schemas_[1] = std::get<store::PostgresLocation>(old_place);
        } else {
            const auto file = folder(1) / "accesspoint.db";
            for (const auto* ending : {"", "-wal", "-shm"}) fs::remove(file.string() + ending);
            fs::rename(root_ / "old.db", file);
        }
    }
    /// The duplicate memory held the receipts itself.
    static void put_receipts(store::Database& from, store::Database& to) {
        std::vector<Remembered> known;
        ASSERT_TRUE(from.read([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto rows, tx.query("SELECT message_id FROM received"));
            for (const auto& row : rows) {
                BUDKAVLE_TRY(auto one, recall(tx, row.text(0)));
                known.push_back(std::move(*one));
            }
            return {};
        }));
        ASSERT_TRUE(to.write([&](store::Transaction& tx) -> Result<> {
            for (const auto& one : known)
                BUDKAVLE_CHECK(tx.execute("UPDATE received SET receipt = ?2 WHERE message_id = ?1", {one.message_id, one.receipt}));
            return {};
        }));
    }
    static store::Value value(const store::Row& row, std::size_t at, char kind) {
        if (row.is_null(at)) return std::monostate{};
        if (kind == 'i') return row.integer(at);
        return kind == 'b' ? store::Value(row.blob(at)) : store::Value(row.text(at));
    }
    static void copy(store::Database& from, store::Database& to, const Columns& columns) {
        std::vector<store::Row> rows;
        const std::string names = columns.names;
        ASSERT_TRUE(from.read([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(rows, tx.query("SELECT " + names + " FROM " + columns.table));
            return {};
        }));
        std::string places;
        const std::string kinds = columns.kinds;
        for (std::size_t i = 1; i <= kinds.size(); ++i) places += (i == 1 ? "?" : ", ?") + std::to_string(i);
        const auto done = to.write([&](store::Transaction& tx) -> Result<> {
            for (const auto& row : rows) {
                std::vector<store::Value> values;
                for (std::size_t i = 0; i < kinds.size(); ++i) values.push_back(value(row, i, kinds[i]));
                BUDKAVLE_CHECK(tx.execute("INSERT INTO " + std::string(columns.table) + " (" + names + ") VALUES (" + places + ")", values));
            }
            return {};
        });
        ASSERT_TRUE(done) << columns.table << " " << done.error().describe();
    }
    [[nodiscard]] AccessPointConfig patient() const {
        auto with = config(1);
        with.lookup_retries = {5, std::chrono::hours(1)};
        with.keep_wire_octets = true;
        with.environment.check_original_sender = false;  // the look-ups fail while messages arrive
        return with;
    }
    // Too large to stand in the database: the old program kept every envelope in a file.
    std::string submitted() {
        return std::string(submit(1, kStad, make_envelope({.padding = 100'000})).object().at("as4MessageId").as_string());
    }
};

TEST_F(UpgradeTest, MessagesInFlightAreDeliveredExactlyOnceByTheNewProgram) {  // SEC-104
    start(2);
    start(1, patient());
    // Half sent: the receiver has it, its receipt was not stored before the old program ended.
    const auto half_sent = submitted();
    EXPECT_EQ(await_final(1, kStad, half_sent).at("state").as_string(), "delivered");
    change(1, "UPDATE outgoing SET state = 'sending', finished = NULL, receipt = NULL, receipt_time = NULL");
    change(1, "INSERT INTO job (id, kind, subject, attempt, created, due, lease_until) VALUES ('j', 'as4.send', '" +
                  kStad.folded() + " " + half_sent + "', 1, 0, 0, " +
                  std::to_string((clock_.now() + std::chrono::minutes(10)).time_since_epoch().count()) + ")");
    lookup_error_ = Error{"dns.failed", {}, {}, "No answer.", {}, Retry::later};
    const auto queued = submitted();
    for (int i = 0; i < 600 && count(1, "SELECT COUNT(*) FROM outgoing WHERE lookups = 1") == 0; ++i)
        std::this_thread::sleep_for(milliseconds(20));
    const auto arrived = make_request(make_envelope({.from = kRegion, .to = kStad, .padding = 100'000}).octets, {});
    const auto receipt = post(arrived);
    EXPECT_EQ(receipt.status, 200);
    stop(1);
    turn_back_the_schema();
    const auto state = store::Database::schema_state(database_location(config(1)), migrations()).value();
    EXPECT_EQ(state.present, 2);
    EXPECT_FALSE(state.pending.empty());

    lookup_error_.reset();
    clock_.forward(std::chrono::minutes(16));
    start(1, patient());
    const auto sent = await_final(1, kStad, queued);
    EXPECT_EQ(sent.at("state").as_string(), "delivered") << boost::json::serialize(sent);
    const auto repeated = await_final(1, kStad, half_sent);
    EXPECT_EQ(repeated.at("state").as_string(), "delivered") << boost::json::serialize(repeated);
    EXPECT_EQ(count(2, "SELECT COUNT(*) FROM incoming"), 2) << "each once";
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
    EXPECT_EQ(post(arrived).body, receipt.body) << "the duplicate memory came along";
    EXPECT_EQ(inbox(1, kStad).size(), 1U);
    EXPECT_TRUE(store::Database::schema_state(database_location(config(1)), migrations()).value().pending.empty());
}

}  // namespace
}  // namespace budkavle::accesspoint::test
