#pragma once
/// One consistent copy of a database, from either engine to either engine: for backups, and for an operator who grows
/// from SQLite to PostgreSQL.

#include <cstdint>

#include "store/database.hpp"

namespace budkavle::store {

/// Copies every table of `from`, as it is at one moment and while others go on working on it, into `to`. Both must have the same
/// schema and `to` no rows. Returns the number of rows. Errors "db.copy_schema", "db.copy_not_empty".
Result<std::int64_t> copy_database(Database& from, Database& to);

}  // namespace budkavle::store
