#include "store/database_backup.hpp"

#include <algorithm>

#include "base/stream.hpp"
#include "store/blob.hpp"
#include "store/copy.hpp"
#include "store/workbench.hpp"

namespace budkavle::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDatabase = "database.db";
constexpr std::string_view kForm = "budkavle-database-1";
constexpr std::size_t kHead = 4096;  ///< octets before those of the database: lines, filled up with line feeds

std::string head_of(const BackupSubject& subject, Time now) {
    auto head = std::string(kForm) + "\n" + subject.kind + "\n" + subject.name + "\n" + format_utc(now) + "\n";
    head.resize(std::max(head.size(), kHead), '\n');
    return head;
}

/// Reads the head and returns when the backup was taken.
Result<Time> check_head(Source& from, const BackupSubject& subject) {
    Bytes head(kHead);
    std::size_t filled = 0;
    while (filled < kHead) {
        BUDKAVLE_TRY(const auto got, from.read(std::span(head).subspan(filled)));
        if (got == 0) break;
        filled += got;
    }
    const auto lines = split(as_text(head), '\n');
    const auto taken = lines.size() > 4 && lines[0] == kForm ? parse_time(std::string(lines[3])) : Result<Time>(fail("", ""));
    if (filled < kHead || !taken)
        return fail("restore.damaged", "SEC-101", "head", "This is no backup of a database.", "Choose another with --id.");
    if (lines[1] != subject.kind || lines[2] != subject.name)
        return fail("restore.other", "SEC-35", std::string(lines[1]) + " " + std::string(lines[2]),
                    "The backup is of another service or environment.");
    return *taken;
}

/// Beside the database, or where temporary files lie when it is on a server.
Result<std::unique_ptr<Workbench>> bench_for(const Location& location) {
    const auto* file = std::get_if<fs::path>(&location);
    return Workbench::make(file != nullptr ? file->parent_path() : fs::temp_directory_path(), "backup");
}

/// Opens a database that did not exist before, without the rows it is born with.
Result<std::unique_ptr<Database>> open_empty(const BackupSubject& subject, const Location& where) {
    BUDKAVLE_TRY(auto database, Database::open_at(where, subject.migrations));
    BUDKAVLE_CHECK(database->write([&](Transaction& tx) -> Result<> {
        for (const auto& table : subject.born_with) BUDKAVLE_CHECK(tx.execute("DELETE FROM " + table));
        return {};
    }));
    return database;
}

Result<> put_in_place(const BackupSubject& subject, const fs::path& file) {
    if (is_shared(subject.location)) {
        BUDKAVLE_TRY(const auto from, Database::open(file, subject.migrations));
        BUDKAVLE_TRY(const auto to, open_empty(subject, subject.location));
        BUDKAVLE_CHECK(copy_database(*from, *to));
        return {};
    }
    const auto& place = std::get<fs::path>(subject.location);
    BUDKAVLE_CHECK(sync_restored(file));
    std::error_code code;
    fs::rename(file, place, code);
    if (code) return fail("restore.move", {}, place.string(), code.message());
    return sync_restored(place.parent_path());
}

}  // namespace

Result<DatabaseBackup> take_database_backup(const BackupSubject& subject, const fs::path& to, const SecretBytes& key,
                                            Time now) {
    BUDKAVLE_TRY(const auto state, Database::schema_state(subject.location, subject.migrations));
    if (!state.pending.empty() || state.present == 0) {
        return fail("backup.pending", "SEC-104", describe(subject.location),
                    "The database is missing, or has another schema than this program.", "Use the program that runs.");
    }
    BUDKAVLE_TRY(const auto bench, bench_for(subject.location));
    DatabaseBackup report{.taken = now};
    {
        BUDKAVLE_TRY(const auto source, Database::open_at(subject.location, subject.migrations));
        BUDKAVLE_TRY(const auto copied, open_empty(subject, bench->path() / kDatabase));
        BUDKAVLE_TRY(report.rows, copy_database(*source, *copied));
    }
    BUDKAVLE_TRY(const auto archives, BlobStore::open(to / subject.kind, key));
    BUDKAVLE_TRY(const auto file, archives->create());
    BUDKAVLE_CHECK(file->write(as_bytes(head_of(subject, now))));
    BUDKAVLE_TRY(const auto octets, FileSource::open(bench->path() / kDatabase));
    BUDKAVLE_CHECK(copy(*octets, *file));
    BUDKAVLE_TRY(report.id, file->commit());
    return report;
}

Result<DatabaseBackup> restore_database(const BackupSubject& subject, const fs::path& from, const std::string& id,
                                        const SecretBytes& key,
                                        const std::function<Result<>(Transaction&)>& adapt) {
    BUDKAVLE_TRY(const auto state, Database::schema_state(subject.location, subject.migrations));
    if (state.present > 0)
        return fail("restore.not_empty", "SEC-102", describe(subject.location), "There is a database here already.",
                    "Move it away first (another file, another schema): it may know of changes that the backup does not.");
    const auto folder = from / subject.kind;
    DatabaseBackup report;
    BUDKAVLE_TRY(report.id, choose_backup(folder, id));
    BUDKAVLE_TRY(const auto archives, BlobStore::open(folder, key));
    BUDKAVLE_TRY(const auto octets, archives->read(report.id));
    BUDKAVLE_TRY(report.taken, check_head(*octets, subject));
    BUDKAVLE_TRY(const auto bench, bench_for(subject.location));
    BUDKAVLE_TRY(const auto sink, FileSink::create(bench->path() / kDatabase));
    BUDKAVLE_CHECK(copy(*octets, *sink));
    BUDKAVLE_CHECK(sink->finish());
    {
        // Before it is in place: there is no moment at which anybody could act on the old state.
        BUDKAVLE_TRY(const auto old, Database::open(bench->path() / kDatabase, subject.migrations));
        BUDKAVLE_CHECK(old->write(adapt));
    }
    BUDKAVLE_CHECK(put_in_place(subject, bench->path() / kDatabase));
    return report;
}

}  // namespace budkavle::store
