#pragma once
/// Backup and restore of an access point's store as one consistent, encrypted whole (SEC-43, SEC-100…SEC-102), from and
/// to either engine. The access point may run while a backup is taken; not while one is restored.

#include <cstdint>
#include <filesystem>
#include <string>

#include "accesspoint/config.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace budkavle::accesspoint {

struct BackupReport {
    std::string id{};  ///< also the name of the file: ID.blob
    Time taken{};
    std::int64_t rows = 0;
    std::size_t blobs = 0;     ///< with a file of their own
    std::size_t finished = 0;  ///< blobs of messages that were finished while the backup was taken; not in it
};

/// Writes one file into the folder `to` (made when missing; it may hold others), encrypted with `key` (32 octets, not
/// the key of the store). The key of the store is named in it by its SHA-256, not contained. Errors "backup.pending" (migrate
/// first), those of the store.
Result<BackupReport> take_backup(const AccessPointConfig& config, const std::filesystem::path& to,
                                 const SecretBytes& key, Time now);

struct RestoreReport {
    std::string id{};
    Time taken{};
    std::int64_t rows = 0;
    std::size_t blobs = 0;
    std::int64_t held = 0;  ///< messages that wait for the operator
};

struct RestoreOrder {
    std::filesystem::path from;  ///< folder of backups
    std::string id{};            ///< which; may be empty when the folder holds one
    Time lost{};                 ///< until then the lost store may have acted; when in doubt, now
    Time now{};
};

/// Into a place that holds nothing yet. Messages under way are held (restoration.hpp) before anything can act on
/// them. Errors "restore.not_empty", "restore.other" (another access point or environment), "restore.key" (the key of
/// the store is not the one of the backup), "restore.damaged", "blob.damaged" (wrong key of the backup, or damage), "db.newer".
Result<RestoreReport> restore_backup(const AccessPointConfig& config, const RestoreOrder& order,
                                     const SecretBytes& key);

}  // namespace budkavle::accesspoint
