#include "store/migrate.hpp"

#include <algorithm>

namespace budkavle::store {

Result<> check_order(const std::vector<Migration>& migrations) {
    if (!std::ranges::is_sorted(migrations, std::ranges::less_equal{}, &Migration::version))
        return fail("db.migrations", "Migrations are not numbered in ascending order.");
    return {};
}

Result<SchemaState> compare_schema(Transaction& tx, const std::vector<Migration>& migrations) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT COALESCE(MAX(version), 0) FROM schema_version"));
    SchemaState state{.present = static_cast<int>(rows.at(0).integer(0)),
                      .newest = migrations.empty() ? 0 : migrations.back().version,
                      .pending = {}};
    if (state.present > state.newest) {
        return fail("db.newer", "SEC-104", {}, "The database was written by a newer version of the program.",
                    "Run the newer program, or restore the backup made before the upgrade.");
    }
    for (const auto& migration : migrations) {
        if (migration.version > state.present) state.pending.push_back(migration.version);
    }
    return state;
}

Result<> apply_migrations(const MigrationTarget& target, const std::vector<Migration>& migrations) {
    BUDKAVLE_CHECK(check_order(migrations));
    // The common case takes no lock: nothing is missing.
    BUDKAVLE_TRY(const auto before, compare_schema(target.tx, migrations));
    if (before.pending.empty()) return {};
    for (const auto& migration : migrations) {
        BUDKAVLE_CHECK(target.alone([&]() -> Result<> {
            // Under the lock: another process may have been here since.
            BUDKAVLE_TRY(const auto state, compare_schema(target.tx, migrations));
            if (migration.version <= state.present) return {};
            BUDKAVLE_CHECK(target.script(migration.sql));
            BUDKAVLE_CHECK(target.tx.execute("INSERT INTO schema_version (version) VALUES (?1)",
                                             {std::int64_t{migration.version}}));
            return {};
        }));
    }
    return {};
}

}  // namespace budkavle::store
