#include "obs/line_file.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/bytes.hpp"

namespace budkavle::obs {
namespace {

Result<int> open_for_append(const std::filesystem::path& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail("log.open", {}, file.string(), std::generic_category().message(errno),
                    "Make the folder writable for the service.");
    return fd;
}

std::int64_t size_of(int fd) {
    struct stat status{};
    return ::fstat(fd, &status) == 0 ? static_cast<std::int64_t>(status.st_size) : -1;
}

bool ends_in_line_feed(int fd, std::int64_t size) {
    char last = '\n';
    return size == 0 || ::pread(fd, &last, 1, size - 1) != 1 || last == '\n';
}

/// One write per line: with O_APPEND lines of several threads and processes never mix. A full disk loses the line: a
/// log must not stop the service, and there is nowhere to say so.
bool write_line(int fd, std::string line) {
    line += '\n';
    ssize_t n = 0;
    do {
        n = ::write(fd, line.data(), line.size());
    } while (n < 0 && errno == EINTR);
    return n == static_cast<ssize_t>(line.size());
}

/// The octets after the last line feed but one, without a final line feed; `size` > 0.
std::string last_line(int fd, std::int64_t size) {
    constexpr std::int64_t kStep = 4096;
    std::string tail;
    for (std::int64_t from = size; from > 0;) {
        const auto step = std::min(kStep, from);
        from -= step;
        std::string piece(static_cast<std::size_t>(step), '\0');
        if (::pread(fd, piece.data(), piece.size(), from) != static_cast<ssize_t>(step)) break;
        tail.insert(0, piece);
        const auto end = tail.ends_with('\n') ? tail.size() - 1 : tail.size();
        const auto feed = end == 0 ? std::string::npos : tail.rfind('\n', end - 1);
        if (feed != std::string::npos) return tail.substr(feed + 1, end - feed - 1);
    }
    if (tail.ends_with('\n')) tail.pop_back();
    return tail;
}

class FileLock {
public:
    explicit FileLock(int fd) : fd_(fd) {
        while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
        }
    }
    ~FileLock() { ::flock(fd_, LOCK_UN); }
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

private:
    int fd_;
};

std::string chained(std::string_view head, std::string_view previous, std::string_view tail) {
    std::string line(head);
    line += previous;
    line += tail;
    return line;
}

}  // namespace

std::string line_hash(std::string_view line) {
    std::array<std::uint8_t, 32> value{};
    EVP_Digest(line.data(), line.size(), value.data(), nullptr, EVP_sha256(), nullptr);
    return hex_encode(value);
}

Result<std::unique_ptr<LineFile>> LineFile::open(const std::filesystem::path& file) {
    BUDKAVLE_TRY(const int fd, open_for_append(file));
    return std::unique_ptr<LineFile>(new LineFile(fd));
}
LineFile::~LineFile() {
    ::close(fd_);
}

void LineFile::append(std::string_view line) {
    const std::lock_guard lock(lock_);
    // Only a crash before this process or a full disk leaves a line cut off.
    const bool closed = sure_ || ends_in_line_feed(fd_, size_of(fd_));
    sure_ = write_line(fd_, (closed ? "" : "\n") + std::string(line));
}

Result<std::unique_ptr<ChainedFile>> ChainedFile::open(const std::filesystem::path& file) {
    BUDKAVLE_TRY(const int fd, open_for_append(file));
    return std::unique_ptr<ChainedFile>(new ChainedFile(fd));
}
ChainedFile::~ChainedFile() {
    ::close(fd_);
}

void ChainedFile::append(std::string_view head, std::string_view tail, std::string_view mended_head,
                         std::string_view mended_tail) {
    const std::lock_guard lock(lock_);
    const FileLock file_lock(fd_);
    const auto size = size_of(fd_);
    if (size != known_size_) last_hash_ = size <= 0 ? std::string(kNoLine) : line_hash(last_line(fd_, size));
    if (!ends_in_line_feed(fd_, size)) {
        const auto mended = chained(mended_head, last_hash_, mended_tail);
        write_line(fd_, "\n" + mended);
        last_hash_ = line_hash(mended);
    }
    const auto line = chained(head, last_hash_, tail);
    write_line(fd_, line);
    ::fdatasync(fd_);
    last_hash_ = line_hash(line);
    known_size_ = size_of(fd_);
    // After a short write the hash above is of a line that is not there whole: look again next time.
    if (!ends_in_line_feed(fd_, known_size_)) known_size_ = -1;
}

}  // namespace budkavle::obs
