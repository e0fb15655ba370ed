#pragma once
/// Inside `store` only: SQL of the common subset in PostgreSQL's spelling. The one place that knows the differences.

#include <string>
#include <string_view>

namespace budkavle::store {

/// `?1` → `$1`, INTEGER → BIGINT, BLOB → BYTEA, `x'00'` → `'\x00'::bytea`; literals, quoted names and comments stay as
/// they are. Types are recognised in capitals only: `blob` is a column.
[[nodiscard]] std::string to_postgres(std::string_view sql);
/// For migrations: the same, and TEXT columns compare octet by octet as in SQLite (COLLATE "C"); AUTOINCREMENT becomes
/// an identity column.
[[nodiscard]] std::string schema_to_postgres(std::string_view sql);
/// May the statement change something? By its first word.
[[nodiscard]] bool is_change(std::string_view sql);

}  // namespace budkavle::store
