#pragma once
/// What a node serves, kept beside it: it starts from there when the database is away. Signed by the node's own key, so
/// that nobody else can put answers under its name; too old a file is refused.

#include <filesystem>
#include <memory>

#include "crypto/key.hpp"
#include "smpserver/publications.hpp"

namespace budkavle::smpserver {

/// Replaces the file when all of it is on disk.
Result<> write_snapshot(const std::filesystem::path& file, const Snapshot& snapshot, const crypto::Identity& node,
                        Time now);

/// Errors "snapshot.missing", "snapshot.malformed", "snapshot.signature", "snapshot.old" (or from the future).
Result<std::shared_ptr<const Snapshot>> read_snapshot(const std::filesystem::path& file, const crypto::PublicKey& node,
                                                      Time now, std::chrono::seconds max_age);

}  // namespace budkavle::smpserver
