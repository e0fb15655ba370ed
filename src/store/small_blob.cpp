#include "store/small_blob.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "base/random.hpp"
#include "store/chunk_cipher.hpp"
#include "store/planted.hpp"

namespace budkavle::store {
namespace {

constexpr std::string_view kMagic = "BKS1";
constexpr std::size_t kIdLength = 33;
constexpr std::chrono::hours kSettled{1};

constexpr std::int64_t kOverhead = kMagic.size() + kNonce + kTag;

std::unexpected<Error> missing() {
    return fail("blob.missing", "There is no stored blob with this id.");
}
std::unexpected<Error> damaged() {
    return fail("blob.damaged", "SEC-43", {}, "A stored blob is not one of ours or is cut off.",
                "Restore it from a backup.");
}

/// "s", the time, a random number: ids grow, so that the index of the table is written at one end only.
std::string id_at(std::chrono::system_clock::time_point time, std::uint64_t random = 0) {
    const auto since = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch());
    return fmt::format("s{:016x}{:016x}", static_cast<std::uint64_t>(since.count()), random);
}

/// The ids of files are UUIDs; these never look like one.
bool is_small(std::string_view id) {
    return id.size() == kIdLength && id.front() == 's';
}

Bytes binding_of(const std::string& id) {
    return to_bytes(std::string(kMagic) + id);
}

SecretBytes copy_of(const SecretBytes& key) {
    return SecretBytes(key.view());
}

Result<Bytes> seal_blob(const SecretBytes& key, const std::string& id, ByteView clear) {
    Nonce nonce;
    random_bytes(nonce);
    ChunkCipher cipher(copy_of(key));
    BUDKAVLE_TRY(const auto sealed, cipher.seal(nonce, binding_of(id), clear));
    Bytes whole;
    whole.reserve(kMagic.size() + kNonce + sealed.size());
    const auto magic = as_bytes(kMagic);
    whole.insert(whole.end(), magic.begin(), magic.end());
    whole.insert(whole.end(), nonce.begin(), nonce.end());
    whole.insert(whole.end(), sealed.begin(), sealed.end());
    return whole;
}

Result<Bytes> open_blob(const SecretBytes& key, const std::string& id, ByteView whole) {
    if (whole.size() < kOverhead || !as_text(whole).starts_with(kMagic)) return damaged();
    Nonce nonce;
    std::copy_n(whole.begin() + kMagic.size(), kNonce, nonce.begin());
    ChunkCipher cipher(copy_of(key));
    return cipher.open(nonce, binding_of(id), whole.subspan(kMagic.size() + kNonce));
}

class OwningSource final : public Source {
public:
    explicit OwningSource(Bytes octets) : octets_(std::move(octets)), source_(ByteView(octets_)) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override { return source_.read(into); }

private:
    Bytes octets_;
    MemorySource source_;
};

class Writer final : public BlobWriter {
public:
    Writer(Database& database, BlobStore& files, const SecretBytes& key)
        : database_(database), files_(files), key_(key), id_(id_at(std::chrono::system_clock::now(), random_u64())) {}

    Result<> write(ByteView bytes) override {
        if (!file_ && clear_.size() + bytes.size() > kSmallBlob) {
            BUDKAVLE_TRY(file_, files_.create());
            id_ = file_->id();
            BUDKAVLE_CHECK(file_->write(clear_));
            clear_ = {};
        }
        if (file_) return file_->write(bytes);
        clear_.insert(clear_.end(), bytes.begin(), bytes.end());
        return {};
    }

    Result<> prepare() override {
        if (file_) return file_->prepare();
        BUDKAVLE_TRY(sealed_, seal_blob(key_, id_, clear_));
        return {};
    }

    Result<std::string> store(Transaction& tx) override {
        if (file_) return file_->store(tx);
#ifdef BUDKAVLE_PLANTED_BUGS
        if (planted("small_blob_after_commit")) {
            std::thread([&database = database_, id = id_, sealed = sealed_] {
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
                (void)database.write([&](Transaction& late) -> Result<> {
                    BUDKAVLE_CHECK(late.execute("INSERT INTO small_blob (id, octets) VALUES (?1, ?2)", {id, sealed}));
                    return {};
                });
            }).detach();
            return id_;
        }
#endif
        BUDKAVLE_CHECK(tx.execute("INSERT INTO small_blob (id, octets) VALUES (?1, ?2)", {id_, sealed_}));
        return id_;
    }

    Result<std::string> commit() override {
        BUDKAVLE_CHECK(prepare());
        if (file_) return id_;
        BUDKAVLE_CHECK(database_.write([&](Transaction& tx) -> Result<> {
            BUDKAVLE_CHECK(store(tx));
            return {};
        }));
        return id_;
    }

    Result<std::unique_ptr<Source>> read() override {
        if (file_) return file_->read();
        return std::make_unique<OwningSource>(clear_);
    }

    [[nodiscard]] std::uint64_t size() const override { return file_ ? file_->size() : clear_.size(); }
    [[nodiscard]] const std::string& id() const override { return id_; }

private:
    Database& database_;
    BlobStore& files_;
    const SecretBytes& key_;
    std::string id_;
    Bytes clear_;
    Bytes sealed_;
    std::unique_ptr<BlobWriter> file_;
};

class TwoSizes final : public BlobStore {
public:
    TwoSizes(Database& database, std::unique_ptr<BlobStore> files, const SecretBytes& key)
        : database_(database), files_(std::move(files)), key_(copy_of(key)) {}

    Result<std::unique_ptr<BlobWriter>> create() override {
        return std::make_unique<Writer>(database_, *files_, key_);
    }

    Result<std::unique_ptr<Source>> read(const std::string& id) override {
        if (!is_small(id)) return files_->read(id);
        BUDKAVLE_TRY(const auto sealed, load(id));
        BUDKAVLE_TRY(auto clear, open_blob(key_, id, sealed));
        return std::make_unique<OwningSource>(std::move(clear));
    }

    Result<std::uint64_t> size(const std::string& id) override {
        if (!is_small(id)) return files_->size(id);
        std::int64_t whole = -1;
        BUDKAVLE_CHECK(database_.read([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto rows, tx.query("SELECT LENGTH(octets) FROM small_blob WHERE id = ?1", {id}));
            if (!rows.empty()) whole = rows.front().integer(0);
            return {};
        }));
        if (whole < 0) return missing();
        if (whole < kOverhead) return damaged();
        return static_cast<std::uint64_t>(whole - kOverhead);
    }

    Result<> remove(const std::string& id) override {
        if (!is_small(id)) return files_->remove(id);
        // Most are gone with the row that named them: no transaction for nothing.
        BUDKAVLE_TRY(const bool there, is_there(id));
        if (!there) return {};
        return database_.write([&](Transaction& tx) { return remove_within(tx, id); });
    }

    Result<> remove_within(Transaction& tx, const std::string& id) override {
        if (is_small(id)) BUDKAVLE_CHECK(tx.delete_sealed("DELETE FROM small_blob WHERE id = ?1", {id}));
        return {};
    }

    Result<std::size_t> sweep(const std::function<bool(const std::string&)>& keep) override {
        BUDKAVLE_TRY(std::size_t removed, files_->sweep(keep));
        std::vector<std::string> orphans;
        BUDKAVLE_CHECK(database_.read([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto rows, tx.query("SELECT id FROM small_blob"));
            // What another process is just storing may be younger than what the caller knows.
            const auto old = id_at(std::chrono::system_clock::now() - kSettled);
            for (const auto& row : rows)
                if (row.text(0) < old && !keep(row.text(0))) orphans.push_back(row.text(0));
            return {};
        }));
        for (const auto& id : orphans) {
            BUDKAVLE_CHECK(remove(id));
            ++removed;
        }
        return removed;
    }

private:
    Result<bool> is_there(const std::string& id) {
        bool there = false;
        BUDKAVLE_CHECK(database_.read([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto rows, tx.query("SELECT 1 FROM small_blob WHERE id = ?1", {id}));
            there = !rows.empty();
            return {};
        }));
        return there;
    }

    Result<Bytes> load(const std::string& id) {
        std::optional<Bytes> sealed;
        BUDKAVLE_CHECK(database_.read([&](Transaction& tx) -> Result<> {
            BUDKAVLE_TRY(const auto rows, tx.query("SELECT octets FROM small_blob WHERE id = ?1", {id}));
            if (!rows.empty()) sealed = rows.front().blob(0);
            return {};
        }));
        if (!sealed) return missing();
        return std::move(*sealed);
    }

    Database& database_;
    std::unique_ptr<BlobStore> files_;
    SecretBytes key_;
};

}  // namespace

bool lies_in_database(std::string_view id) {
    return is_small(id);
}

std::string_view small_blob_schema() {
    return "CREATE TABLE small_blob (id TEXT PRIMARY KEY, octets BLOB NOT NULL);";
}

std::unique_ptr<BlobStore> with_small_blobs(Database& database, std::unique_ptr<BlobStore> files,
                                            const SecretBytes& key) {
    return std::make_unique<TwoSizes>(database, std::move(files), key);
}

}  // namespace budkavle::store
