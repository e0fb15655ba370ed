#include "store/postgres_database.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/random.hpp"
#include "store/dialect.hpp"
#include "store/migrate.hpp"
#include "store/postgres_connection.hpp"
#include "store/postgres_listener.hpp"

namespace budkavle::store {
namespace {

using Steady = std::chrono::steady_clock;

constexpr unsigned kReaders = 4;
constexpr auto kPatience = std::chrono::seconds(5);          ///< for a server that is away or busy
constexpr auto kPatienceOfCommit = std::chrono::seconds(15);  ///< to learn what became of a commit
constexpr unsigned kConflicts = 20;

/// Writers of all processes take turns, as in SQLite: the lock comes before the snapshot, so a transaction sees everything that
/// was committed before it and nothing changes beside it. Readers are not held up.
constexpr std::string_view kBeginWrite =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE; LOCK TABLE schema_version IN SHARE ROW EXCLUSIVE MODE";
constexpr std::string_view kBeginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

void pause(unsigned attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds((10U << std::min(attempt, 5U)) + random_u64() % 10));
}

class PostgresDatabase final : public Database {
public:
    explicit PostgresDatabase(PostgresLocation location) : location_(std::move(location)) {}

    Result<> prepare(const std::vector<Migration>& migrations) {
        BUDKAVLE_TRY(writer_, PostgresConnection::open(location_));
        return migrate_postgres(*writer_, location_.schema, migrations);
    }

    Result<> write(const std::function<Result<>(Transaction&)>& work) override {
        const std::lock_guard lock(writing_);
        const auto until = Steady::now() + kPatience;
        unsigned conflicts = 0;
        for (unsigned attempt = 0;; ++attempt) {
            BUDKAVLE_CHECK(connect_writer(until));
            auto done = try_write(work);
            if (done) return {};
            // Lost or conflicted: nothing of it was committed, the work runs again.
            const bool again = writer_->lost() ? Steady::now() < until
                                               : writer_->conflicted() && ++conflicts < kConflicts;
            if (!again || done.error().code == kUnknown) return done;
            pause(attempt);
        }
    }

    Result<> read(const std::function<Result<>(Transaction&)>& work) override {
        const auto until = Steady::now() + kPatience;
        for (unsigned attempt = 0;; ++attempt) {
            BUDKAVLE_TRY(auto reader, take_reader(until));
            auto done = reader->script(std::string(kBeginRead));
            if (done) {
                reader->begun(false);
                done = work(*reader);
                reader->rollback();
            }
            const bool again = !done && (reader->lost() || reader->conflicted()) && Steady::now() < until;
            give_back(std::move(reader));
            if (!again) return done;
            pause(attempt);
        }
    }

    [[nodiscard]] bool shared() const override { return true; }
    void announce(std::string_view topic) override {
        const std::lock_guard lock(listening_);
        if (listener_) listener_->announce(topic);
    }
    void listen(std::function<void(std::string_view)> heard) override {
        const std::lock_guard lock(listening_);
        listener_.reset();
        if (heard) listener_ = std::make_unique<PostgresListener>(location_, id_, std::move(heard));
    }

private:
    static constexpr std::string_view kUnknown = "db.unknown";

    Result<> connect_writer(Steady::time_point until) {
        for (unsigned attempt = 0; !writer_ || writer_->lost(); ++attempt) {
            auto opened = PostgresConnection::open(location_);
            if (opened) {
                writer_ = std::move(*opened);
            } else if (opened.error().retry != Retry::later || Steady::now() >= until) {
                return std::unexpected(opened.error());
            } else {
                pause(attempt);
            }
        }
        return {};
    }

    Result<> try_write(const std::function<Result<>(Transaction&)>& work) {
        auto& connection = *writer_;
        if (auto begun = connection.script(std::string(kBeginWrite)); !begun) {
            connection.rollback();
            return begun;
        }
        connection.begun(true);
        auto done = work(connection);
        if (done && !connection.lost() && !connection.conflicted()) return finish(connection);
        connection.rollback();
        // The work may have swallowed the error that matters.
        return done ? fail("db.busy", "The transaction was broken off.", Retry::later) : done;
    }

    Result<> finish(PostgresConnection& connection) {
        if (!connection.changed()) return connection.commit({});
        const auto number = std::to_string(++commits_);
        // Tells afterwards whether this transaction was committed.
        const auto done = connection.commit("INSERT INTO store_writer (id, number, at) VALUES ('" + id_ + "', " + number +
                                            ", now()) ON CONFLICT (id) DO UPDATE SET number = excluded.number, at = "
                                            "excluded.at; ");
        if (done || !connection.lost()) return done;
        const auto committed = ask(commits_);
        if (!committed) {
            return fail("db.unknown", {}, {}, "The connection was lost during a commit; its outcome could not be learnt.",
                        "The step is repeated; it may run twice.", Retry::later);
        }
        return *committed ? Result<>{} : done;
    }

    /// Was our commit of this number made? The lock waits for the end of the lost transaction.
    std::optional<bool> ask(std::uint64_t number) {
        const auto until = Steady::now() + kPatienceOfCommit;
        for (unsigned attempt = 0; Steady::now() < until; ++attempt) {
            pause(attempt);
            const auto opened = PostgresConnection::open(location_);
            if (!opened || !(*opened)->script(std::string(kBeginWrite))) continue;
            const auto rows = (*opened)->query("SELECT number FROM store_writer WHERE id = ?1", {id_});
            if (rows) return !rows->empty() && rows->front().integer(0) == static_cast<std::int64_t>(number);
        }
        return std::nullopt;
    }

    Result<std::unique_ptr<PostgresConnection>> take_reader(Steady::time_point until) {
        {
            std::unique_lock lock(readers_lock_);
            if (!reader_back_.wait_until(lock, until + kPatience, [&] { return !idle_.empty() || opened_ < kReaders; }))
                return fail("db.busy", "All connections to the database server are in use.", Retry::later);
            if (!idle_.empty()) {
                auto reader = std::move(idle_.back());
                idle_.pop_back();
                return reader;
            }
            ++opened_;
        }
        for (unsigned attempt = 0;; ++attempt) {
            auto opened = PostgresConnection::open(location_);
            if (opened) return opened;
            if (opened.error().retry != Retry::later || Steady::now() >= until) {
                give_back(nullptr);
                return opened;
            }
            pause(attempt);
        }
    }

    /// A lost connection makes room for a new one.
    void give_back(std::unique_ptr<PostgresConnection> reader) {
        {
            const std::lock_guard lock(readers_lock_);
            if (!reader || reader->lost()) {
                --opened_;
            } else {
                idle_.push_back(std::move(reader));
            }
        }
        reader_back_.notify_one();
    }

    const PostgresLocation location_;
    const std::string id_ = new_uuid();
    std::mutex writing_;
    std::unique_ptr<PostgresConnection> writer_;
    std::uint64_t commits_ = 0;
    std::mutex readers_lock_;
    std::condition_variable reader_back_;
    std::vector<std::unique_ptr<PostgresConnection>> idle_;
    unsigned opened_ = 0;
    std::mutex listening_;
    std::unique_ptr<PostgresListener> listener_;
};

}  // namespace

Result<std::unique_ptr<Database>> open_postgres(const PostgresLocation& location,
                                                const std::vector<Migration>& migrations) {
    BUDKAVLE_CHECK(check(Location(location)));
    auto database = std::make_unique<PostgresDatabase>(location);
    BUDKAVLE_CHECK(database->prepare(migrations));
    return database;
}

}  // namespace budkavle::store
