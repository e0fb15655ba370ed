#pragma once
/// Backup and restore of a service whose whole state is one database, as one consistent, encrypted and authenticated
/// file, from and to either engine (SEC-43, SEC-100…SEC-102).

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "store/database.hpp"
#include "store/location.hpp"

namespace budkavle::store {

struct BackupSubject {
    std::string kind;  ///< "smp"; part of what is checked before anything is restored, and the folder below that of backups
    std::string name;  ///< which of that kind, in which environment (SEC-35): its address
    Location location;
    const std::vector<Migration>& migrations;
    std::vector<std::string> born_with{};  ///< tables that have rows in a new database; those of the backup replace them
};

struct DatabaseBackup {
    std::string id;  ///< also the name of the file: KIND/ID.blob
    Time taken{};
    std::int64_t rows = 0;
};

/// Others may go on working on the database. `to` is made when missing; `key`: 32 octets. Errors "backup.pending" (another schema
/// than this program's, or no database), those of the store.
Result<DatabaseBackup> take_database_backup(const BackupSubject& subject, const std::filesystem::path& to,
                                            const SecretBytes& key, Time now);

/// Into a place that holds nothing yet; nobody works on it. `id` may be empty when there is one. `adapt` changes the old
/// state so that what goes on from it does no harm, before anybody can see it. Errors "restore.not_empty", "restore.other"
/// (another kind or name), "restore.damaged", "blob.damaged" (wrong key, or damage), "db.newer", those of `adapt`.
Result<DatabaseBackup> restore_database(const BackupSubject& subject, const std::filesystem::path& from,
                                        const std::string& id, const SecretBytes& key,
                                        const std::function<Result<>(Transaction&)>& adapt);

}  // namespace budkavle::store
