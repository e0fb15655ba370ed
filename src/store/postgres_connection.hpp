#pragma once
/// Inside `store` only: one connection to a PostgreSQL server with its prepared statements.

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>

#include "store/database.hpp"

struct pg_conn;
struct pg_result;

namespace budkavle::store {

struct PostgresResultDelete {
    void operator()(pg_result* result) const;
};
using PostgresResult = std::unique_ptr<pg_result, PostgresResultDelete>;

class PostgresConnection final : public Transaction {
public:
    /// Sets the schema and the limits of time. Error "db.busy" (later) when the server cannot be reached, "db.location",
    /// "db.access" (refused), "db.unsynced" (the server may forget what it has acknowledged).
    static Result<std::unique_ptr<PostgresConnection>> open(const PostgresLocation& location);
    ~PostgresConnection() override;

    Result<std::vector<Row>> query(std::string_view sql, const std::vector<Value>& parameters) override;
    Result<std::int64_t> execute(std::string_view sql, const std::vector<Value>& parameters) override;
    /// Statements without parameters, as they stand (no translation).
    Result<> script(const std::string& sql);
    /// COMMIT; `before` are statements sent in the same breath. Error "db.failed" when the server rolled back instead.
    Result<> commit(const std::string& before);
    void rollback();
    /// After BEGIN: whether a failed statement leaves the transaction usable (`db.constraint`), at the price of a
    /// savepoint before each change.
    void begun(bool savepoints);

    [[nodiscard]] bool lost() const { return lost_; }            ///< of no further use
    [[nodiscard]] bool conflicted() const { return conflicted_; }  ///< the server asks to run the transaction again
    [[nodiscard]] bool changed() const { return changed_; }      ///< this transaction has changed something
    [[nodiscard]] pg_conn* handle() const { return handle_; }

private:
    explicit PostgresConnection(pg_conn* handle) : handle_(handle) {}
    Result<> settle(const PostgresLocation& location);
    Result<> savepoint();
    /// Runs one statement; a failure takes the transaction back to the savepoint.
    Result<PostgresResult> run(std::string_view sql, const std::vector<Value>& parameters);
    Result<PostgresResult> attempt(std::string_view sql, const std::vector<Value>& parameters);
    Result<std::string> prepare(std::string_view sql);
    /// Waits for the answer to what was sent.
    Result<PostgresResult> answer(bool sent);
    bool wait(short events);
    std::unexpected<Error> lose();
    std::unexpected<Error> failure(const pg_result* result);

    pg_conn* handle_;
    std::unordered_map<std::string, std::string> statements_;  ///< SQL → name
    std::uint64_t next_name_ = 0;
    std::chrono::steady_clock::time_point deadline_;
    bool savepoints_ = false;
    bool in_savepoint_ = false;
    bool lost_ = false;
    bool conflicted_ = false;
    bool changed_ = false;
};

}  // namespace budkavle::store
