#pragma once
/// Octets of a connection → request head and body (RFC 9112). Boost.Beast's head parser plus the checks that it leaves
/// out.

#include <cstdint>
#include <span>

#include "net/body_decoder.hpp"
#include "net/http.hpp"

namespace budkavle::net {

struct RequestHead {
    std::string method;
    std::string target;
    Headers headers;
    bool http_1_1 = true;
    bool keep_alive = false;
    bool expects_continue = false;
    bool chunked = false;
    std::optional<std::uint64_t> content_length;
};

/// One request. Errors: "http.malformed", "http.head_too_long", "http.body_too_long", "http.version", "http.expect".
class RequestParser {
public:
    RequestParser(std::size_t head_limit, std::uint64_t body_limit);

    /// Gives the length of the head when `octets` (all that was received) hold it whole, 0 when more is needed.
    Result<std::size_t> head(ByteView octets);
    [[nodiscard]] const RequestHead& head() const { return head_; }

    /// Decodes body octets from `in` to `out` (not empty).
    Result<BodyDecoder::Step> body(ByteView in, std::span<std::uint8_t> out) { return body_.decode(in, out); }
    [[nodiscard]] bool done() const { return body_.done(); }  ///< after the head: the whole request was taken

private:
    std::size_t head_limit_;
    std::uint64_t body_limit_;
    std::size_t searched_ = 0;
    RequestHead head_;
    BodyDecoder body_;
};

}  // namespace budkavle::net
