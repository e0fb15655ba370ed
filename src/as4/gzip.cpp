#include "as4/gzip.hpp"

#include <zlib.h>

#include <array>
#include <new>

namespace budkavle::as4 {

namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: 16 asks for the gzip wrapper
constexpr std::uint64_t kFreeOutput = std::uint64_t{1} << 20;

void set_input(z_stream& stream, ByteView bytes) {
    stream.next_in = const_cast<Bytef*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
}

}  // namespace

struct GzipSink::State {
    Sink& next;
    z_stream stream{};
    std::array<std::uint8_t, kPiece> out{};

    Result<> run(int flush) {
        int status = Z_OK;
        do {
            stream.next_out = out.data();
            stream.avail_out = static_cast<uInt>(out.size());
            status = deflate(&stream, flush);
            BUDKAVLE_CHECK(next.write(ByteView(out.data(), out.size() - stream.avail_out)));
        } while (stream.avail_out == 0 || (flush == Z_FINISH && status != Z_STREAM_END));
        return {};
    }
};

GzipSink::GzipSink(Sink& next) : state_(new State{.next = next}) {
    if (deflateInit2(&state_->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
}
GzipSink::~GzipSink() {
    deflateEnd(&state_->stream);
}

Result<> GzipSink::write(ByteView bytes) {
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), kPiece));
        set_input(state_->stream, piece);
        BUDKAVLE_CHECK(state_->run(Z_NO_FLUSH));
        bytes = bytes.subspan(piece.size());
    }
    return {};
}

Result<> GzipSink::finish() {
    set_input(state_->stream, {});
    return state_->run(Z_FINISH);
}

struct GunzipSink::State {
    Sink& next;
    GunzipLimits limits;
    z_stream stream{};
    std::array<std::uint8_t, kPiece> out{};
    std::uint64_t taken = 0;
    std::uint64_t given = 0;
    bool at_member_end = false;

    Result<> pass_on(std::size_t size) {
        given += size;
        if (given > limits.bytes || (limits.ratio != 0 && given > kFreeOutput && given / limits.ratio > taken))
            return fail("gzip.limit", "The decompressed data is over the limit.");
        return next.write(ByteView(out.data(), size));
    }

    Result<> run() {
        do {
            if (at_member_end && stream.avail_in > 0) {
                inflateReset(&stream);
                at_member_end = false;
            }
            stream.next_out = out.data();
            stream.avail_out = static_cast<uInt>(out.size());
            const int status = inflate(&stream, Z_NO_FLUSH);
            if (status == Z_STREAM_END)
                at_member_end = true;
            else if (status != Z_OK && status != Z_BUF_ERROR)
                return fail("gzip.damaged", "The data is not a whole gzip stream.");
            BUDKAVLE_CHECK(pass_on(out.size() - stream.avail_out));
        } while (stream.avail_in > 0 || stream.avail_out == 0);
        return {};
    }
};

GunzipSink::GunzipSink(Sink& next, const GunzipLimits& limits) : state_(new State{.next = next, .limits = limits}) {
    if (inflateInit2(&state_->stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
}
GunzipSink::~GunzipSink() {
    inflateEnd(&state_->stream);
}

Result<> GunzipSink::write(ByteView bytes) {
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), kPiece));
        set_input(state_->stream, piece);
        state_->taken += piece.size();
        BUDKAVLE_CHECK(state_->run());
        bytes = bytes.subspan(piece.size());
    }
    return {};
}

Result<> GunzipSink::finish() {
    if (!state_->at_member_end) return fail("gzip.damaged", "The data is not a whole gzip stream.");
    return {};
}

}  // namespace budkavle::as4
