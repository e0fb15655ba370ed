#include "accesspoint/archive.hpp"

#include <algorithm>
#include <array>

namespace budkavle::accesspoint {
namespace {

constexpr std::string_view kMagic = "BKA1";
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kHead = 10;  // length of the name (2), length of the octets (8), big-endian

std::unexpected<Error> damaged() {
    return fail("restore.damaged", "SEC-101", {}, "The backup is not one of ours, or is cut off.", "Use another one.");
}

Result<> read_exactly(Source& from, std::span<std::uint8_t> into) {
    while (!into.empty()) {
        BUDKAVLE_TRY(const std::size_t n, from.read(into));
        if (n == 0) return damaged();
        into = into.subspan(n);
    }
    return {};
}

class Entry final : public Source {
public:
    Entry(Source& from, std::uint64_t left) : from_(from), left_(left) {}
    Result<std::size_t> read(std::span<std::uint8_t> into) override {
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left_, into.size()));
        if (want == 0) return std::size_t{0};
        BUDKAVLE_TRY(const std::size_t n, from_.read(into.first(want)));
        if (n == 0) return damaged();
        left_ -= n;
        return n;
    }
    [[nodiscard]] bool finished() const { return left_ == 0; }

private:
    Source& from_;
    std::uint64_t left_;
};

}  // namespace

Result<> ArchiveWriter::head(const std::string& name, std::uint64_t length) {
    std::array<std::uint8_t, kHead> head{};
    head[0] = static_cast<std::uint8_t>(name.size() >> 8U);
    head[1] = static_cast<std::uint8_t>(name.size());
    for (std::size_t i = 0; i < 8; ++i) head[2 + i] = static_cast<std::uint8_t>(length >> (56 - 8 * i));
    BUDKAVLE_CHECK(to_.write(as_bytes(kMagic)));
    BUDKAVLE_CHECK(to_.write(head));
    return to_.write(as_bytes(name));
}

Result<> ArchiveWriter::add(const std::string& name, ByteView octets) {
    BUDKAVLE_CHECK(head(name, octets.size()));
    return to_.write(octets);
}

Result<> ArchiveWriter::add_file(const std::string& name, const std::filesystem::path& file) {
    std::error_code code;
    const auto size = std::filesystem::file_size(file, code);
    if (code) return fail("backup.file", {}, file.filename().string(), code.message());
    BUDKAVLE_TRY(const auto source, FileSource::open(file));
    BUDKAVLE_CHECK(head(name, size));
    BUDKAVLE_TRY(const auto copied, copy(*source, to_));
    if (copied != size) return fail("backup.file", {}, file.filename().string(), "The file changed while it was read.");
    return {};
}

Result<> ArchiveWriter::end() {
    return head({}, 0);
}

Result<> read_archive(Source& from, const std::function<Result<>(const std::string&, Source&)>& take) {
    while (true) {
        std::array<std::uint8_t, 4 + kHead> head{};
        BUDKAVLE_CHECK(read_exactly(from, head));
        if (as_text(ByteView(head).first(4)) != kMagic) return damaged();
        const std::size_t name_size = static_cast<std::size_t>(head[4]) << 8U | head[5];
        if (name_size > kLongestName) return damaged();
        std::uint64_t length = 0;
        for (std::size_t i = 0; i < 8; ++i) length = length << 8U | head[6 + i];
        Bytes name(name_size);
        BUDKAVLE_CHECK(read_exactly(from, name));
        if (name.empty()) return {};
        Entry entry(from, length);
        BUDKAVLE_CHECK(take(std::string(as_text(name)), entry));
        if (!entry.finished()) return damaged();
    }
}

}  // namespace budkavle::accesspoint
