/// `budkavle migrate`: what an upgrade does to the stores of a configuration, looked at or done (SEC-104).

#include <fmt/format.h>

#include "accesspoint/schema.hpp"
#include "command.hpp"
#include "config.hpp"
#include "messageservice/schema.hpp"
#include "store/blob.hpp"
#include "store/copy.hpp"

namespace budkavle::app {
namespace {

namespace json = boost::json;

struct Options {
    std::string config;
    bool check = false;
    bool json = false;
    std::string to;
    std::string schema;
    std::string password_file;
    bool allow_unsynced = false;
};

struct Store {
    std::string role;
    store::Location location;
    std::vector<store::Migration> migrations;
};

std::vector<Store> stores_of(const Config& config) {
    std::vector<Store> all;
    if (config.ap) all.push_back({"ap", accesspoint::database_location(*config.ap), accesspoint::migrations()});
    if (config.mt)
        all.push_back({"mt", config.mt->data / "messageservice.db", messageservice::migrations()});
    return all;
}

std::string numbers(const std::vector<int>& versions) {
    std::string out;
    for (const int one : versions) out += (out.empty() ? "" : ", ") + std::to_string(one);
    return out;
}

void report(const Store& store, const store::SchemaState& state, bool applied) {
    fmt::print("{:<3} {}: {} {}", store.role, store::describe(store.location), tr("schema", "schema"), state.present);
    if (state.pending.empty()) {
        fmt::print("{}\n", tr(", up to date", ", aktuellt"));
    } else if (applied) {
        fmt::print(fmt::runtime(tr(" → {}, applied: {}\n", " → {}, genomförda: {}\n")), state.newest, numbers(state.pending));
    } else {
        fmt::print(fmt::runtime(tr(", pending: {}\n", ", återstår: {}\n")), numbers(state.pending));
    }
}

json::object to_json(const Store& store, const store::SchemaState& state) {
    json::array pending;
    for (const int one : state.pending) pending.emplace_back(one);
    return {{"role", store.role},
            {"location", store::describe(store.location)},
            {"present", state.present},
            {"newest", state.newest},
            {"pending", pending}};
}

/// With SQLite an access point that runs has its folder of blobs for itself: nobody must lose the schema under its
/// feet.
Result<std::unique_ptr<store::BlobStore>> keep_away(const accesspoint::AccessPointConfig& ap) {
    if (store::is_shared(accesspoint::database_location(ap)) || !std::filesystem::exists(ap.folder / "blobs"))
        return std::unique_ptr<store::BlobStore>();
    BUDKAVLE_TRY(const auto key, store::load_or_create_key(ap.key_file));
    return store::BlobStore::open(ap.folder / "blobs", key);
}

/// An operator who grows: the store of the access point as it is, copied to a PostgreSQL server.
Result<Exit> move_to(const accesspoint::AccessPointConfig& ap, const Options& options) {
    const auto from = accesspoint::database_location(ap);
    if (store::is_shared(from))
        return fail("usage.migrate", {}, "ap.postgresql", "The store is on a PostgreSQL server already.");
    const store::Location to = store::PostgresLocation{.server = options.to,
                                                       .schema = options.schema,
                                                       .password_file = options.password_file,
                                                       .allow_unsynced = options.allow_unsynced};
    BUDKAVLE_TRY(const auto held, keep_away(ap));
    BUDKAVLE_TRY(const auto source, store::Database::open_at(from, accesspoint::migrations()));
    BUDKAVLE_TRY(const auto target, store::Database::open_at(to, accesspoint::migrations()));
    BUDKAVLE_TRY(const auto rows, store::copy_database(*source, *target));
    fmt::print(fmt::runtime(tr("{} rows copied to {}. Set [ap.postgresql] in the configuration and move {} away; the blobs stay "
                               "where they are.\n",
                               "{} rader kopierade till {}. Ange [ap.postgresql] i konfigurationen och flytta undan {}; "
                               "blobarna ligger kvar.\n")),
               rows, store::describe(to), store::describe(from));
    return Exit::yes;
}

Result<Exit> migrate(const Options& options) {
    BUDKAVLE_TRY(const auto config, load_config(options.config));
    if (!config.faults.empty())
        return fail("usage.config", {}, config.faults.front().place, config.faults.front().text);
    const auto stores = stores_of(config);
    if (stores.empty())
        return fail("usage.config", {}, options.config, "The configuration has neither role [ap] nor role [mt].");
    if (!options.to.empty()) {
        if (!config.ap) return fail("usage.config", {}, options.config, "The configuration has no role [ap].");
        return move_to(*config.ap, options);
    }
    bool pending = false;
    json::array all;
    std::unique_ptr<store::BlobStore> held;
    if (!options.check && config.ap) {
        BUDKAVLE_TRY(held, keep_away(*config.ap));
    }
    for (const auto& store : stores) {
        BUDKAVLE_TRY(const auto state, store::Database::schema_state(store.location, store.migrations));
        pending = pending || !state.pending.empty();
        if (!options.check && !state.pending.empty())
            BUDKAVLE_CHECK(store::Database::open_at(store.location, store.migrations));
        all.push_back(to_json(store, state));
        if (!options.json) report(store, state, !options.check);
    }
    if (options.json) print_json({{"stores", all}, {"applied", !options.check && pending}});
    return options.check && pending ? Exit::no : Exit::yes;
}

}  // namespace

void add_migrate(CLI::App& app, Exit& exit) {
    static Options options;
    auto* command = app.add_subcommand("migrate", std::string(tr("Bring the stores of a configuration to the schema of this program",
                                                                 "För lagringen till detta programs schema")));
    command->add_option("--config", options.config)->required();
    command->add_flag("--check", options.check,
                      std::string(tr("only look; exit code 1 when something is pending",
                                     "visa bara; slutkod 1 när något återstår")));
    command->add_option("--to", options.to,
                        std::string(tr("copy the access point's SQLite store to this PostgreSQL server (postgresql://…)",
                                       "kopiera accesspunktens SQLite-lagring till denna PostgreSQL-server")));
    command->add_option("--schema", options.schema)->default_str("budkavle");
    options.schema = "budkavle";
    command->add_option("--password-file", options.password_file);
    command->add_flag("--allow-unsynced", options.allow_unsynced);
    command->add_flag("--json", options.json);
    command->footer("budkavle migrate --config /etc/budkavle/ap.toml --check");
    on(*command, exit, [] { return migrate(options); });
}

}  // namespace budkavle::app
