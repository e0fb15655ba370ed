#pragma once
/// Embedded SQL (SQLite) behind a small typed face; repositories per aggregate are built on it. The SQL used is the
/// subset that PostgreSQL understands too (docs/architecture.md).

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
};

struct Migration {
    int version;           ///< 1, 2, 3 …
    std::string_view sql;  ///< one or more statements
};

/// One database file. Safe for several threads (one writer at a time, readers beside it).
class Database {
public:
    /// WAL, synchronous=FULL, foreign_keys on, secure_delete on; applies `migrations` that are missing.
    static Result<std::unique_ptr<Database>> open(const std::filesystem::path& file,
                                                  const std::vector<Migration>& migrations);
    virtual ~Database() = default;
    /// Runs `work` in an immediate transaction: committed and durable when it returns success, rolled back otherwise.
    /// May run `work` again when the engine asks for it, so `work` has no effects outside the database.
    virtual Result<> write(const std::function<Result<>(Transaction&)>& work) = 0;
    virtual Result<> read(const std::function<Result<>(Transaction&)>& work) = 0;
};

}  // namespace budkavle::store
