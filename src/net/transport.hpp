#pragma once
/// One accepted connection, plain or TLS: reads and writes that end at a deadline or when the server stops.

#include <chrono>

#include "net/tls.hpp"

namespace budkavle::net {

using Deadline = std::chrono::steady_clock::time_point;

/// Owns a file descriptor.
class Fd {
public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept;
    ~Fd();
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

/// A flag that threads can poll together with their sockets.
class Signal {
public:
    Signal();
    void raise();
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    Fd fd_;
};

/// Errors: "http.slow" (deadline), "http.closed" (the peer is gone), "http.stopped" (the server ends).
class Transport {
public:
    /// `abort` ends every wait; `stop` only the waits for a new request.
    Transport(Fd socket, const Signal& stop, const Signal& abort)
        : socket_(std::move(socket)), stop_(stop), abort_(abort) {}

    Result<> handshake(ssl_ctx_st* context, Deadline until);
    /// Waits until there is something to read.
    Result<> await_request(Deadline until);
    Result<std::size_t> read(std::span<std::uint8_t> into, Deadline until);  ///< 0: orderly end
    /// Every wait for the peer lasts at most `stall`, all of it until `until`.
    Result<> write(ByteView bytes, std::chrono::seconds stall, Deadline until);
    /// Ends our direction. When the peer may still be sending (`drop_rest`), drops what comes for a moment: closed at
    /// once, the connection would be reset and our last answer lost.
    void close_gently(bool drop_rest);
    [[nodiscard]] std::optional<crypto::Certificate> certificate() const;
    /// The peer asked for it (AP-12); nothing more was read since.
    [[nodiscard]] bool renegotiation_refused() const { return log_.renegotiation; }

private:
    Result<> wait(short events, Deadline until, bool for_request = false);
    /// After an SSL call that gave `result`: waits for what it wants.
    Result<> wait_for_tls(int result, Deadline until);

    Fd socket_;
    SslHandle ssl_;
    HandshakeLog log_;
    const Signal& stop_;
    const Signal& abort_;
};

}  // namespace budkavle::net
