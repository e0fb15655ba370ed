#pragma once
/// Inside `store` only: migrations by number, alike on both engines.

#include <functional>
#include <vector>

#include "store/database.hpp"

namespace budkavle::store {

/// What applying migrations needs from an engine.
struct MigrationTarget {
    Transaction& tx;
    std::function<Result<>(std::string_view sql)> script;
    /// Runs work in a transaction that no other process can migrate beside.
    std::function<Result<>(const std::function<Result<>()>& work)> alone;
};

/// Numbers ascend. Error "db.migrations".
[[nodiscard]] Result<> check_order(const std::vector<Migration>& migrations);
/// What the store has and what is missing. Error "db.newer".
[[nodiscard]] Result<SchemaState> compare_schema(Transaction& tx, const std::vector<Migration>& migrations);
/// Applies what is missing, one transaction each; a table `schema_version` must exist. Error "db.newer", "db.migrations".
[[nodiscard]] Result<> apply_migrations(const MigrationTarget& target, const std::vector<Migration>& migrations);

}  // namespace budkavle::store
