#pragma once
/// SQL behind a small typed face; repositories per aggregate are built on it. Two engines: SQLite for one process,
/// PostgreSQL for several. The SQL used is the subset that both understand (docs/architecture.md).

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "store/location.hpp"

namespace budkavle::store {

using Value = std::variant<std::monostate, std::int64_t, std::string, Bytes>;

class Row {
public:
    explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
    [[nodiscard]] std::int64_t integer(std::size_t column) const;  ///< 0 when null
    [[nodiscard]] std::string text(std::size_t column) const;      ///< empty when null
    [[nodiscard]] Bytes blob(std::size_t column) const;
    [[nodiscard]] bool is_null(std::size_t column) const;
    [[nodiscard]] std::optional<std::string> optional_text(std::size_t column) const;

private:
    std::vector<Value> values_;
};

/// Inside one transaction.
class Transaction {
public:
    Transaction() = default;
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    virtual ~Transaction() = default;
    /// Numbered parameters ?1, ?2 …; prepared statements are cached. Error "db.constraint" (unique key), "db.busy"
    /// (later), "db.full" (later), "db.failed".
    virtual Result<std::vector<Row>> query(std::string_view sql, const std::vector<Value>& parameters = {}) = 0;
    /// Returns the number of changed rows.
    virtual Result<std::int64_t> execute(std::string_view sql, const std::vector<Value>& parameters = {}) = 0;
    /// `execute` that deletes rows of ciphertext whose key lies outside of the database (SEC-43): their pages become free as they are,
    /// where everything else that is deleted is overwritten.
    virtual Result<std::int64_t> delete_sealed(std::string_view sql, const std::vector<Value>& parameters) {
        return execute(sql, parameters);
    }
};

struct Migration {
    int version;           ///< 1, 2, 3 …
    std::string_view sql;  ///< one or more statements
};

/// What a store has and what the program would add to it.
struct SchemaState {
    int present = 0;  ///< 0: nothing yet
    int newest = 0;
    std::vector<int> pending;
};

/// One database. Safe for several threads (one writer at a time, over all processes; readers beside it).
class Database {
public:
    /// SQLite: WAL, synchronous=FULL, foreign_keys on, secure_delete on. Applies `migrations` that are missing, under a
    /// lock that keeps other processes from doing the same. Errors "db.newer", "db.open".
    static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file,
                                                  const std::vector<Migration>& migrations);
    /// The same at any location. PostgreSQL: errors "db.location", "db.access", "db.unsynced" besides.
    static Result<std::unique_ptr<Database>> open_at(const Location& location,
                                                     const std::vector<Migration>& migrations);
    /// Looks only. Error "db.newer" when the store was written by a newer program.
    static Result<SchemaState> schema_state(const Location& location, const std::vector<Migration>& migrations);
    virtual ~Database() = default;
    /// Runs `work` in an immediate transaction: committed and durable when it returns success, rolled back otherwise.
    /// May run `work` again when the engine asks for it, so `work` has no effects outside the database.
    /// Error "db.unknown" (later): the connection to the server was lost during the commit and nobody could say what
    /// became of it. The caller must leave alone what a committed transaction would need, and must be able to repeat.
    virtual Result<> write(const std::function<Result<>(Transaction&)>& work) = 0;
    virtual Result<> read(const std::function<Result<>(Transaction&)>& work) = 0;

    /// May other processes work on the same database now?
    [[nodiscard]] virtual bool shared() const { return false; }
    /// Tells the other processes that there is something new under this topic (lower-case letters). Returns at once.
    virtual void announce(std::string_view topic) { (void)topic; }
    /// `heard` is called from a thread of the database for each announcement of other processes, with an empty topic
    /// when some may have been missed. An empty function ends it.
    virtual void listen(std::function<void(std::string_view topic)> heard) { (void)heard; }
};

}  // namespace budkavle::store
