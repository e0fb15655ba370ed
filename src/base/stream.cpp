#include "base/stream.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace budkavle {
namespace {

std::unexpected<Error> io_error(std::string_view code, const std::filesystem::path& path) {
    const int saved = errno;
    const Retry retry =
        saved == ENOSPC || saved == EDQUOT || saved == EMFILE || saved == ENFILE ? Retry::later : Retry::never;
    return fail(code, {}, path.string(), std::generic_category().message(saved), {}, retry);
}

Result<> write_fd(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_error("file.write", "");
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
}

}  // namespace

Result<std::size_t> MemorySource::read(std::span<std::uint8_t> into) {
    const auto n = std::min(into.size(), rest_.size());
    std::copy_n(rest_.begin(), n, into.begin());
    rest_ = rest_.subspan(n);
    return n;
}

Result<> MemorySink::write(ByteView bytes) {
    if (bytes.size() > limit_ - std::min(limit_, bytes_.size()))
        return fail("stream.too_long", "More octets than the limit allows.");
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return {};
}

Result<std::unique_ptr<FileSource>> FileSource::open(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_error("file.open", path);
    return std::unique_ptr<FileSource>(new FileSource(fd));
}
FileSource::~FileSource() {
    ::close(fd_);
}
Result<std::size_t> FileSource::read(std::span<std::uint8_t> into) {
    while (true) {
        const auto n = ::read(fd_, into.data(), into.size());
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR) return io_error("file.read", "");
    }
}

Result<std::unique_ptr<FileSink>> FileSink::create(const std::filesystem::path& path, unsigned mode) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) return io_error("file.create", path);
    return std::unique_ptr<FileSink>(new FileSink(fd));
}
FileSink::~FileSink() {
    ::close(fd_);
}
Result<> FileSink::write(ByteView bytes) {
    return write_fd(fd_, bytes);
}
Result<> FileSink::finish() {
    if (::fdatasync(fd_) != 0) return io_error("file.sync", "");
    return {};
}

Result<std::uint64_t> copy(Source& from, Sink& to, std::uint64_t limit) {
    const auto room = std::make_unique_for_overwrite<std::uint8_t[]>(kPiece);
    const std::span piece(room.get(), kPiece);
    std::uint64_t total = 0;
    while (true) {
        BUDKAVLE_TRY(const std::size_t n, from.read(piece));
        if (n == 0) return total;
        total += n;
        if (total > limit) return fail("stream.too_long", "More octets than the limit allows.");
        BUDKAVLE_CHECK(to.write(piece.first(n)));
    }
}

Result<Bytes> read_all(Source& from, std::size_t limit) {
    MemorySink sink(limit);
    BUDKAVLE_CHECK(copy(from, sink, limit));
    return sink.take();
}

Result<Bytes> read_file(const std::filesystem::path& path, std::size_t limit) {
    BUDKAVLE_TRY(auto source, FileSource::open(path));
    return read_all(*source, limit);
}

Result<> write_file_atomic(const std::filesystem::path& path, ByteView bytes, unsigned mode) {
    auto beside = path;
    beside += ".new";
    {
        BUDKAVLE_TRY(auto sink, FileSink::create(beside, mode));
        BUDKAVLE_CHECK(sink->write(bytes));
        BUDKAVLE_CHECK(sink->finish());
    }
    if (::rename(beside.c_str(), path.c_str()) != 0) return io_error("file.rename", path);
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return io_error("file.open", folder);
    const int synced = ::fsync(fd);
    ::close(fd);
    if (synced != 0) return io_error("file.sync", folder);
    return {};
}

}  // namespace budkavle
