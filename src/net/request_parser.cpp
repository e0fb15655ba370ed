#include "net/request_parser.hpp"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>

namespace budkavle::net {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kMaxFields = 100;

std::unexpected<Error> malformed(std::string_view text) {
    return fail("http.malformed", {}, "request head", text);
}

Error translate(const boost::system::error_code& ec) {
    if (ec == http::error::header_limit)
        return {"http.head_too_long", "SEC-107", "request head", "The request head is too long.", {}};
    if (ec == http::error::body_limit)
        return {"http.body_too_long", "SEC-64", "request body", "The request body is too long.", {}};
    if (ec == http::error::bad_version)
        return {"http.version", {}, "request line", "Only HTTP/1.1 and HTTP/1.0 are served.", {}};
    return {"http.malformed", {}, "request", "The request is not well-formed HTTP/1.1.", {}};
}

/// Only octets that mean the same to every reader: no folding, no bare CR or LF, no NUL.
Result<> check_raw(std::string_view head, std::size_t from) {
    for (std::size_t i = from; i < head.size(); ++i) {
        const char c = head[i];
        if (c == '\0') return malformed("The head holds a NUL octet.");
        if (c == '\n' && (i == 0 || head[i - 1] != '\r')) return malformed("A line ends with a bare line feed.");
        if (c != '\r' || i + 1 == head.size()) continue;
        if (head[i + 1] != '\n') return malformed("The head holds a bare carriage return.");
        if (i + 2 < head.size() && (head[i + 2] == ' ' || head[i + 2] == '\t'))
            return malformed("A header line is folded.");
    }
    return {};
}

bool is_origin_form(std::string_view method, std::string_view target) {
    if (target == "*") return method == "OPTIONS";
    const auto visible = [](char c) { return c > 0x20 && c < 0x7f && c != '#'; };
    return target.starts_with('/') && std::ranges::all_of(target, visible);
}

bool is_host(std::string_view host) {
    return std::ranges::all_of(host,
                               [](char c) { return c > 0x20 && c < 0x7f && !std::string_view(",/@?#\\").contains(c); });
}

Result<std::uint64_t> parse_length(std::string_view value) {
    std::uint64_t length = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), length);
    if (parsed.ec != std::errc{} || parsed.ptr != value.data() + value.size())
        return malformed("The Content-Length is not one number.");
    return length;
}

Result<RequestHead> interpret(const http::request<http::empty_body>& message) {
    RequestHead head;
    head.method = std::string(message.method_string());
    head.target = std::string(message.target());
    head.http_1_1 = message.version() == 11;
    head.keep_alive = head.http_1_1 && message.keep_alive();
    if (message.version() != 11 && message.version() != 10) return std::unexpected(translate(http::error::bad_version));
    if (!is_origin_form(head.method, head.target)) return malformed("The target is not in origin form.");

    std::size_t hosts = 0, lengths = 0, codings = 0;
    for (const auto& field : message) {
        const auto name = field.name_string();
        const std::string_view value(field.value().data(), field.value().size());
        head.headers.add(std::string(name), std::string(value));
        if (field.name() == http::field::host) {
            ++hosts;
            if (!is_host(value)) return malformed("The Host field is malformed.");
        } else if (field.name() == http::field::content_length) {
            ++lengths;
            BUDKAVLE_TRY(head.content_length, parse_length(value));
        } else if (field.name() == http::field::transfer_encoding) {
            ++codings;
            if (!head.http_1_1 || !equal_ignore_case_ascii(value, "chunked"))
                return malformed("The only transfer coding is chunked, once.");
        } else if (field.name() == http::field::expect) {
            if (!equal_ignore_case_ascii(value, "100-continue"))
                return fail("http.expect", {}, "Expect", "Only 100-continue can be expected.");
            head.expects_continue = head.http_1_1;
        }
    }
    if (head.headers.all().size() > kMaxFields) return std::unexpected(translate(http::error::header_limit));
    if (hosts > 1 || (head.http_1_1 && hosts == 0)) return malformed("There is not exactly one Host field.");
    if (lengths > 1) return malformed("There are several Content-Length fields.");
    if (codings > 1) return malformed("There are several Transfer-Encoding fields.");
    if (lengths > 0 && codings > 0) return malformed("There are both Content-Length and Transfer-Encoding.");
    head.chunked = codings > 0;
    return head;
}

}  // namespace

RequestParser::RequestParser(std::size_t head_limit, std::uint64_t body_limit)
    : head_limit_(head_limit), body_limit_(body_limit) {}

Result<std::size_t> RequestParser::head(ByteView octets) {
    const auto text = as_text(octets);
    const auto at = text.find("\r\n\r\n", searched_);
    const auto length = at == std::string_view::npos ? text.size() : at + 4;
    if (length > head_limit_) return std::unexpected(translate(http::error::header_limit));
    BUDKAVLE_CHECK(check_raw(text.substr(0, length), searched_));
    if (at == std::string_view::npos) {
        searched_ = text.size() < 3 ? 0 : text.size() - 3;
        return std::size_t{0};
    }
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(head_limit_, UINT32_MAX)));
    parser.body_limit(body_limit_);
    boost::system::error_code ec;
    parser.put(boost::asio::const_buffer(text.data(), length), ec);
    if (ec && ec != http::error::need_more) return std::unexpected(translate(ec));
    if (!parser.is_header_done()) return malformed("The head is incomplete.");
    BUDKAVLE_TRY(head_, interpret(parser.get()));
    if (head_.content_length) body_ = BodyDecoder::of_length(*head_.content_length);
    if (head_.chunked) body_ = BodyDecoder::of_chunks(body_limit_);
    head_.expects_continue = head_.expects_continue && !body_.done();
    return length;
}

}  // namespace budkavle::net
