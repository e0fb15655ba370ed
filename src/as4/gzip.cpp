#include "as4/gzip.hpp"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>

namespace budkavle::as4 {

namespace {

constexpr std::uint64_t kFreeOutput = std::uint64_t{1} << 20;
constexpr std::size_t kHead = 4;

std::unexpected<Error> damaged() {
    return fail("gzip.damaged", "The data is not a whole gzip stream.");
}

}  // namespace

struct GzipSink::State {
    explicit State(Sink& sink) : next(sink) {}
    Sink& next;
    isal_zstream stream;
    std::array<std::uint8_t, ISAL_DEF_LVL1_DEFAULT> level;
    std::array<std::uint8_t, kPiece> out;

    void begin() {
        isal_deflate_init(&stream);
        stream.gzip_flag = IGZIP_GZIP;
        stream.level = 1;
        stream.level_buf = level.data();
        stream.level_buf_size = static_cast<std::uint32_t>(level.size());
        stream.flush = NO_FLUSH;
    }

    Result<> run(ByteView bytes, bool last) {
        stream.next_in = const_cast<std::uint8_t*>(bytes.data());
        stream.avail_in = static_cast<std::uint32_t>(bytes.size());
        stream.end_of_stream = last ? 1 : 0;
        do {
            stream.next_out = out.data();
            stream.avail_out = static_cast<std::uint32_t>(out.size());
            if (isal_deflate(&stream) != COMP_OK) return fail("gzip.failed", "The data could not be compressed.");
            BUDKAVLE_CHECK(next.write(ByteView(out.data(), out.size() - stream.avail_out)));
        } while (stream.avail_out == 0 || stream.avail_in > 0);
        return {};
    }
};

GzipSink::GzipSink(Sink& next) : state_(std::make_unique<State>(next)) {
    state_->begin();
}
GzipSink::~GzipSink() = default;

Result<> GzipSink::write(ByteView bytes) {
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), kPiece));
        BUDKAVLE_CHECK(state_->run(piece, false));
        bytes = bytes.subspan(piece.size());
    }
    return {};
}

Result<> GzipSink::finish() {
    return state_->run({}, true);
}

struct GunzipSink::State {
    State(Sink& sink, const GunzipLimits& most) : next(sink), limits(most) {}
    Sink& next;
    GunzipLimits limits;
    std::uint64_t taken = 0;
    std::uint64_t given = 0;
    bool at_member_end = false;
    std::size_t head_size = 0;  ///< octets of the member's head that were looked at
    inflate_state stream;
    std::array<std::uint8_t, kPiece> out;

    void begin_member() {
        isal_inflate_init(&stream);
        stream.crc_flag = ISAL_GZIP;
        stream.avail_in = 0;
        at_member_end = false;
        head_size = 0;
    }

    Result<> pass_on(std::size_t size) {
        given += size;
        if (given > limits.bytes || (limits.ratio != 0 && given > kFreeOutput && given / limits.ratio > taken))
            return fail("gzip.limit", "The decompressed data is over the limit.");
        return next.write(ByteView(out.data(), size));
    }

    /// The library takes any flags; RFC 1952 2.3.1.2: reserved bits must be zero.
    [[nodiscard]] bool has_sound_head(ByteView bytes) {
        for (std::size_t i = 0; i < bytes.size() && head_size < kHead; ++i, ++head_size)
            if (head_size == 3 && (bytes[i] & 0xE0) != 0) return false;
        return true;
    }

    /// Runs until the input is used up or a member ends; what is behind its end stays in `bytes`.
    Result<> run_member(ByteView& bytes) {
        if (!has_sound_head(bytes)) return damaged();
        stream.next_in = const_cast<std::uint8_t*>(bytes.data());
        stream.avail_in = static_cast<std::uint32_t>(bytes.size());
        do {
            stream.next_out = out.data();
            stream.avail_out = static_cast<std::uint32_t>(out.size());
            if (isal_inflate(&stream) != ISAL_DECOMP_OK) return damaged();
            BUDKAVLE_CHECK(pass_on(out.size() - stream.avail_out));
        } while (stream.block_state != ISAL_BLOCK_FINISH && (stream.avail_in > 0 || stream.avail_out == 0));
        at_member_end = stream.block_state == ISAL_BLOCK_FINISH;
        bytes = bytes.last(stream.avail_in);
        return {};
    }

    /// Octets behind the end of a member that the library has taken into its bit buffer already.
    Bytes read_ahead() const {
        Bytes octets;
        if (!at_member_end) return octets;
        for (int bit = stream.read_in_length % 8; bit + 8 <= stream.read_in_length; bit += 8)
            octets.push_back(static_cast<std::uint8_t>(stream.read_in >> bit));
        return octets;
    }

    Result<> run(ByteView bytes) {
        while (!bytes.empty()) {
            if (at_member_end) begin_member();
            BUDKAVLE_CHECK(run_member(bytes));
            // A member that begins in the bit buffer: its octets come first.
            for (auto ahead = read_ahead(); !ahead.empty(); ahead = read_ahead()) {
                begin_member();
                ByteView rest(ahead);
                BUDKAVLE_CHECK(run_member(rest));
                if (!rest.empty()) return damaged();  // no member is that short
            }
        }
        return {};
    }
};

GunzipSink::GunzipSink(Sink& next, const GunzipLimits& limits)
    : state_(std::make_unique<State>(next, limits)) {
    state_->begin_member();
}
GunzipSink::~GunzipSink() = default;

Result<> GunzipSink::write(ByteView bytes) {
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), kPiece));
        state_->taken += piece.size();
        BUDKAVLE_CHECK(state_->run(piece));
        bytes = bytes.subspan(piece.size());
    }
    return {};
}

Result<> GunzipSink::finish() {
    if (!state_->at_member_end) return damaged();
    return {};
}

}  // namespace budkavle::as4
