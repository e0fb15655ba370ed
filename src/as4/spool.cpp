#include "as4/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace budkavle::as4 {

namespace {

std::unexpected<Error> io_error() {
    return fail("spool.io", "The spool file cannot be used.", Retry::later);
}

class SpoolSource final : public Source {
public:
    explicit SpoolSource(int fd) : fd_(fd) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        ssize_t got = 0;
        do {
            got = ::pread(fd_, into.data(), into.size(), offset_);
        } while (got < 0 && errno == EINTR);
        if (got < 0) return io_error();
        offset_ += got;
        return static_cast<std::size_t>(got);
    }

private:
    int fd_;
    off_t offset_ = 0;
};

}  // namespace

Result<std::unique_ptr<Spool>> Spool::create(const std::filesystem::path& folder) {
    auto name = (folder / "spool-XXXXXX").string();
    const int fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd < 0) return io_error();
    ::unlink(name.c_str());
    return std::unique_ptr<Spool>(new Spool(fd));
}

Spool::~Spool() {
    ::close(fd_);
}

Result<> Spool::write(ByteView bytes) {
    while (!bytes.empty()) {
        const auto put = ::write(fd_, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return io_error();
        bytes = bytes.subspan(static_cast<std::size_t>(put));
        size_ += static_cast<std::uint64_t>(put);
    }
    return {};
}

std::unique_ptr<Source> Spool::reader() const {
    return std::make_unique<SpoolSource>(fd_);
}

}  // namespace budkavle::as4
