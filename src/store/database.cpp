#include "store/database.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "store/connection.hpp"
#include "store/group_commit.hpp"
#include "store/migrate.hpp"
#include "store/postgres_database.hpp"

namespace budkavle::store {
namespace {

constexpr unsigned kReaders = 4;

/// The name of a new database file must survive a power cut too; SQLite syncs the folder for its log, not for the file
/// itself.
Result<> sync_folder(const std::filesystem::path& file) {
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && ::fsync(fd) == 0;
    if (fd >= 0) ::close(fd);
    if (!synced) return fail("db.open", {}, folder.string(), "The folder of the database cannot be synced.");
    return {};
}

/// The planted fault "commit_after_success" is one of writers: without its tables nothing would run at all.
#ifdef BUDKAVLE_PLANTED_BUGS
constexpr std::string_view kBeginMigration = "BEGIN  IMMEDIATE";
#else
constexpr std::string_view kBeginMigration = "BEGIN IMMEDIATE";
#endif

Result<> migrate(Connection& connection, const std::vector<Migration>& migrations) {
    BUDKAVLE_CHECK(connection.script("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)"));
    return apply_migrations(
        {.tx = connection,
         .script = [&](std::string_view sql) { return connection.script(sql); },
         .alone =
             [&](const std::function<Result<>()>& work) {
                 return connection.in_transaction(kBeginMigration, [&](Transaction&) { return work(); });
             }},
        migrations);
}

class SqliteDatabase final : public Database {
public:
    SqliteDatabase(std::filesystem::path file, std::unique_ptr<Connection> writer)
        : file_(std::move(file)), writer_(std::move(writer)), group_(*writer_) {}

    Result<> write(const std::function<Result<>(Transaction&)>& work) override { return group_.write(work); }

    Result<> read(const std::function<Result<>(Transaction&)>& work) override {
        BUDKAVLE_TRY(auto reader, take_reader());
        auto done = reader->in_transaction("BEGIN", work);
        {
            const std::lock_guard lock(readers_lock_);
            idle_.push_back(std::move(reader));
        }
        reader_back_.notify_one();
        return done;
    }

private:
    Result<std::unique_ptr<Connection>> take_reader() {
        std::unique_lock lock(readers_lock_);
        reader_back_.wait(lock, [&] { return !idle_.empty() || opened_ < kReaders; });
        if (idle_.empty()) {
            auto opened = Connection::open(file_, Access::read);
            if (opened) ++opened_;
            return opened;
        }
        auto reader = std::move(idle_.back());
        idle_.pop_back();
        return reader;
    }

    std::filesystem::path file_;
    std::unique_ptr<Connection> writer_;
    GroupCommit group_;
    std::mutex readers_lock_;
    std::condition_variable reader_back_;
    std::vector<std::unique_ptr<Connection>> idle_;
    unsigned opened_ = 0;
};

}  // namespace

std::int64_t Row::integer(std::size_t column) const {
    const auto* value = std::get_if<std::int64_t>(&values_.at(column));
    return value == nullptr ? 0 : *value;
}
std::string Row::text(std::size_t column) const {
    const auto* value = std::get_if<std::string>(&values_.at(column));
    return value == nullptr ? std::string{} : *value;
}
Bytes Row::blob(std::size_t column) const {
    const auto* value = std::get_if<Bytes>(&values_.at(column));
    return value == nullptr ? Bytes{} : *value;
}
bool Row::is_null(std::size_t column) const {
    return std::holds_alternative<std::monostate>(values_.at(column));
}
std::optional<std::string> Row::optional_text(std::size_t column) const {
    if (is_null(column)) return std::nullopt;
    return text(column);
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& file,
                                                 const std::vector<Migration>& migrations) {
    BUDKAVLE_TRY(auto writer, Connection::open(file, Access::write));
    BUDKAVLE_CHECK(migrate(*writer, migrations));
    BUDKAVLE_CHECK(sync_folder(file));
    return std::make_unique<SqliteDatabase>(file, std::move(writer));
}

Result<std::unique_ptr<Database>> Database::open_at(const Location& location,
                                                    const std::vector<Migration>& migrations) {
    if (const auto* file = std::get_if<std::filesystem::path>(&location)) return open(*file, migrations);
    return open_postgres(std::get<PostgresLocation>(location), migrations);
}

Result<SchemaState> Database::schema_state(const Location& location, const std::vector<Migration>& migrations) {
    const auto* file = std::get_if<std::filesystem::path>(&location);
    if (file == nullptr) return postgres_schema_state(std::get<PostgresLocation>(location), migrations);
    SchemaState empty{.present = 0, .newest = migrations.empty() ? 0 : migrations.back().version, .pending = {}};
    for (const auto& migration : migrations) empty.pending.push_back(migration.version);
    if (!std::filesystem::exists(*file)) return empty;
    BUDKAVLE_TRY(const auto connection, Connection::open(*file, Access::read));
    BUDKAVLE_TRY(const auto tables,
                 connection->query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'", {}));
    if (tables.empty()) return empty;
    return compare_schema(*connection, migrations);
}

}  // namespace budkavle::store
