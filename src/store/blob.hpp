#pragma once
/// Large octets at rest: one encrypted file each (AES-256-GCM in chunks, key per file wrapped by the store's key).

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/stream.hpp"
#include "base/time.hpp"
#include "store/database.hpp"

namespace budkavle::store {

/// A blob being written; invisible until `commit`, or until the transaction of `store` is committed. Either `commit`, or `prepare` and
/// `store`: the second way is for a blob that one row names, and costs a small blob no sync of its own (`small_blob.hpp`).
class BlobWriter : public Sink {
public:
    /// Makes it durable under its id. After a crash it is there whole or not at all.
    virtual Result<std::string> commit() = 0;
    /// Ends the writing and does what must not wait inside a transaction: a blob with a file of its own is durable afterwards.
    virtual Result<> prepare() = 0;
    /// After `prepare`: puts it where the row that names it goes. May be called again when the transaction is run again.
    virtual Result<std::string> store(Transaction& tx) = 0;
    /// After `prepare`: what was written, also before it is stored.
    virtual Result<std::unique_ptr<Source>> read() = 0;
    [[nodiscard]] virtual std::uint64_t size() const = 0;     ///< clear octets so far
    [[nodiscard]] virtual const std::string& id() const = 0;  ///< the id it will have, fixed from `prepare` on
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
    /// In the transaction that forgets the blob: what lies in the database goes with it. For what has a file of its own nothing
    /// happens; the caller removes it after the commit as always, so that a row never names what is gone.
    virtual Result<> remove_within(Transaction& tx, const std::string& id) {
        (void)tx;
        (void)id;
        return {};
    }
    /// Removes blobs for which `keep` says no (start-up: orphans of transactions that never committed). Among several
    /// processes a file goes only when a sweep at least `suspicion` earlier found it without a keeper, too, and unchanged since: by then no
    /// transaction can be under way that will name it.
    virtual Result<std::size_t> sweep(const std::function<bool(const std::string&)>& keep) = 0;
};

/// Reads the 32-octet key in `file`, or creates it (0600, durable). Error "key.malformed", "key.permissions" (others
/// may read it).
Result<SecretBytes> load_or_create_key(const std::filesystem::path& file);

}  // namespace budkavle::store
