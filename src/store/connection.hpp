#pragma once
/// Inside `store` only: one SQLite connection with its prepared statements.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "store/database.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace budkavle::store {

enum class Access : std::uint8_t { write, read };

class Connection final : public Transaction {
public:
    static Result<std::unique_ptr<Connection>> open(const std::filesystem::path& file, Access access);
    ~Connection() override;

    Result<std::vector<Row>> query(std::string_view sql, const std::vector<Value>& parameters) override;
    Result<std::int64_t> execute(std::string_view sql, const std::vector<Value>& parameters) override;
    Result<std::int64_t> delete_sealed(std::string_view sql, const std::vector<Value>& parameters) override;
    /// Several statements without parameters, not cached.
    Result<> script(std::string_view sql);
    /// Begins with `begin`, runs `work`, commits when it succeeded and rolls back otherwise.
    Result<> in_transaction(std::string_view begin, const std::function<Result<>(Transaction&)>& work);

private:
    explicit Connection(sqlite3* handle) : handle_(handle) {}
    Result<sqlite3_stmt*> prepare(std::string_view sql);
    Result<> run(sqlite3_stmt* statement, const std::vector<Value>& parameters, std::vector<Row>* rows);
    [[nodiscard]] std::unexpected<Error> failure() const;
    [[nodiscard]] std::unexpected<Error> commit_failure() const;

    sqlite3* handle_;
    std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace budkavle::store
