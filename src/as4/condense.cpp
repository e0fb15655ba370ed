#include "as4/condense.hpp"

#include <isa-l/igzip_lib.h>

#include <array>
#include <memory>

namespace budkavle::as4 {
namespace {

/// Large enough that its room is worth keeping: one for each thread.
struct Deflater {
    isal_zstream stream;
    std::array<std::uint8_t, ISAL_DEF_LVL1_SMALL> level;
};

Deflater& deflater() {
    thread_local const auto mine = std::make_unique<Deflater>();
    return *mine;
}

std::uint8_t* writable(ByteView octets) {
    return const_cast<std::uint8_t*>(octets.data());  // the library only reads
}

std::unexpected<Error> damaged() {
    return fail("condensed.damaged", "The stored text is not a whole deflate stream under its dictionary.");
}

}  // namespace

Result<Bytes> condense(ByteView clear, ByteView dictionary) {
    auto& [stream, level] = deflater();
    isal_deflate_init(&stream);
    stream.level = 1;
    stream.level_buf = level.data();
    stream.level_buf_size = static_cast<std::uint32_t>(level.size());
    stream.flush = NO_FLUSH;
    stream.end_of_stream = 1;
    if (!dictionary.empty() &&
        isal_deflate_set_dict(&stream, writable(dictionary), static_cast<std::uint32_t>(dictionary.size())) != COMP_OK)
        return fail("condensed.failed", "The text could not be compressed.");
    stream.next_in = writable(clear);
    stream.avail_in = static_cast<std::uint32_t>(clear.size());
    Bytes out(clear.size() / 2 + 512);
    std::size_t size = 0;
    while (true) {
        stream.next_out = out.data() + size;
        stream.avail_out = static_cast<std::uint32_t>(out.size() - size);
        if (isal_deflate(&stream) != COMP_OK) return fail("condensed.failed", "The text could not be compressed.");
        size = out.size() - stream.avail_out;
        if (stream.internal_state.state == ZSTATE_END) break;
        out.resize(out.size() * 2);
    }
    out.resize(size);
    return out;
}

Result<Bytes> expand(ByteView condensed, ByteView dictionary, std::size_t limit) {
    const auto stream = std::make_unique<inflate_state>();
    isal_inflate_init(stream.get());
    if (!dictionary.empty() && isal_inflate_set_dict(stream.get(), writable(dictionary),
                                                     static_cast<std::uint32_t>(dictionary.size())) != COMP_OK)
        return damaged();
    stream->next_in = writable(condensed);
    stream->avail_in = static_cast<std::uint32_t>(condensed.size());
    std::array<std::uint8_t, 16 * 1024> piece;
    Bytes out;
    do {
        stream->next_out = piece.data();
        stream->avail_out = static_cast<std::uint32_t>(piece.size());
        if (isal_inflate(stream.get()) != ISAL_DECOMP_OK) return damaged();
        const auto got = piece.size() - stream->avail_out;
        if (got > limit - out.size()) return damaged();
        out.insert(out.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
    } while (stream->block_state != ISAL_BLOCK_FINISH && (stream->avail_in > 0 || stream->avail_out == 0));
    // Whole octets behind the end may have been taken into the bit buffer already.
    if (stream->block_state != ISAL_BLOCK_FINISH || stream->avail_in > 0 || stream->read_in_length >= 8) return damaged();
    return out;
}

}  // namespace budkavle::as4
