#pragma once
/// Framing of a request's body (RFC 9112 6 and 7.1): a length, or chunks.
/// (Beast's decoder asserts on a final chunk that arrives in pieces, so only its head parser is used.)

#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"

namespace budkavle::net {

class BodyDecoder {
public:
    /// No body.
    BodyDecoder() = default;
    static BodyDecoder of_length(std::uint64_t length);
    /// At most `limit` octets of content.
    static BodyDecoder of_chunks(std::uint64_t limit);

    struct Step {
        std::size_t consumed = 0;
        std::size_t produced = 0;
    };
    /// Decodes octets from `in` to `out`; takes all of `in` unless `out` is full or the body ended.
    /// Chunk extensions and trailer fields are dropped. Errors "http.malformed", "http.body_too_long".
    Result<Step> decode(ByteView in, std::span<std::uint8_t> out);
    [[nodiscard]] bool done() const { return state_ == State::done; }

private:
    enum class State : std::uint8_t {
        counted,
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer_start,
        trailer,
        trailer_lf,
        end_lf,
        done
    };

    Result<> take_framing(char c);
    Result<> end_of_size();

    State state_ = State::done;
    std::uint64_t left_ = 0;   ///< of the length, or of the chunk
    std::uint64_t limit_ = 0;  ///< content octets still allowed
    unsigned digits_ = 0;
    std::size_t overhead_ = 0;  ///< octets of the size line, or of all trailers
};

}  // namespace budkavle::net
