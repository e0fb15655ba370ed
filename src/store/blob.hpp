#pragma once
/// Large octets at rest: one encrypted file each (AES-256-GCM in chunks, key per file wrapped by the store's key).

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/stream.hpp"
#include "base/time.hpp"

namespace budkavle::store {

/// A blob being written; invisible until `commit`.
class BlobWriter : public Sink {
public:
    /// Makes it durable (file and folder synced) under its id. After a crash it is there whole or not at all.
    virtual Result<std::string> commit() = 0;
    [[nodiscard]] virtual std::uint64_t size() const = 0;     ///< clear octets so far
    [[nodiscard]] virtual const std::string& id() const = 0;  ///< the id it will have
};

enum class Sharing : std::uint8_t { one_process, several_processes };

class BlobStore {
public:
    /// `key`: 32 octets, kept outside the folder by the caller. Error "blob.in_use" (later) while another process has
    /// the folder open for itself, or, for `one_process`, at all. `one_process` removes leftovers of unfinished writes;
    /// among several nobody can tell at once whose they are: `sweep` does it.
    static Result<std::unique_ptr<BlobStore>> open(const std::filesystem::path& folder, const SecretBytes& key,
                                                   Sharing sharing = Sharing::one_process,
                                                   milliseconds suspicion = std::chrono::minutes(55));
    virtual ~BlobStore() = default;
    virtual Result<std::unique_ptr<BlobWriter>> create() = 0;
    /// Error "blob.missing", "blob.damaged" (authentication failed; also from `Source::read`, which hands out nothing
    /// unverified, but verified octets may have been handed out before it meets damage further on).
    virtual Result<std::unique_ptr<Source>> read(const std::string& id) = 0;
    virtual Result<std::uint64_t> size(const std::string& id) = 0;  ///< clear octets
    virtual Result<> remove(const std::string& id) = 0;             ///< absent is fine
    /// Removes blobs for which `keep` says no (start-up: orphans of transactions that never committed). Among several
    /// processes a file goes only when a sweep at least `suspicion` earlier found it without a keeper, too, and unchanged since: by then no
    /// transaction can be under way that will name it.
    virtual Result<std::size_t> sweep(const std::function<bool(const std::string&)>& keep) = 0;
};

/// Reads the 32-octet key in `file`, or creates it (0600, durable). Error "key.malformed", "key.permissions" (others
/// may read it).
Result<SecretBytes> load_or_create_key(const std::filesystem::path& file);

}  // namespace budkavle::store
