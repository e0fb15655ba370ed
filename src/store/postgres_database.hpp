#pragma once
/// Inside `store` only: Database on a PostgreSQL server.

#include <memory>
#include <vector>

#include "store/database.hpp"
#include "store/location.hpp"

namespace budkavle::store {

class PostgresConnection;

[[nodiscard]] Result<std::unique_ptr<Database>> open_postgres(const PostgresLocation& location,
                                                              const std::vector<Migration>& migrations);
/// Makes the schema when it is missing and applies migrations; two processes take turns.
[[nodiscard]] Result<> migrate_postgres(PostgresConnection& connection, const std::string& schema,
                                        const std::vector<Migration>& migrations);
/// What would be applied; changes nothing.
[[nodiscard]] Result<SchemaState> postgres_schema_state(const PostgresLocation& location,
                                                        const std::vector<Migration>& migrations);

}  // namespace budkavle::store
