#pragma once
/// The requests and answers of one connection, one after the other.

#include <atomic>

#include "net/request_parser.hpp"
#include "net/transport.hpp"

namespace budkavle::net {

/// Octets received and not yet used.
class Inbox {
public:
    explicit Inbox(Transport& transport) : transport_(transport) {}
    [[nodiscard]] ByteView view() const { return ByteView(octets_).subspan(begin_, end_ - begin_); }
    void consume(std::size_t n) { begin_ += n; }
    /// Receives more, keeping what is there; false at the orderly end. Error "http.malformed" when there is no room.
    Result<bool> more(std::size_t most, Deadline until);

private:
    Transport& transport_;
    Bytes octets_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

/// Body of one request: sends 100 (Continue) when it is first read; remembers how reading failed.
class RequestBody final : public Source {
public:
    RequestBody(Transport& transport, Inbox& inbox, RequestParser& parser, const ServerLimits& limits);
    Result<std::size_t> read(std::span<std::uint8_t> into) override;
    [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
    [[nodiscard]] bool started() const { return started_; }
    /// Reads what the handler left, up to `most` octets; true when the body ended there.
    bool skip_rest(std::uint64_t most);

private:
    Result<std::size_t> read_or_fail(std::span<std::uint8_t> into);

    Transport& transport_;
    Inbox& inbox_;
    RequestParser& parser_;
    const ServerLimits& limits_;
    Deadline until_;
    bool started_ = false;
    std::optional<Error> failure_;
};

class Conversation {
public:
    Conversation(Transport& transport, const ServerLimits& limits, const Handler& handler, std::string peer,
                 std::optional<crypto::Certificate> certificate, const std::atomic<bool>& stopping);
    /// `overloaded`: the first request is answered with 503.
    void run(bool overloaded);
    /// The conversation ended within a request.
    [[nodiscard]] bool left_unread() const { return left_unread_; }

private:
    enum class Next : std::uint8_t { again, close };
    Next one_request(bool overloaded);
    Response call_handler(Request& request);
    Next refuse(const Error& error);
    Next answer(Response response, const RequestHead& head, bool keep);

    Transport& transport_;
    const ServerLimits& limits_;
    const Handler& handler_;
    std::string peer_;
    std::optional<crypto::Certificate> certificate_;
    const std::atomic<bool>& stopping_;
    Inbox inbox_;
    Deadline born_;
    bool first_ = true;
    bool left_unread_ = false;
};

}  // namespace budkavle::net
