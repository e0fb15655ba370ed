#pragma once
/// Octet streams. Everything large moves through these in pieces of at most `kPiece`; nothing is held whole.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace budkavle {

inline constexpr std::size_t kPiece = std::size_t{64} * 1024;

/// Where octets come from.
class Source {
public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;
    /// Reads up to `into.size()` octets; 0 means the end. Never returns 0 before the end.
    virtual Result<std::size_t> read(std::span<std::uint8_t> into) = 0;
};

/// Where octets go to.
class Sink {
public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;
    virtual Result<> write(ByteView bytes) = 0;
    /// Call once after the last write: closes groups, tags, trailers.
    virtual Result<> finish() { return {}; }
};

class MemorySource final : public Source {
public:
    explicit MemorySource(ByteView bytes) : rest_(bytes) {}
    explicit MemorySource(std::string_view text) : rest_(as_bytes(text)) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override;

private:
    ByteView rest_;
};

/// Collects into memory, at most `limit` octets (error "stream.too_long").
class MemorySink final : public Sink {
public:
    explicit MemorySink(std::size_t limit) : limit_(limit) {}
    Result<> write(ByteView bytes) override;
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }
    [[nodiscard]] Bytes take() { return std::move(bytes_); }

private:
    std::size_t limit_;
    Bytes bytes_;
};

/// Counts and forgets.
class CountingSink final : public Sink {
public:
    Result<> write(ByteView bytes) override {
        count_ += bytes.size();
        return {};
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }

private:
    std::uint64_t count_ = 0;
};

/// A plain file, read from its beginning.
class FileSource final : public Source {
public:
    static Result<std::unique_ptr<FileSource>> open(const std::filesystem::path& path);
    ~FileSource() override;
    Result<std::size_t> read(std::span<std::uint8_t> into) override;

private:
    explicit FileSource(int fd) : fd_(fd) {}
    int fd_;
};

/// A plain file, created or replaced. `finish` makes it durable (fdatasync).
class FileSink final : public Sink {
public:
    static Result<std::unique_ptr<FileSink>> create(const std::filesystem::path& path, unsigned mode = 0600);
    ~FileSink() override;
    Result<> write(ByteView bytes) override;
    Result<> finish() override;

private:
    explicit FileSink(int fd) : fd_(fd) {}
    int fd_;
};

/// Copies all; returns the number of octets. Error "stream.too_long" beyond `limit`.
Result<std::uint64_t> copy(Source& from, Sink& to, std::uint64_t limit = UINT64_MAX);
/// Reads all into memory. Error "stream.too_long" beyond `limit`.
Result<Bytes> read_all(Source& from, std::size_t limit);
Result<Bytes> read_file(const std::filesystem::path& path, std::size_t limit = std::size_t{64} << 20);
/// Writes beside, syncs, renames, syncs the folder: after a crash the old or the new file stands there, never a
/// mixture.
Result<> write_file_atomic(const std::filesystem::path& path, ByteView bytes, unsigned mode = 0600);

}  // namespace budkavle
