#include "as4/spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace budkavle::as4 {

namespace {

std::unexpected<Error> io_error() {
    return fail("spool.io", "The spool file cannot be used.", Retry::later);
}

}  // namespace

class Spool::Reader final : public Source {
public:
    explicit Reader(const Spool& spool) : spool_(spool) {
        if (spool_.fd_ >= 0) stream_ = std::make_unique<crypto::Keystream>(spool_.key_);
    }
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        if (spool_.fd_ < 0) {
            const auto rest = ByteView(spool_.small_).subspan(offset_);
            const auto n = std::min(rest.size(), into.size());
            std::copy_n(rest.begin(), n, into.begin());
            offset_ += n;
            return n;
        }
        ssize_t got = 0;
        do {
            got = ::pread(spool_.fd_, into.data(), into.size(), static_cast<off_t>(offset_));
        } while (got < 0 && errno == EINTR);
        if (got < 0) return io_error();
        const auto octets = into.first(static_cast<std::size_t>(got));
        if (!stream_ || !stream_->apply(octets, octets)) return io_error();
        offset_ += static_cast<std::size_t>(got);
        return static_cast<std::size_t>(got);
    }

private:
    const Spool& spool_;
    std::unique_ptr<crypto::Keystream> stream_{};  ///< where `offset_` is
    std::size_t offset_ = 0;
};

Result<std::unique_ptr<Spool>> Spool::create(const std::filesystem::path& folder) {
    return std::unique_ptr<Spool>(new Spool(folder));
}

Spool::~Spool() {
    if (fd_ >= 0) ::close(fd_);
}

Result<> Spool::open_file() {
    auto name = (folder_ / "spool-XXXXXX").string();
    fd_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd_ < 0) return io_error();
    ::unlink(name.c_str());
    key_ = crypto::fresh_stream_key();
    stream_ = std::make_unique<crypto::Keystream>(key_);
    room_ = std::make_unique_for_overwrite<std::uint8_t[]>(kPiece);
    BUDKAVLE_CHECK(put_sealed(small_));
    small_ = {};
    return {};
}

Result<> Spool::put(ByteView bytes) {
    while (!bytes.empty()) {
        const auto put = ::write(fd_, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return io_error();
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
}

Result<> Spool::put_sealed(ByteView bytes) {
    const std::span room(room_.get(), kPiece);
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), room.size()));
        const auto sealed = room.first(piece.size());
        if (!stream_->apply(piece, sealed)) return io_error();
        BUDKAVLE_CHECK(put(sealed));
        bytes = bytes.subspan(piece.size());
    }
    return {};
}

Result<> Spool::write(ByteView bytes) {
    if (fd_ < 0 && small_.size() + bytes.size() > kPiece) BUDKAVLE_CHECK(open_file());
    size_ += bytes.size();
    if (fd_ >= 0) return put_sealed(bytes);
    small_.insert(small_.end(), bytes.begin(), bytes.end());
    return {};
}

std::unique_ptr<Source> Spool::reader() const {
    return std::make_unique<Reader>(*this);
}

}  // namespace budkavle::as4
