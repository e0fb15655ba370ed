#include "store/dialect.hpp"
#include "store/migrate.hpp"
#include "store/postgres_connection.hpp"
#include "store/postgres_database.hpp"

namespace budkavle::store {
namespace {

/// Ours on every schema: what was applied, and the last commit of each process that writes (see postgres_database.cpp).
constexpr std::string_view kOwnTables =
    "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY);"
    "CREATE TABLE IF NOT EXISTS store_writer (id TEXT PRIMARY KEY, number BIGINT NOT NULL, at TIMESTAMPTZ NOT NULL);"
    "DELETE FROM store_writer WHERE at < now() - INTERVAL '7 days'";

std::string lock_of(const std::string& schema) {
    return "SELECT pg_advisory_xact_lock(1114989409, hashtext('" + schema + "'))";
}

/// One transaction under the lock of migrations. The lock is asked for by itself: a statement before it would already
/// see the state of before.
Result<> alone(PostgresConnection& connection, const std::string& schema, const std::function<Result<>()>& work) {
    BUDKAVLE_CHECK(connection.script("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"));
    connection.begun(false);
    auto done = connection.script(lock_of(schema));
    if (done) done = work();
    if (done) return connection.commit({});
    connection.rollback();
    return done;
}

Result<bool> exists(PostgresConnection& connection, const std::string& sql, const std::string& name) {
    BUDKAVLE_TRY(const auto rows, connection.query(sql, {name}));
    return !rows.empty();
}

Result<bool> has_schema(PostgresConnection& connection, const std::string& schema) {
    return exists(connection, "SELECT 1 FROM pg_namespace WHERE nspname = ?1", schema);
}

}  // namespace

Result<> migrate_postgres(PostgresConnection& connection, const std::string& schema,
                          const std::vector<Migration>& migrations) {
    BUDKAVLE_CHECK(alone(connection, schema, [&]() -> Result<> {
        BUDKAVLE_TRY(const bool present, has_schema(connection, schema));
        if (!present) BUDKAVLE_CHECK(connection.script("CREATE SCHEMA \"" + schema + "\""));
        return connection.script(std::string(kOwnTables));
    }));
    return apply_migrations(
        {.tx = connection,
         .script = [&](std::string_view sql) { return connection.script(schema_to_postgres(sql)); },
         .alone =
             [&](const std::function<Result<>()>& work) {
                 return alone(connection, schema, [&]() -> Result<> {
                     // Writers of processes that already run wait, too.
                     BUDKAVLE_CHECK(connection.script("LOCK TABLE schema_version IN SHARE ROW EXCLUSIVE MODE"));
                     return work();
                 });
             }},
        migrations);
}

Result<SchemaState> postgres_schema_state(const PostgresLocation& location, const std::vector<Migration>& migrations) {
    BUDKAVLE_CHECK(check(Location(location)));
    BUDKAVLE_TRY(const auto connection, PostgresConnection::open(location));
    BUDKAVLE_TRY(const bool present,
                 exists(*connection, "SELECT 1 FROM pg_class WHERE oid = to_regclass(?1)", "schema_version"));
    if (present) return compare_schema(*connection, migrations);
    SchemaState state{.present = 0, .newest = migrations.empty() ? 0 : migrations.back().version, .pending = {}};
    for (const auto& migration : migrations) state.pending.push_back(migration.version);
    return state;
}

}  // namespace budkavle::store
