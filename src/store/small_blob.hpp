#pragma once
/// Small blobs beside the rows that name them: one transaction, one sync, no file. Large ones keep their files.
///
/// Form of a small blob: `BKS1` ‖ nonce(12) ‖ ciphertext ‖ tag(16), AES-256-GCM under the store key with a random nonce; `BKS1` and the
/// id are authenticated, so that no octets pass for another blob. The database's own deletion overwrites (secure_delete).

#include <memory>
#include <string_view>

#include "store/blob.hpp"

namespace budkavle::store {

/// The largest small blob in clear octets.
inline constexpr std::size_t kSmallBlob = std::size_t{64} * 1024;

/// A migration of the database that is given to `with_small_blobs`.
[[nodiscard]] std::string_view small_blob_schema();

/// Is this the id of a small blob? BlobStore::remove_within takes such a one away completely.
[[nodiscard]] bool lies_in_database(std::string_view id);

/// Blobs up to `kSmallBlob` go to `database`, the others to `files`. Nobody but the caller's rows holds the ids together: a blob that was
/// made durable by `commit` alone and is named by no row goes with the next `sweep`.
/// `database` must outlive the result. `key`: as for `files`.
[[nodiscard]] std::unique_ptr<BlobStore> with_small_blobs(Database& database, std::unique_ptr<BlobStore> files,
                                                          const SecretBytes& key);

}  // namespace budkavle::store
