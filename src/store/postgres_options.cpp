#include "store/postgres_options.hpp"

#include <libpq-fe.h>
#include <sys/stat.h>

#include <cstring>
#include <memory>

#include "base/stream.hpp"

namespace budkavle::store {

Result<ServerOptions> server_options(const std::string& text) {
    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(text.c_str(), &message),
                                                                              PQconninfoFree);
    if (message != nullptr) PQfreemem(message);  // it quotes what was written, perhaps a password
    if (!parsed) {
        return fail("db.location", {}, "server", "The location of the PostgreSQL server cannot be read.",
                    "Write postgresql://USER@HOST/DATABASE?sslrootcert=FILE, or host=… dbname=… .");
    }
    ServerOptions options;
    for (const auto* one = parsed.get(); one->keyword != nullptr; ++one) {
        if (one->val != nullptr && *one->val != '\0') options[one->keyword] = one->val;
    }
    return options;
}

Result<ServerOptions> complete_options(const PostgresLocation& location) {
    BUDKAVLE_TRY(auto options, server_options(location.server));
    // `insert` leaves alone what the operator has named.
    options.insert({"application_name", "budkavle"});
    options.insert({"connect_timeout", "5"});
    options.insert({"sslmode", "verify-full"});  // libpq ignores it on a Unix socket
    options.insert({"gssencmode", "disable"});
    options.insert({"keepalives_idle", "10"});
    options.insert({"keepalives_interval", "5"});
    options.insert({"keepalives_count", "3"});
    options.insert({"tcp_user_timeout", "20000"});
    options.insert({"target_session_attrs", "read-write"});
    options["client_encoding"] = "UTF8";
    return options;
}

Result<SecretBytes> read_password(const std::filesystem::path& file) {
    struct stat status{};
    if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 0077) != 0) {
        return fail("key.permissions", "SEC-44", file.string(),
                    "Others than the owner may read or write the password file.", "Set its mode to 0600.");
    }
    BUDKAVLE_TRY(auto octets, read_file(file, 4096));
    auto view = ByteView(octets);
    while (!view.empty() && (view.back() == '\n' || view.back() == '\r')) view = view.first(view.size() - 1);
    SecretBytes password{view};
    ::explicit_bzero(octets.data(), octets.size());
    return password;
}

}  // namespace budkavle::store
