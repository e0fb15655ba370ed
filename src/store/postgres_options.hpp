#pragma once
/// Inside `store` only: what libpq is told when a connection is opened.

#include <map>
#include <string>

#include "base/bytes.hpp"
#include "store/location.hpp"

namespace budkavle::store {

using ServerOptions = std::map<std::string, std::string>;

/// The options that a connection string names; libpq's own parser, nothing from the environment. Error "db.location".
[[nodiscard]] Result<ServerOptions> server_options(const std::string& text);
/// The same completed by our defaults: time-outs, keep-alives, TLS that verifies host and chain (Unix sockets excepted),
/// a server that takes writes.
[[nodiscard]] Result<ServerOptions> complete_options(const PostgresLocation& location);
/// The content of `password_file` without its line end. Error "key.permissions" when others may read it.
[[nodiscard]] Result<SecretBytes> read_password(const std::filesystem::path& file);

}  // namespace budkavle::store
