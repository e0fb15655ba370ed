#include "store/location.hpp"

#include <algorithm>

#include "store/postgres_options.hpp"

namespace budkavle::store {
namespace {

bool is_schema_name(std::string_view text) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !text.empty() && text.size() <= 63 && std::ranges::all_of(text, fits) &&
           (text.front() < '0' || text.front() > '9') && !text.starts_with("pg_");
}

}  // namespace

std::string describe(const Location& location) {
    if (const auto* file = std::get_if<std::filesystem::path>(&location)) return file->string();
    const auto& server = std::get<PostgresLocation>(location);
    const auto options = server_options(server.server);
    if (!options) return "PostgreSQL";
    const auto of = [&](const char* name) {
        const auto found = options->find(name);
        return found == options->end() ? std::string() : found->second;
    };
    return "PostgreSQL " + of("host") + "/" + of("dbname") + " schema " + server.schema;
}

Result<> check(const Location& location) {
    const auto* server = std::get_if<PostgresLocation>(&location);
    if (server == nullptr) return {};
    if (!is_schema_name(server->schema)) {
        return fail("db.location", {}, "schema",
                    "The name of the schema may hold lower-case letters, digits and underscores only.");
    }
    BUDKAVLE_TRY(const auto options, server_options(server->server));
    if (options.contains("password") || options.contains("sslpassword")) {
        return fail("db.location", "SEC-44", "server", "A password stands in the configuration.",
                    "Put it in a file of its own (password_file) or into the environment (PGPASSWORD).");
    }
    return {};
}

}  // namespace budkavle::store
