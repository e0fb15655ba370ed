#pragma once
/// Faults that exist only in builds with BUDKAVLE_PLANTED_BUGS: they prove that the fault suite finds what it is meant
/// to find. One is chosen by the environment variable BUDKAVLE_PLANT. In every other build this header is empty.

#ifdef BUDKAVLE_PLANTED_BUGS
#include <cstdlib>
#include <string_view>

namespace budkavle::store {

/// Is this fault chosen? Names: "receipt_before_commit", "missing_fsync", "duplicate_check_not_atomic",
/// "decrypt_before_verify", "commit_after_success", "unknown_commit_called_failed", "lease_ignored",
/// "duplicate_memory_lost", "small_blob_after_commit".
[[nodiscard]] inline bool planted(std::string_view name) {
    const char* chosen = std::getenv("BUDKAVLE_PLANT");
    return chosen != nullptr && name == chosen;
}

}  // namespace budkavle::store
#endif
