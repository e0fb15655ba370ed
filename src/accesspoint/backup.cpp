#include "accesspoint/backup.hpp"

#include <boost/json.hpp>
#include <set>

#include "accesspoint/archive.hpp"
#include "accesspoint/incoming.hpp"
#include "accesspoint/outgoing.hpp"
#include "accesspoint/restoration.hpp"
#include "accesspoint/schema.hpp"
#include "base/random.hpp"
#include "crypto/digest.hpp"
#include "store/blob.hpp"
#include "store/copy.hpp"
#include "store/workbench.hpp"

namespace budkavle::accesspoint {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kDatabase = "accesspoint.db";
constexpr std::string_view kBlobs = "blobs/";

std::string key_sha256(const SecretBytes& key) {
    return hex_encode(crypto::sha256(key.view()));
}

/// A folder beside the store, with one for blobs in it.
Result<std::unique_ptr<store::Workbench>> make_bench(const fs::path& folder, const std::string& name) {
    BUDKAVLE_TRY(auto bench, store::Workbench::make(folder, name));
    std::error_code code;
    fs::create_directory(bench->path() / "blobs", code);
    if (code) return fail("backup.folder", {}, bench->path().string(), code.message());
    return bench;
}

/// Committed blobs never change: a second name keeps the octets while the access point goes on.
void link_blobs(const fs::path& from, const fs::path& to) {
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(from, code)) {
        if (entry.path().extension() == ".blob") fs::create_hard_link(entry.path(), to / entry.path().filename(), code);
    }
}

Result<std::set<std::string>> named_blobs(store::Database& database) {
    std::set<std::string> named;
    BUDKAVLE_CHECK(database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(named, incoming_blobs(tx));
        BUDKAVLE_TRY(auto outgoing, outgoing_blobs(tx));
        named.merge(outgoing);
        return {};
    }));
    named.erase("");
    return named;
}

Result<> check_place(const AccessPointConfig& config) {
    const auto location = database_location(config);
    BUDKAVLE_TRY(const auto state, store::Database::schema_state(location, migrations()));
    std::error_code code;
    const auto blobs = config.folder / "blobs";
    const bool has_blobs = fs::exists(blobs, code) && !fs::is_empty(blobs, code);
    const bool has_rows = state.present > 0 && !store::is_shared(location);
    if (!has_blobs && !has_rows) return {};
    return fail("restore.not_empty", "SEC-102", config.folder.string(), "There is a store here already.",
                "Move it away first: it may know of messages that the backup does not.");
}

struct Manifest {
    std::string access_point;
    std::string environment;
    std::string store_key_sha256;
    Time taken;
};

Result<Manifest> read_manifest(Source& octets) {
    BUDKAVLE_TRY(const auto text, read_all(octets, 65536));
    json::error_code code;
    const auto value = json::parse(as_text(text), code);
    const auto* object = code ? nullptr : value.if_object();
    const auto of = [&](const char* name) {
        const auto* found = object == nullptr ? nullptr : object->if_contains(name);
        return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
    };
    const auto taken = parse_time(of("taken"));
    if (!taken) return fail("restore.damaged", "SEC-101", "manifest", "The manifest of the backup cannot be read.");
    return Manifest{of("accessPoint"), of("environment"), of("storeKeySha256"), *taken};
}

Result<> check_manifest(const Manifest& manifest, const AccessPointConfig& config, const SecretBytes& store_key) {
    if (manifest.access_point != config.id || manifest.environment != config.environment.name) {
        return fail("restore.other", "SEC-35", manifest.access_point + " " + manifest.environment,
                    "The backup is of another access point or environment.");
    }
    if (manifest.store_key_sha256 != key_sha256(store_key)) {
        return fail("restore.key", "SEC-43", config.key_file.string(),
                    "The key file is not the one this backup was made with; blobs could not be read.",
                    "Put the key of the store that was backed up in its place.");
    }
    return {};
}

}  // namespace

Result<BackupReport> take_backup(const AccessPointConfig& config, const fs::path& to, const SecretBytes& key,
                                 Time now) {
    const auto location = database_location(config);
    BUDKAVLE_TRY(const auto state, store::Database::schema_state(location, migrations()));
    if (!state.pending.empty() || state.present == 0) {
        return fail("backup.pending", "SEC-104", store::describe(location),
                    "The store has another schema than this program.", "Use the program that runs, or migrate first.");
    }
    BUDKAVLE_TRY(const auto store_key, store::load_or_create_key(config.key_file));
    BUDKAVLE_TRY(const auto source, store::Database::open_at(location, migrations()));
    BUDKAVLE_TRY(const auto bench, make_bench(config.folder, "backup"));

    BackupReport report{.taken = now};
    const auto links = bench->path() / "blobs";
    link_blobs(config.folder / "blobs", links);
    std::set<std::string> named;
    {
        BUDKAVLE_TRY(const auto snapshot, store::Database::open(bench->path() / kDatabase, migrations()));
        BUDKAVLE_TRY(report.rows, store::copy_database(*source, *snapshot));
        BUDKAVLE_TRY(named, named_blobs(*snapshot));
    }
    link_blobs(config.folder / "blobs", links);  // what came in between

    BUDKAVLE_TRY(const auto archives, store::BlobStore::open(to, key));
    BUDKAVLE_TRY(const auto file, archives->create());
    ArchiveWriter archive(*file);
    const json::object manifest{{"format", 1},
                                {"accessPoint", config.id},
                                {"environment", config.environment.name},
                                {"taken", format_utc(now)},
                                {"schema", state.present},
                                {"storeKeySha256", key_sha256(store_key)}};
    BUDKAVLE_CHECK(archive.add(std::string(kManifest), as_bytes(json::serialize(manifest))));
    BUDKAVLE_CHECK(archive.add_file(std::string(kDatabase), bench->path() / kDatabase));
    for (const auto& id : named) {
        if (!is_uuid(id)) continue;  // it lies in the database
        const auto octets = links / (id + ".blob");
        if (!fs::exists(octets)) {
            ++report.finished;
            continue;
        }
        BUDKAVLE_CHECK(archive.add_file(std::string(kBlobs) + id, octets));
        ++report.blobs;
    }
    BUDKAVLE_CHECK(archive.end());
    BUDKAVLE_TRY(report.id, file->commit());
    return report;
}

namespace {

/// Unpacks into the bench.
Result<Manifest> unpack(Source& from, const fs::path& bench, const AccessPointConfig& config,
                        const SecretBytes& store_key, std::size_t& blobs) {
    std::optional<Manifest> manifest;
    BUDKAVLE_CHECK(read_archive(from, [&](const std::string& name, Source& octets) -> Result<> {
        if (name == kManifest) {
            BUDKAVLE_TRY(manifest, read_manifest(octets));
            return check_manifest(*manifest, config, store_key);
        }
        const bool blob = name.starts_with(kBlobs) && is_uuid(std::string_view(name).substr(kBlobs.size()));
        if (!manifest || (!blob && name != kDatabase))
            return fail("restore.damaged", "SEC-101", {}, "The backup holds something unknown.");
        const auto path = blob ? bench / (name + ".blob") : bench / kDatabase;
        BUDKAVLE_TRY(const auto file, FileSink::create(path));
        BUDKAVLE_CHECK(copy(octets, *file));
        BUDKAVLE_CHECK(file->finish());
        BUDKAVLE_CHECK(store::sync_restored(path));
        if (blob) ++blobs;
        return {};
    }));
    if (!manifest || !fs::exists(bench / kDatabase))
        return fail("restore.damaged", "SEC-101", {}, "The backup holds no database.");
    return *manifest;
}

/// From the bench to where the access point will look. The database comes last.
Result<> put_in_place(const AccessPointConfig& config, const fs::path& bench) {
    std::error_code code;
    fs::create_directories(config.folder / "blobs", code);
    for (const auto& entry : fs::directory_iterator(bench / "blobs", code)) {
        fs::rename(entry.path(), config.folder / "blobs" / entry.path().filename(), code);
        if (code) break;
    }
    if (code) return fail("restore.move", {}, config.folder.string(), code.message());
    BUDKAVLE_CHECK(store::sync_restored(config.folder / "blobs"));
    const auto location = database_location(config);
    if (store::is_shared(location)) {
        BUDKAVLE_TRY(const auto from, store::Database::open(bench / kDatabase, migrations()));
        BUDKAVLE_TRY(const auto to, store::Database::open_at(location, migrations()));
        BUDKAVLE_CHECK(store::copy_database(*from, *to));
        return {};
    }
    BUDKAVLE_CHECK(store::sync_restored(bench / kDatabase));
    fs::rename(bench / kDatabase, std::get<fs::path>(location), code);
    if (code) return fail("restore.move", {}, config.folder.string(), code.message());
    return store::sync_restored(config.folder);
}

}  // namespace

Result<RestoreReport> restore_backup(const AccessPointConfig& config, const RestoreOrder& order,
                                     const SecretBytes& key) {
    BUDKAVLE_CHECK(check_place(config));
    if (!fs::exists(config.key_file)) {
        return fail("restore.key", "SEC-43", config.key_file.string(), "The key of the store is not there.",
                    "Put the key file that belongs to the backup in its place; it is kept apart from backups.");
    }
    BUDKAVLE_TRY(const auto store_key, store::load_or_create_key(config.key_file));
    BUDKAVLE_TRY(const auto archives, store::BlobStore::open(order.from, key));
    RestoreReport report;
    BUDKAVLE_TRY(report.id, store::choose_backup(order.from, order.id));
    BUDKAVLE_TRY(const auto from, archives->read(report.id));
    BUDKAVLE_TRY(const auto bench, make_bench(config.folder, "restore"));
    BUDKAVLE_TRY(const auto manifest, unpack(*from, bench->path(), config, store_key, report.blobs));
    report.taken = manifest.taken;
    {
        // Held before it is in place: no moment at which anything could act on the old state.
        BUDKAVLE_TRY(const auto old, store::Database::open(bench->path() / kDatabase, migrations()));
        BUDKAVLE_CHECK(old->write([&](store::Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(report.held, begin_restoration(tx, {report.id, manifest.taken, order.lost, order.now}));
            BUDKAVLE_TRY(const auto rows, tx.query("SELECT COUNT(*) FROM received"));
            report.rows = rows.at(0).integer(0);
            return {};
        }));
    }
    BUDKAVLE_CHECK(put_in_place(config, bench->path()));
    return report;
}

}  // namespace budkavle::accesspoint
