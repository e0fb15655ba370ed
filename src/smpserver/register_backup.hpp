#pragma once
/// Backup of the register, and what a restored old state must not do by itself (SEC-100…SEC-102).

#include "smpserver/register.hpp"
#include "store/database_backup.hpp"

namespace budkavle::smpserver {

struct RegisterRestoration {
    std::string id;
    Time taken{};
    std::int64_t answers = 0;    ///< published, octets as they were
    std::int64_t located = 0;    ///< rows of the locator queue that are brought to the locator again
    std::int64_t abandoned = 0;  ///< planned changes that fell due since, and bulk changes under way: failed, to be made anew
};

/// Nodes and worker may go on. The file is `to`/smp/ID.blob. The key of the SMP's signature is not in it.
Result<store::DatabaseBackup> back_up_register(const RegisterConfig& config, const std::filesystem::path& to,
                                               const SecretBytes& key, Time now);

/// Into an empty place, while no worker runs. Nodes that go on serve the restored answers once they see it: the version they
/// follow goes forward, never back. Nothing is signed anew.
Result<RegisterRestoration> restore_register(const RegisterConfig& config, const std::filesystem::path& from,
                                             const std::string& id, const SecretBytes& key, Time now);

}  // namespace budkavle::smpserver
