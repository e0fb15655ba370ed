#include "store/database.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "store/connection.hpp"
#include "store/group_commit.hpp"

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

Result<> migrate(Connection& connection, const std::vector<Migration>& migrations) {
    BUDKAVLE_CHECK(connection.script("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)"));
    BUDKAVLE_TRY(const auto rows, connection.query("SELECT COALESCE(MAX(version), 0) FROM schema_version", {}));
    const auto present = rows.at(0).integer(0);
    if (!std::ranges::is_sorted(migrations, std::ranges::less_equal{}, &Migration::version)) {
        return fail("db.migrations", "Migrations are not numbered in ascending order.");
    }
    if (present > (migrations.empty() ? 0 : migrations.back().version)) {
        return fail("db.newer", {}, {}, "The database was written by a newer version of the program.",
                    "Run the newer program.");
    }
    for (const auto& migration : migrations) {
        if (migration.version <= present) continue;
        BUDKAVLE_CHECK(connection.in_transaction("BEGIN IMMEDIATE", [&](Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(connection.script(migration.sql));
            BUDKAVLE_CHECK(
                tx.execute("INSERT INTO schema_version (version) VALUES (?1)", {std::int64_t{migration.version}}));
            return {};
        }));
    }
    return {};
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

}  // namespace budkavle::store
