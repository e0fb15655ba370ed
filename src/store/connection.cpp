#include "store/connection.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>

#include "store/planted.hpp"

namespace budkavle::store {
namespace {

constexpr int kBusyMilliseconds = 5000;
constexpr std::size_t kCachedStatements = 256;

class WithoutWiping {
public:
    explicit WithoutWiping(sqlite3* handle) : handle_(handle) { set("PRAGMA secure_delete=OFF"); }
    WithoutWiping(const WithoutWiping&) = delete;
    WithoutWiping& operator=(const WithoutWiping&) = delete;
    ~WithoutWiping() { set("PRAGMA secure_delete=ON"); }

private:
    void set(const char* pragma) const { sqlite3_exec(handle_, pragma, nullptr, nullptr, nullptr); }
    sqlite3* handle_;
};

struct Binder {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
    int operator()(const std::string& value) const {
        return sqlite3_bind_text64(statement, index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    int operator()(const Bytes& value) const {
        // A null pointer would bind NULL; empty octets are not NULL.
        if (value.empty()) return sqlite3_bind_zeroblob(statement, index, 0);
        return sqlite3_bind_blob64(statement, index, value.data(), value.size(), SQLITE_STATIC);
    }
};

Value column_value(sqlite3_stmt* statement, int column) {
    const auto size = [&] { return static_cast<std::size_t>(sqlite3_column_bytes(statement, column)); };
    switch (sqlite3_column_type(statement, column)) {
        case SQLITE_NULL:
            return std::monostate{};
        case SQLITE_INTEGER:
            return static_cast<std::int64_t>(sqlite3_column_int64(statement, column));
        case SQLITE_BLOB: {
            const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, column));
            return data == nullptr ? Bytes{} : Bytes(data, data + size());
        }
        default: {
            const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
            return data == nullptr ? std::string{} : std::string(data, size());
        }
    }
}

/// The file must exist with tight rights before SQLite makes it with wide ones; WAL and shared memory files copy its
/// mode.
void create_private(const std::filesystem::path& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& file, Access access) {
    if (access == Access::write) create_private(file);
    sqlite3* handle = nullptr;
    const int opened = sqlite3_open_v2(file.c_str(), &handle,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    std::unique_ptr<Connection> connection(new Connection(handle));
    if (opened != SQLITE_OK) {
        return fail("db.open", {}, file.string(), handle == nullptr ? "out of memory" : sqlite3_errmsg(handle), {},
                    Retry::later);
    }
    sqlite3_busy_timeout(handle, kBusyMilliseconds);
    // FULL in WAL mode means: the log is synced before COMMIT returns. SQLite's own default in WAL builds may be
    // NORMAL.
    BUDKAVLE_CHECK(connection->script(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
        // A page that many commits change is copied to the file once for all of them.
        "PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;"));
    if (access == Access::read) BUDKAVLE_CHECK(connection->script("PRAGMA query_only=ON;"));
#ifdef BUDKAVLE_PLANTED_BUGS
    if (planted("missing_fsync")) BUDKAVLE_CHECK(connection->script("PRAGMA synchronous=OFF;"));
#endif
    return connection;
}

Connection::~Connection() {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close(handle_);
}

std::unexpected<Error> Connection::failure() const {
    const int extended = sqlite3_extended_errcode(handle_);
    const auto* text = sqlite3_errstr(extended);  // never sqlite3_errmsg: it may quote values
    switch (extended & 0xff) {
        case SQLITE_CONSTRAINT:
            return fail("db.constraint", text);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return fail("db.busy", text, Retry::later);
        case SQLITE_FULL:
            return fail("db.full", {}, {}, text, "Free space on the volume of the database.", Retry::later);
        case SQLITE_IOERR:
            if (const int system = sqlite3_system_errno(handle_); system == ENOSPC || system == EDQUOT) {
                return fail("db.full", {}, {}, text, "Free space on the volume of the database.", Retry::later);
            }
            return fail("db.failed", text, Retry::later);
        case SQLITE_NOMEM:
        case SQLITE_CANTOPEN:
            return fail("db.failed", text, Retry::later);
        default:
            return fail("db.failed", text);
    }
}

/// A log whose sync failed holds the whole transaction all the same: this process has taken it back, but one that
/// starts after a crash may find it there.
std::unexpected<Error> Connection::commit_failure() const {
#ifdef BUDKAVLE_PLANTED_BUGS
    if (planted("unknown_commit_called_failed")) return failure();
#endif
    const int extended = sqlite3_extended_errcode(handle_);
    if (extended != SQLITE_IOERR_FSYNC && extended != SQLITE_IOERR_DIR_FSYNC) return failure();
    return fail("db.unknown", {}, {}, "The commit could not be synced; after a crash it may be there or not.",
                "Check the volume of the database: it fails to write.", Retry::later);
}

Result<sqlite3_stmt*> Connection::prepare(std::string_view sql) {
    std::string key(sql);
    if (const auto found = statements_.find(key); found != statements_.end()) return found->second;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                           nullptr) != SQLITE_OK) {
        return failure();
    }
    if (statements_.size() >= kCachedStatements) {
        for (const auto& [text, old] : statements_) sqlite3_finalize(old);
        statements_.clear();
    }
    statements_.emplace(std::move(key), statement);
    return statement;
}

Result<> Connection::run(sqlite3_stmt* statement, const std::vector<Value>& parameters, std::vector<Row>* rows) {
    struct Reset {
        sqlite3_stmt* statement;
        ~Reset() {
            sqlite3_reset(statement);
            sqlite3_clear_bindings(statement);
        }
    } const reset{statement};
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (std::visit(Binder{statement, static_cast<int>(i + 1)}, parameters[i]) != SQLITE_OK) return failure();
    }
    while (true) {
        const int step = sqlite3_step(statement);
        if (step == SQLITE_DONE) return {};
        if (step != SQLITE_ROW) return failure();
        if (rows == nullptr) continue;
        std::vector<Value> values;
        for (int i = 0; i < sqlite3_column_count(statement); ++i) values.push_back(column_value(statement, i));
        rows->emplace_back(std::move(values));
    }
}

Result<std::vector<Row>> Connection::query(std::string_view sql, const std::vector<Value>& parameters) {
    BUDKAVLE_TRY(auto* statement, prepare(sql));
    std::vector<Row> rows;
    BUDKAVLE_CHECK(run(statement, parameters, &rows));
    return rows;
}

Result<std::int64_t> Connection::execute(std::string_view sql, const std::vector<Value>& parameters) {
    BUDKAVLE_TRY(auto* statement, prepare(sql));
    BUDKAVLE_CHECK(run(statement, parameters, nullptr));
    return sqlite3_stmt_readonly(statement) != 0 ? 0 : static_cast<std::int64_t>(sqlite3_changes64(handle_));
}

Result<std::int64_t> Connection::delete_sealed(std::string_view sql, const std::vector<Value>& parameters) {
    const WithoutWiping unwiped(handle_);
    return execute(sql, parameters);
}

Result<> Connection::script(std::string_view sql) {
    if (sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failure();
    return {};
}

Result<> Connection::in_transaction(std::string_view begin, const std::function<Result<>(Transaction&)>& work) {
#ifdef BUDKAVLE_PLANTED_BUGS
    if (planted("commit_after_success") && begin == "BEGIN IMMEDIATE") {
        // Success is told before the commit: that comes with the next writer.
        if (sqlite3_get_autocommit(handle_) == 0) (void)execute("COMMIT", {});
        BUDKAVLE_CHECK(execute(begin, {}));
        auto early = work(*this);
        if (!early && sqlite3_get_autocommit(handle_) == 0) (void)execute("ROLLBACK", {});
        return early;
    }
#endif
    BUDKAVLE_CHECK(execute(begin, {}));
    auto done = work(*this);
    if (done) {
        if (execute("COMMIT", {})) return {};
        done = commit_failure();
    }
    // Some faults (disk full, I/O) end the transaction by themselves.
    if (sqlite3_get_autocommit(handle_) == 0) (void)execute("ROLLBACK", {});
    return done;
}

}  // namespace budkavle::store
