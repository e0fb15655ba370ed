#include "net/body_decoder.hpp"

#include <algorithm>

namespace budkavle::net {
namespace {

constexpr unsigned kMaxDigits = 16;
constexpr std::size_t kMaxSizeLine = 1024;
constexpr std::size_t kMaxTrailers = 8192;

std::unexpected<Error> malformed() {
    return fail("http.malformed", {}, "request body", "The chunks of the body are malformed.");
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_text(char c) {
    return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\t';
}

}  // namespace

BodyDecoder BodyDecoder::of_length(std::uint64_t length) {
    BodyDecoder decoder;
    decoder.left_ = length;
    decoder.state_ = length > 0 ? State::counted : State::done;
    return decoder;
}

BodyDecoder BodyDecoder::of_chunks(std::uint64_t limit) {
    BodyDecoder decoder;
    decoder.limit_ = limit;
    decoder.state_ = State::size;
    return decoder;
}

Result<BodyDecoder::Step> BodyDecoder::decode(ByteView in, std::span<std::uint8_t> out) {
    Step step;
    while (step.consumed < in.size() && !done()) {
        if (state_ != State::counted && state_ != State::data) {
            BUDKAVLE_CHECK(take_framing(static_cast<char>(in[step.consumed])));
            ++step.consumed;
            continue;
        }
        const auto n = std::min({in.size() - step.consumed, out.size() - step.produced,
                                 static_cast<std::size_t>(std::min<std::uint64_t>(left_, SIZE_MAX))});
        if (n == 0) break;
        std::copy_n(in.begin() + static_cast<std::ptrdiff_t>(step.consumed), n,
                    out.begin() + static_cast<std::ptrdiff_t>(step.produced));
        step.consumed += n;
        step.produced += n;
        left_ -= n;
        if (left_ == 0) state_ = state_ == State::counted ? State::done : State::data_cr;
    }
    return step;
}

Result<> BodyDecoder::end_of_size() {
    overhead_ = 0;
    digits_ = 0;
    if (left_ == 0) {
        state_ = State::trailer_start;
        return {};
    }
    if (left_ > limit_) return fail("http.body_too_long", "SEC-64", "request body", "The request body is too long.");
    limit_ -= left_;
    state_ = State::data;
    return {};
}

Result<> BodyDecoder::take_framing(char c) {
    const auto expect = [&](char wanted, State next) -> Result<> {
        if (c != wanted) return malformed();
        state_ = next;
        return {};
    };
    switch (state_) {
        case State::size: {
            const int value = hex_value(c);
            if (value >= 0) {
                if (++digits_ > kMaxDigits) return malformed();
                left_ = left_ * 16 + static_cast<unsigned>(value);
                return {};
            }
            if (digits_ == 0) return malformed();
            if (c == ';') {
                state_ = State::extension;
                return {};
            }
            return expect('\r', State::size_lf);
        }
        case State::extension:
            if (++overhead_ > kMaxSizeLine) return malformed();
            if (is_text(c)) return {};
            return expect('\r', State::size_lf);
        case State::size_lf:
            if (c != '\n') return malformed();
            return end_of_size();
        case State::data_cr:
            return expect('\r', State::data_lf);
        case State::data_lf:
            return expect('\n', State::size);
        case State::trailer_start:
            if (c == '\r') return expect('\r', State::end_lf);
            state_ = State::trailer;
            [[fallthrough]];
        case State::trailer:
            if (++overhead_ > kMaxTrailers) return malformed();
            if (is_text(c)) return {};
            return expect('\r', State::trailer_lf);
        case State::trailer_lf:
            return expect('\n', State::trailer_start);
        case State::end_lf:
            return expect('\n', State::done);
        case State::counted:
        case State::data:
        case State::done:
            break;
    }
    return malformed();
}

}  // namespace budkavle::net
