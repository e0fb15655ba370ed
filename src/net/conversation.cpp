#include "net/conversation.hpp"

#include <algorithm>
#include <array>

#include "net/http_date.hpp"
#include "net/status.hpp"

namespace budkavle::net {
namespace {

using std::chrono::steady_clock;

constexpr std::uint64_t kMostSkipped = 256 * 1024;

bool is_framing(std::string_view name) {
    for (const auto* own : {"Connection", "Content-Length", "Transfer-Encoding", "Date", "Keep-Alive", "Upgrade"})
        if (equal_ignore_case_ascii(name, own)) return true;
    return false;
}

bool is_sound(const Response& response) {
    const auto clean = [](std::string_view text) {
        return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
    };
    if (response.status < 200 || response.status > 599) return false;
    return std::ranges::all_of(response.headers.all(), [&](const auto& field) {
        return !field.first.empty() && field.first.find_first_of(" :\t") == std::string::npos && clean(field.first) &&
               clean(field.second);
    });
}

Response internal_error() {
    return problem(500, {"http.internal", {}, {}, "The request could not be handled.", {}});
}

/// Frames every write as a chunk.
class ChunkWriter {
public:
    ChunkWriter(Transport& transport, bool chunked, std::chrono::seconds stall, Deadline until)
        : transport_(transport), chunked_(chunked), stall_(stall), until_(until) {}
    Result<> write(ByteView bytes) {
        if (!chunked_) return transport_.write(bytes, stall_, until_);
        std::array<char, 20> head{};
        const int n = std::snprintf(head.data(), head.size(), "%zx\r\n", bytes.size());
        framed_.assign(head.data(), head.data() + n);
        framed_.insert(framed_.end(), bytes.begin(), bytes.end());
        framed_.push_back('\r');
        framed_.push_back('\n');
        return transport_.write(framed_, stall_, until_);
    }
    Result<> finish() { return chunked_ ? transport_.write(as_bytes("0\r\n\r\n"), stall_, until_) : Result<>{}; }

private:
    Transport& transport_;
    bool chunked_;
    std::chrono::seconds stall_;
    Deadline until_;
    Bytes framed_;
};

}  // namespace

Result<bool> Inbox::more(std::size_t most, Deadline until) {
    if (begin_ > 0) {
        std::copy(octets_.begin() + static_cast<std::ptrdiff_t>(begin_), octets_.begin() + static_cast<std::ptrdiff_t>(end_),
                  octets_.begin());
        end_ -= begin_;
        begin_ = 0;
    }
    // Room stays once it is there: filling it with zeros again costs as much as what comes in.
    if (octets_.size() < most) octets_.resize(most);
    if (end_ == octets_.size()) return fail("http.malformed", {}, "request body", "A chunk header is too long.");
    BUDKAVLE_TRY(const std::size_t n, transport_.read(std::span(octets_).subspan(end_), until));
    end_ += n;
    return n > 0;
}

RequestBody::RequestBody(Transport& transport, Inbox& inbox, RequestParser& parser, const ServerLimits& limits)
    : transport_(transport),
      inbox_(inbox),
      parser_(parser),
      limits_(limits),
      until_(steady_clock::now() + limits.body_timeout) {}

Result<std::size_t> RequestBody::read(std::span<std::uint8_t> into) {
    if (failure_) return std::unexpected(*failure_);
    auto n = read_or_fail(into);
    if (!n) failure_ = n.error();
    return n;
}

Result<std::size_t> RequestBody::read_or_fail(std::span<std::uint8_t> into) {
    if (into.empty() || parser_.done()) return std::size_t{0};
    if (!started_ && parser_.head().expects_continue && inbox_.view().empty())
        BUDKAVLE_CHECK(transport_.write(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"), limits_.stall_timeout, until_));
    started_ = true;
    while (true) {
        if (!inbox_.view().empty()) {
            BUDKAVLE_TRY(const auto step, parser_.body(inbox_.view(), into));
            inbox_.consume(step.consumed);
            if (step.produced > 0) return step.produced;
            if (parser_.done()) return std::size_t{0};
            if (step.consumed > 0) continue;
        }
        BUDKAVLE_TRY(const bool more,
                     inbox_.more(kPiece, std::min(until_, steady_clock::now() + limits_.stall_timeout)));
        if (!more)
            return fail("http.closed", {}, "request body", "The connection ended within the body.", {}, Retry::later);
    }
}

bool RequestBody::skip_rest(std::uint64_t most) {
    if (parser_.done()) return true;
    Bytes waste(kPiece);
    std::uint64_t total = 0;
    while (!parser_.done() && total <= most) {
        const auto n = read(waste);
        if (!n) return false;
        total += *n;
    }
    return parser_.done();
}

Conversation::Conversation(Transport& transport, const ServerLimits& limits, const Handler& handler, std::string peer,
                           std::optional<crypto::Certificate> certificate, const std::atomic<bool>& stopping)
    : transport_(transport),
      limits_(limits),
      handler_(handler),
      peer_(std::move(peer)),
      certificate_(std::move(certificate)),
      stopping_(stopping),
      inbox_(transport),
      born_(steady_clock::now()) {}

void Conversation::run(bool overloaded) {
    while (one_request(overloaded) == Next::again) first_ = false;
}

Conversation::Next Conversation::one_request(bool overloaded) {
    const auto patience = first_ ? limits_.head_timeout : limits_.idle_timeout;
    if (inbox_.view().empty() && !transport_.await_request(steady_clock::now() + patience)) return Next::close;

    RequestParser parser(limits_.header_bytes, limits_.body_bytes);
    const auto head_until = steady_clock::now() + limits_.head_timeout;
    while (true) {
        const auto length = parser.head(inbox_.view());
        if (!length) return refuse(length.error());
        inbox_.consume(*length);
        if (*length > 0) break;
        const auto more = inbox_.more(std::max(limits_.header_bytes + 1, kPiece), head_until);
        if (!more) return inbox_.view().empty() ? Next::close : refuse(more.error());
        if (!*more) return Next::close;
    }

    const auto& head = parser.head();
    RequestBody body(transport_, inbox_, parser, limits_);
    Request request;
    request.method = head.method;
    request.target = head.target;
    const auto mark = head.target.find('?');
    request.path = head.target.substr(0, mark);
    if (mark != std::string::npos) request.query = head.target.substr(mark + 1);
    request.headers = head.headers;
    request.body = &body;
    request.content_length = head.content_length;
    request.peer_address = peer_;
    request.peer_certificate = certificate_;

    Response response;
    if (overloaded) {
        response = problem(503, {"http.overloaded",
                                 "SEC-107",
                                 {},
                                 "The server has too many connections.",
                                 "Try again later.",
                                 Retry::later});
        response.headers.set("Retry-After", "5");
    } else {
        response = call_handler(request);
    }
    if (body.failure()) return refuse(*body.failure());

    const bool awaits_continue = head.expects_continue && !body.started() && !parser.done();
    const bool old = steady_clock::now() - born_ > limits_.connection_age;
    const bool keep = head.keep_alive && !overloaded && !awaits_continue && !old && !stopping_.load();
    const auto next = answer(std::move(response), head, keep);
    left_unread_ = !parser.done();
    if (next == Next::close) return Next::close;
    left_unread_ = !body.skip_rest(kMostSkipped);
    return left_unread_ ? Next::close : Next::again;
}

Response Conversation::call_handler(Request& request) {
    try {
        auto response = handler_(request);
        return is_sound(response) ? std::move(response) : internal_error();
    } catch (...) {
        return internal_error();
    }
}

Conversation::Next Conversation::refuse(const Error& error) {
    if (error.code == "http.closed" || error.code == "http.stopped") return Next::close;
    left_unread_ = true;
    return answer(problem(status_of(error), error), RequestHead{}, false);
}

Conversation::Next Conversation::answer(Response response, const RequestHead& head, bool keep) {
    const bool bodiless_status = response.status == 204 || response.status == 304;
    const bool has_stream = response.stream != nullptr && !bodiless_status;
    const bool chunked = has_stream && !response.stream_length && head.http_1_1;
    if (has_stream && !response.stream_length && !chunked) keep = false;

    std::string text =
        "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason_phrase(response.status)) + "\r\n";
    text += "Date: " + http_date(std::chrono::floor<milliseconds>(std::chrono::system_clock::now())) + "\r\n";
    for (const auto& [name, value] : response.headers.all())
        if (!is_framing(name)) text += name + ": " + value + "\r\n";
    if (chunked)
        text += "Transfer-Encoding: chunked\r\n";
    else if (has_stream && response.stream_length)
        text += "Content-Length: " + std::to_string(*response.stream_length) + "\r\n";
    else if (!has_stream && !bodiless_status)
        text += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    if (!keep) text += "Connection: close\r\n";
    text += "\r\n";

    const auto until = steady_clock::now() + limits_.body_timeout;
    const bool with_body = head.method != "HEAD" && !bodiless_status;
    if (with_body && !has_stream) text += response.body;
    if (!transport_.write(as_bytes(text), limits_.stall_timeout, until)) return Next::close;
    if (!with_body || !has_stream) return keep ? Next::again : Next::close;

    // An answer that cannot be completed is cut off: the peer must not take it for whole.
    ChunkWriter out(transport_, chunked, limits_.stall_timeout, until);
    Bytes piece(kPiece);
    std::uint64_t left = response.stream_length.value_or(UINT64_MAX);
    while (left > 0) {
        const auto n = response.stream->read(std::span(piece).first(std::min<std::uint64_t>(piece.size(), left)));
        if (!n) return Next::close;
        if (*n == 0) break;
        left -= *n;
        if (!out.write(ByteView(piece).first(*n))) return Next::close;
    }
    if (response.stream_length && left > 0) return Next::close;
    if (!out.finish()) return Next::close;
    return keep ? Next::again : Next::close;
}

}  // namespace budkavle::net
