#include "store/blob.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <system_error>
#include <utility>

#include "base/random.hpp"
#include "store/chunk_cipher.hpp"
#include "store/planted.hpp"

namespace budkavle::store {
namespace {

namespace fs = std::filesystem;

// A file: magic(4) ‖ wrapping nonce(12) ‖ wrapped file key(32 + 16) ‖ chunks. The wrapping authenticates magic and id.
constexpr std::string_view kMagic = "BKB1";
constexpr std::size_t kKey = 32;
constexpr std::size_t kHeader = 4 + kNonce + kKey + kTag;
constexpr std::string_view kDone = ".blob";
constexpr std::string_view kUnfinished = ".part";

std::unexpected<Error> io_error(std::string_view code, const fs::path& path, int number) {
    const bool full = number == ENOSPC || number == EDQUOT;
    return fail(full ? "blob.full" : code, {}, path.filename().string(), std::generic_category().message(number),
                full ? "Free space on the volume of the store." : "", number == ENOENT ? Retry::never : Retry::later);
}

class File {
public:
    explicit File(int fd) : fd_(fd) {}
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&&) = delete;
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int fd() const { return fd_; }

    [[nodiscard]] Result<> write(ByteView bytes) const {
        while (!bytes.empty()) {
            const auto n = ::write(fd_, bytes.data(), bytes.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return io_error("blob.write", {}, errno);
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        }
        return {};
    }
    /// Fills `into` as far as the file goes.
    [[nodiscard]] Result<std::size_t> read(std::span<std::uint8_t> into) const {
        std::size_t total = 0;
        while (total < into.size()) {
            const auto n = ::read(fd_, into.data() + total, into.size() - total);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return io_error("blob.read", {}, errno);
            if (n == 0) break;
            total += static_cast<std::size_t>(n);
        }
        return total;
    }
    [[nodiscard]] Result<> sync(const fs::path& path) const {
#ifdef BUDKAVLE_PLANTED_BUGS
        if (planted("missing_fsync")) return {};
#endif
        if (::fsync(fd_) != 0) return io_error("blob.sync", path, errno);
        return {};
    }

private:
    int fd_;
};

Bytes key_binding(const std::string& id) {
    auto binding = to_bytes(kMagic);
    const auto name = as_bytes(id);
    binding.insert(binding.end(), name.begin(), name.end());
    return binding;
}

SecretBytes copy_of(const SecretBytes& key) {
    return SecretBytes(key.view());
}

class Writer final : public BlobWriter {
public:
    Writer(BlobStore& owner, fs::path folder, int folder_fd, std::string id, File file, SecretBytes key)
        : owner_(owner),
          folder_(std::move(folder)),
          folder_fd_(folder_fd),
          id_(std::move(id)),
          file_(std::move(file)),
          cipher_(std::move(key)) {}
    ~Writer() override {
        if (!committed_) ::unlink(path(kUnfinished).c_str());
    }

    Result<> write(ByteView bytes) override {
        size_ += bytes.size();
        while (!bytes.empty()) {
            // A full chunk is sealed only when more follows: the last one carries the final flag.
            if (pending_.size() == kChunk) BUDKAVLE_CHECK(seal_pending(false));
            const auto n = std::min(kChunk - pending_.size(), bytes.size());
            pending_.insert(pending_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
            bytes = bytes.subspan(n);
        }
        return {};
    }

    Result<> write_header(ByteView header) { return file_.write(header); }

    Result<std::string> commit() override {
        BUDKAVLE_CHECK(prepare());
        return id_;
    }

    Result<> prepare() override {
        BUDKAVLE_CHECK(seal_pending(true));
        BUDKAVLE_CHECK(file_.sync(path(kUnfinished)));
        if (::rename(path(kUnfinished).c_str(), path(kDone).c_str()) != 0)
            return io_error("blob.write", path(kDone), errno);
        committed_ = true;
#ifdef BUDKAVLE_PLANTED_BUGS
        if (planted("missing_fsync")) return {};
#endif
        if (::fsync(folder_fd_) != 0) return io_error("blob.sync", folder_, errno);
        return {};
    }

    Result<std::string> store(Transaction&) override { return id_; }
    Result<std::unique_ptr<Source>> read() override { return owner_.read(id_); }

    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] const std::string& id() const override { return id_; }

private:
    [[nodiscard]] fs::path path(std::string_view suffix) const { return folder_ / (id_ + std::string(suffix)); }
    Result<> seal_pending(bool final) {
        BUDKAVLE_TRY(const auto sealed, cipher_.seal(chunk_nonce(counter_++, final), {}, pending_));
        pending_.clear();
        return file_.write(sealed);
    }

    BlobStore& owner_;
    fs::path folder_;
    int folder_fd_;
    std::string id_;
    File file_;
    ChunkCipher cipher_;
    Bytes pending_;
    std::uint64_t counter_ = 0;
    std::uint64_t size_ = 0;
    bool committed_ = false;
};

class Reader final : public Source {
public:
    Reader(File file, SecretBytes key, std::uint64_t sealed_rest)
        : file_(std::move(file)), cipher_(std::move(key)), rest_(sealed_rest) {}

    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        if (into.empty()) return std::size_t{0};
        while (at_ == chunk_.size()) {
            if (rest_ == 0) return std::size_t{0};
            BUDKAVLE_CHECK(next_chunk());
        }
        const auto n = std::min(into.size(), chunk_.size() - at_);
        std::copy_n(chunk_.begin() + static_cast<std::ptrdiff_t>(at_), n, into.begin());
        at_ += n;
        return n;
    }

private:
    Result<> next_chunk() {
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(rest_, kChunk + kTag));
        Bytes sealed(want);
        BUDKAVLE_TRY(const std::size_t n, file_.read(sealed));
        const bool final = rest_ == want;
        BUDKAVLE_TRY(chunk_, cipher_.open(chunk_nonce(counter_++, final), {}, ByteView(sealed).first(n)));
        rest_ -= want;
        at_ = 0;
        return {};
    }

    File file_;
    ChunkCipher cipher_;
    std::uint64_t rest_;
    Bytes chunk_;
    std::size_t at_ = 0;
    std::uint64_t counter_ = 0;
};

class FolderStore final : public BlobStore {
public:
    FolderStore(fs::path folder, File folder_file, const SecretBytes& key, Sharing sharing,
                milliseconds suspicion)
        : folder_(std::move(folder)), folder_file_(std::move(folder_file)), key_(copy_of(key)), sharing_(sharing), suspicion_(suspicion) {}

    Result<std::unique_ptr<BlobWriter>> create() override {
        auto id = new_uuid();
        const auto path = folder_ / (id + std::string(kUnfinished));
        File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (file.fd() < 0) return io_error("blob.write", path, errno);
        SecretBytes file_key(kKey);
        random_bytes(file_key.mutable_view());
        Nonce nonce;
        random_bytes(nonce);
        ChunkCipher wrapping(copy_of(key_));
        BUDKAVLE_TRY(const auto wrapped, wrapping.seal(nonce, key_binding(id), file_key.view()));
        auto header = to_bytes(kMagic);
        header.insert(header.end(), nonce.begin(), nonce.end());
        header.insert(header.end(), wrapped.begin(), wrapped.end());
        auto writer =
            std::make_unique<Writer>(*this, folder_, folder_file_.fd(), std::move(id), std::move(file), std::move(file_key));
        BUDKAVLE_CHECK(writer->write_header(header));
        return writer;
    }

    Result<std::unique_ptr<Source>> read(const std::string& id) override {
        BUDKAVLE_TRY(const auto path, path_of(id));
        File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (file.fd() < 0 && errno == ENOENT) return missing();
        if (file.fd() < 0) return io_error("blob.read", path, errno);
        struct stat status{};
        if (::fstat(file.fd(), &status) != 0) return io_error("blob.read", path, errno);
        Bytes header(kHeader);
        BUDKAVLE_TRY(const std::size_t n, file.read(header));
        if (n != kHeader || !as_text(header).starts_with(kMagic)) return damaged();
        Nonce nonce;
        std::copy_n(header.begin() + 4, kNonce, nonce.begin());
        ChunkCipher wrapping(copy_of(key_));
        BUDKAVLE_TRY(auto clear, wrapping.open(nonce, key_binding(id), ByteView(header).subspan(4 + kNonce)));
        SecretBytes file_key{ByteView(clear)};
        ::explicit_bzero(clear.data(), clear.size());
        const auto rest = static_cast<std::uint64_t>(status.st_size) - kHeader;
        if (rest < kTag) return damaged();
        return std::make_unique<Reader>(std::move(file), std::move(file_key), rest);
    }

    Result<std::uint64_t> size(const std::string& id) override {
        BUDKAVLE_TRY(const auto path, path_of(id));
        struct stat status{};
        if (::stat(path.c_str(), &status) != 0) {
            if (errno == ENOENT) return missing();
            return io_error("blob.read", path, errno);
        }
        const auto whole = static_cast<std::uint64_t>(status.st_size);
        if (whole < kHeader + kTag) return damaged();
        const auto sealed = whole - kHeader;
        const auto chunks = (sealed + kChunk + kTag - 1) / (kChunk + kTag);
        return sealed - chunks * kTag;
    }

    Result<> remove(const std::string& id) override {
        BUDKAVLE_TRY(const auto path, path_of(id));
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) return io_error("blob.remove", path, errno);
        return {};
    }

    Result<std::size_t> sweep(const std::function<bool(const std::string&)>& keep) override {
        std::size_t removed = 0;
        std::error_code code;
        Suspects suspects;
        for (const auto& entry : fs::directory_iterator(folder_, code)) {
            const bool whole = entry.path().extension() == kDone;
            const bool part = entry.path().extension() == kUnfinished && sharing_ == Sharing::several_processes;
            if ((!whole && !part) || (whole && keep(entry.path().stem().string()))) continue;
            if (sharing_ == Sharing::several_processes && !is_abandoned(entry.path(), suspects)) continue;
            if (::unlink(entry.path().c_str()) == 0) ++removed;
        }
        if (code) return io_error("blob.read", folder_, code.value());
        suspects_ = std::move(suspects);
        return removed;
    }

private:
    /// What a sweep found without a keeper: when it was first seen so, and the state it was in then.
    struct Suspect {
        std::chrono::steady_clock::time_point since;
        std::uintmax_t size;
        fs::file_time_type changed;
    };
    using Suspects = std::map<std::string, Suspect>;

    /// The wall clock, and that of a file server, may jump: only our own steady clock counts.
    bool is_abandoned(const fs::path& path, Suspects& into) const {
        std::error_code code;
        const auto now = std::chrono::steady_clock::now();
        Suspect suspect{now, fs::file_size(path, code), fs::last_write_time(path, code)};
        if (code) return false;
        const auto name = path.filename().string();
        const auto before = suspects_.find(name);
        if (before != suspects_.end() && before->second.size == suspect.size &&
            before->second.changed == suspect.changed) {
            if (now - before->second.since >= suspicion_) return true;
            suspect.since = before->second.since;
        }
        into.emplace(name, suspect);
        return false;
    }

    static std::unexpected<Error> missing() { return fail("blob.missing", "There is no stored file with this id."); }
    static std::unexpected<Error> damaged() {
        return fail("blob.damaged", "SEC-43", {}, "A stored file is not one of ours or is cut off.",
                    "Restore it from a backup.");
    }
    /// Ids are ours alone; anything else must not become a path.
    [[nodiscard]] Result<fs::path> path_of(const std::string& id) const {
        if (!is_uuid(id)) return missing();
        return folder_ / (id + std::string(kDone));
    }

    fs::path folder_;
    File folder_file_;
    SecretBytes key_;
    Sharing sharing_;
    milliseconds suspicion_;
    Suspects suspects_;  ///< of the last sweep; one thread sweeps
};

}  // namespace

Result<std::unique_ptr<BlobStore>> BlobStore::open(const fs::path& folder, const SecretBytes& key, Sharing sharing,
                                                   milliseconds suspicion) {
    const bool alone = sharing == Sharing::one_process;
    if (key.size() != kKey) return fail("key.malformed", "The key of the store must have 32 octets.");
    std::error_code code;
    fs::create_directories(folder, code);
    if (code) return io_error("blob.open", folder, code.value());
    ::chmod(folder.c_str(), 0700);
    File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (file.fd() < 0) return io_error("blob.open", folder, errno);
    if (::flock(file.fd(), (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
        return fail("blob.in_use", {}, folder.string(), "Another process works on this folder.", "Stop it first.",
                    Retry::later);
    }
    for (const auto& entry : fs::directory_iterator(folder, code)) {
        if (alone && entry.path().extension() == kUnfinished) ::unlink(entry.path().c_str());
    }
    if (code) return io_error("blob.open", folder, code.value());
    return std::make_unique<FolderStore>(folder, std::move(file), key, sharing, suspicion);
}

Result<SecretBytes> load_or_create_key(const fs::path& file) {
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0) {
        if (errno != ENOENT) return io_error("key.unreadable", file, errno);
        SecretBytes fresh(kKey);
        random_bytes(fresh.mutable_view());
        BUDKAVLE_CHECK(write_file_atomic(file, fresh.view(), 0600));
        return fresh;
    }
    if ((status.st_mode & 0077) != 0) {
        return fail("key.permissions", "SEC-44", file.string(), "Others than the owner may read or write the key file.",
                    "Set its mode to 0600.");
    }
    BUDKAVLE_TRY(auto octets, read_file(file, kKey + 1));
    SecretBytes key{ByteView(octets)};
    ::explicit_bzero(octets.data(), octets.size());
    if (key.size() != kKey)
        return fail("key.malformed", {}, file.string(), "The key file must hold exactly 32 octets.");
    return key;
}

}  // namespace budkavle::store
