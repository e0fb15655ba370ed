#include "store/postgres_connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "store/dialect.hpp"
#include "store/postgres_options.hpp"
#include "store/postgres_values.hpp"

namespace budkavle::store {
namespace {

// The server ends statements, waits for locks and idle transactions before we stop listening: a process that hangs
// with the lock of writers in its hand must not hold up the others for ever.
constexpr auto kLongestAnswer = std::chrono::seconds(60);
constexpr std::string_view kLimits =
    "SET statement_timeout = '30s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '20s';";
constexpr std::size_t kCachedStatements = 256;

constexpr std::string_view kSettings =
    "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),"
    " current_setting('server_encoding'), current_setting('server_version_num')";

std::unexpected<Error> busy(std::string_view text) {
    return fail("db.busy", {}, {}, text, "It is tried again; see the log of the database server.", Retry::later);
}

std::string_view state_of(const pg_result* result) {
    const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state == nullptr ? std::string_view{} : std::string_view(state);
}

}  // namespace

void PostgresResultDelete::operator()(pg_result* result) const {
    PQclear(result);
}

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const PostgresLocation& location) {
    BUDKAVLE_TRY(const auto options, complete_options(location));
    std::vector<const char*> keys;
    std::vector<const char*> values;
    for (const auto& [key, value] : options) {
        keys.push_back(key.c_str());
        values.push_back(value.c_str());
    }
    std::string password;
    if (!location.password_file.empty()) {
        BUDKAVLE_TRY(const auto secret, read_password(location.password_file));
        password = as_text(secret.view());
        keys.push_back("password");
        values.push_back(password.c_str());
    }
    keys.push_back(nullptr);
    values.push_back(nullptr);
    std::unique_ptr<PostgresConnection> connection(
        new PostgresConnection(PQconnectdbParams(keys.data(), values.data(), 0)));
    ::explicit_bzero(password.data(), password.size());
    auto* handle = connection->handle_;
    if (PQstatus(handle) != CONNECTION_OK) {
        if (PQconnectionNeedsPassword(handle) != 0 || PQconnectionUsedPassword(handle) != 0) {
            return fail("db.access", {}, describe(location), "The database server wants another password.",
                        "Correct the password file, or PGPASSWORD.", Retry::later);
        }
        return fail("db.busy", {}, describe(location), "The database server cannot be reached, or refuses.",
                    "See its log; with TLS, sslrootcert must name the CA of its certificate.", Retry::later);
    }
    PQsetNoticeProcessor(handle, [](void*, const char*) {}, nullptr);
    if (PQsetnonblocking(handle, 1) != 0) return connection->lose();
    BUDKAVLE_CHECK(connection->settle(location));
    return connection;
}

PostgresConnection::~PostgresConnection() {
    PQfinish(handle_);
}

Result<> PostgresConnection::settle(const PostgresLocation& location) {
    BUDKAVLE_TRY(const auto rows, query(kSettings, {}));
    const auto& row = rows.at(0);
    if (row.text(3) != "UTF8") {
        return fail("db.location", {}, describe(location), "The database is not encoded in UTF-8.",
                    "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.");
    }
    if (std::stoi(row.text(4)) < 150000)
        return fail("db.location", {}, describe(location), "The database server is older than PostgreSQL 15.");
    const bool synced = row.text(0) == "on" && row.text(1) == "on" && row.text(2) != "off";
    if (!synced && !location.allow_unsynced) {
        return fail("db.unsynced", "AP-6", describe(location),
                    "The database server acknowledges before it has synced: fsync, full_page_writes or "
                    "synchronous_commit is off.",
                    "Switch them on, or accept the loss after a power cut with allow_unsynced.");
    }
    return script(std::string(kLimits) + " SET search_path TO \"" + location.schema + "\"");
}

std::unexpected<Error> PostgresConnection::lose() {
    lost_ = true;
    return busy("The connection to the database server was lost.");
}

bool PostgresConnection::wait(short events) {
    while (true) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now()).count();
        if (left <= 0) return false;
        pollfd waiting{.fd = PQsocket(handle_), .events = events, .revents = 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(left));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

Result<PostgresResult> PostgresConnection::answer(bool sent) {
    if (!sent) return lose();
    deadline_ = std::chrono::steady_clock::now() + kLongestAnswer;
    while (true) {
        const int flushed = PQflush(handle_);
        if (flushed == 0) break;
        if (flushed < 0 || !wait(POLLIN | POLLOUT) || PQconsumeInput(handle_) == 0) return lose();
    }
    // Several statements give several results: the first failure counts, else the last.
    PostgresResult last;
    while (true) {
        while (PQisBusy(handle_) != 0) {
            if (!wait(POLLIN) || PQconsumeInput(handle_) == 0) return lose();
        }
        PostgresResult next(PQgetResult(handle_));
        if (!next) break;
        const auto status = PQresultStatus(last.get());
        if (!last || status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) last = std::move(next);
    }
    if (PQstatus(handle_) != CONNECTION_OK || !last) return lose();
    const auto status = PQresultStatus(last.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return failure(last.get());
    return last;
}

std::unexpected<Error> PostgresConnection::failure(const pg_result* result) {
    const auto state = state_of(result);
    const auto kind = state.substr(0, 2);
    // Only the code: the server's message may quote values.
    const auto text = "The database server says " + std::string(state.empty() ? "nothing" : state) + ".";
    if (kind == "23") return fail("db.constraint", text);
    if (state == "40001" || state == "40P01" || state == "0A000") {
        // 0A000 with a prepared statement: another process has changed the table since.
        conflicted_ = true;
        if (state == "0A000") lost_ = true;
        return busy(text);
    }
    if (kind == "57" && state != "57014") return lose();   // shut down or crashed
    if (kind == "08" || state == "25P03") return lose();   // connection; idle for too long
    if (state == "25006") return lose();                   // no longer the primary
    if (state == "55P03" || state == "57014") return busy(text);
    if (state == "53100") return fail("db.full", {}, {}, text, "Free space on the volume of the database.", Retry::later);
    if (kind == "53" || kind == "58") return fail("db.failed", text, Retry::later);
    return fail("db.failed", text);
}

Result<std::string> PostgresConnection::prepare(std::string_view sql) {
    std::string key(sql);
    if (const auto found = statements_.find(key); found != statements_.end()) return found->second;
    if (statements_.size() >= kCachedStatements) {
        BUDKAVLE_CHECK(script("DEALLOCATE ALL"));
        statements_.clear();
    }
    auto name = "s" + std::to_string(next_name_++);
    BUDKAVLE_CHECK(answer(PQsendPrepare(handle_, name.c_str(), to_postgres(sql).c_str(), 0, nullptr) != 0));
    return statements_.emplace(std::move(key), std::move(name)).first->second;
}

Result<PostgresResult> PostgresConnection::attempt(std::string_view sql, const std::vector<Value>& parameters) {
    BUDKAVLE_TRY(const auto given, PostgresParameters::of(parameters));
    BUDKAVLE_TRY(const auto name, prepare(sql));
    return answer(PQsendQueryPrepared(handle_, name.c_str(), given.count(), given.pointers(), given.lengths(),
                                      given.formats(), 1) != 0);
}

Result<> PostgresConnection::savepoint() {
    BUDKAVLE_CHECK(script(in_savepoint_ ? "RELEASE SAVEPOINT s; SAVEPOINT s" : "SAVEPOINT s"));
    in_savepoint_ = true;
    return {};
}

Result<PostgresResult> PostgresConnection::run(std::string_view sql, const std::vector<Value>& parameters) {
    if (lost_) return lose();
    const bool guarded = savepoints_ && is_change(sql);
    if (guarded) BUDKAVLE_CHECK(savepoint());
    auto done = attempt(sql, parameters);
    if (!done && guarded && !lost_ && !conflicted_) BUDKAVLE_CHECK(script("ROLLBACK TO SAVEPOINT s"));
    return done;
}

Result<std::vector<Row>> PostgresConnection::query(std::string_view sql, const std::vector<Value>& parameters) {
    BUDKAVLE_TRY(const auto result, run(sql, parameters));
    changed_ = changed_ || is_change(sql);
    return rows_of(result.get());
}

Result<std::int64_t> PostgresConnection::execute(std::string_view sql, const std::vector<Value>& parameters) {
    BUDKAVLE_TRY(const auto result, run(sql, parameters));
    if (!is_change(sql)) return std::int64_t{0};
    const std::string_view count = PQcmdTuples(result.get());
    const std::int64_t rows = count.empty() ? 0 : std::stoll(std::string(count));
    changed_ = changed_ || rows > 0;
    return rows;
}

Result<> PostgresConnection::script(const std::string& sql) {
    if (lost_) return lose();
    BUDKAVLE_CHECK(answer(PQsendQuery(handle_, sql.c_str()) != 0));
    return {};
}

void PostgresConnection::begun(bool savepoints) {
    savepoints_ = savepoints;
    in_savepoint_ = false;
    conflicted_ = false;
    changed_ = false;
}

Result<> PostgresConnection::commit(const std::string& before) {
    if (lost_) return lose();
    BUDKAVLE_TRY(const auto result, answer(PQsendQuery(handle_, (before + "COMMIT").c_str()) != 0));
    savepoints_ = false;
    if (std::string_view(PQcmdStatus(result.get())) == "COMMIT") return {};
    return fail("db.failed", "A statement of the transaction had failed; the server rolled it back.");
}

void PostgresConnection::rollback() {
    savepoints_ = false;
    if (!lost_ && PQtransactionStatus(handle_) != PQTRANS_IDLE) (void)script("ROLLBACK");
}

}  // namespace budkavle::store
