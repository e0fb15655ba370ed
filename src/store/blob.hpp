#pragma once
/// Large octets at rest: one encrypted file each (AES-256-GCM in chunks, key per file wrapped by the store's key).

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/stream.hpp"

namespace budkavle::store {

/// A blob being written; invisible until `commit`.
class BlobWriter : public Sink {
public:
    /// Makes it durable (file and folder synced) under its id. After a crash it is there whole or not at all.
    virtual Result<std::string> commit() = 0;
    [[nodiscard]] virtual std::uint64_t size() const = 0;     ///< clear octets so far
    [[nodiscard]] virtual const std::string& id() const = 0;  ///< the id it will have
};

class BlobStore {
public:
    /// `key`: 32 octets, kept outside the folder by the caller. Leftovers of unfinished writes are removed at opening.
    /// One process at a time: error "blob.in_use" (later) while another one has the folder open.
    static Result<std::unique_ptr<BlobStore>> open(const std::filesystem::path& folder, const SecretBytes& key);
    virtual ~BlobStore() = default;
    virtual Result<std::unique_ptr<BlobWriter>> create() = 0;
    /// Error "blob.missing", "blob.damaged" (authentication failed; also from `Source::read`, which hands out nothing
    /// unverified, but verified octets may have been handed out before it meets damage further on).
    virtual Result<std::unique_ptr<Source>> read(const std::string& id) = 0;
    virtual Result<std::uint64_t> size(const std::string& id) = 0;  ///< clear octets
    virtual Result<> remove(const std::string& id) = 0;             ///< absent is fine
    /// Removes blobs for which `keep` says no (start-up: orphans of transactions that never committed).
    virtual Result<std::size_t> sweep(const std::function<bool(const std::string&)>& keep) = 0;
};

/// Reads the 32-octet key in `file`, or creates it (0600, durable). Error "key.malformed", "key.permissions" (others
/// may read it).
Result<SecretBytes> load_or_create_key(const std::filesystem::path& file);

}  // namespace budkavle::store
