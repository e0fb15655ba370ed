#pragma once
/// Where a database is: a file (SQLite, one process) or a PostgreSQL server (several processes).

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"

namespace budkavle::store {

/// A schema on a PostgreSQL server. Connections over TCP demand TLS with `sslmode=verify-full` unless `server` names
/// another mode itself.
struct PostgresLocation {
    /// libpq's form, without password: `postgresql://ap@db.example.se/budkavle?sslrootcert=/etc/…` or `host=… dbname=…`.
    std::string server;
    /// Holds every table of one service in one environment (SEC-35); made when it is missing.
    std::string schema = "budkavle";
    /// Holds the password and nothing else, mode 0600. Empty: PGPASSWORD, libpq's own password file, or none
    /// (peer, certificate).
    std::filesystem::path password_file;
    /// Accepts a server that acknowledges before it has synced (`fsync`, `full_page_writes` or `synchronous_commit`
    /// off). A receipt then promises what a power cut takes back.
    bool allow_unsynced = false;
};

using Location = std::variant<std::filesystem::path, PostgresLocation>;

/// May several processes work on it at the same time?
[[nodiscard]] inline bool is_shared(const Location& location) {
    return std::holds_alternative<PostgresLocation>(location);
}
/// For logs and messages: file name, or host, database and schema; never user names or secrets.
[[nodiscard]] std::string describe(const Location& location);
/// Faults that can be seen without connecting: error "db.location" (unparsable, a password in `server`, a schema name
/// other than lower-case letters, digits and underscores).
[[nodiscard]] Result<> check(const Location& location);

}  // namespace budkavle::store
