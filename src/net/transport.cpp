#include "net/transport.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace budkavle::net {
namespace {

std::unexpected<Error> closed() {
    return fail("http.closed", "The peer closed the connection.");
}

int milliseconds_until(Deadline until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}
Fd::~Fd() {
    if (fd_ >= 0) ::close(fd_);
}

Signal::Signal() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
void Signal::raise() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(fd_.get(), &one, sizeof one);
}

Result<> Transport::wait(short events, Deadline until, bool for_request) {
    while (true) {
        std::array<pollfd, 3> fds{
            {{socket_.get(), events, 0}, {abort_.fd(), POLLIN, 0}, {for_request ? stop_.fd() : -1, POLLIN, 0}}};
        const int n = ::poll(fds.data(), fds.size(), milliseconds_until(until));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return closed();
        if (fds[1].revents != 0 || fds[2].revents != 0) return fail("http.stopped", "The server ends.", Retry::later);
        if (n == 0) return fail("http.slow", "SEC-107", "connection", "The peer was too slow.", {}, Retry::later);
        return {};
    }
}

Result<> Transport::wait_for_tls(int result, Deadline until) {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return wait(POLLIN, until);
        case SSL_ERROR_WANT_WRITE:
            return wait(POLLOUT, until);
        default:
            return closed();
    }
}

Result<> Transport::handshake(ssl_ctx_st* context, Deadline until) {
    ssl_.reset(SSL_new(context));
    if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.get()) != 1) return closed();
    set_log(ssl_.get(), &log_);
    while (true) {
        ERR_clear_error();
        const int result = SSL_accept(ssl_.get());
        if (result == 1) return {};
        auto waited = wait_for_tls(result, until);
        if (waited) continue;
        if (waited.error().code != "http.closed") return waited;
        return std::unexpected(handshake_error(log_));
    }
}

Result<> Transport::await_request(Deadline until) {
    if (ssl_ && SSL_has_pending(ssl_.get())) return {};
    return wait(POLLIN, until, true);
}

Result<std::size_t> Transport::read(std::span<std::uint8_t> into, Deadline until) {
    while (true) {
        if (ssl_) {
            ERR_clear_error();
            std::size_t n = 0;
            const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &n);
            if (result == 1) return n;
            if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
            if (log_.renegotiation) return closed();
            BUDKAVLE_CHECK(wait_for_tls(result, until));
            continue;
        }
        const auto n = ::recv(socket_.get(), into.data(), into.size(), 0);
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return closed();
        BUDKAVLE_CHECK(wait(POLLIN, until));
    }
}

Result<> Transport::write(ByteView bytes, std::chrono::seconds stall, Deadline until) {
    while (!bytes.empty()) {
        const auto deadline = std::min(until, std::chrono::steady_clock::now() + stall);
        if (ssl_) {
            ERR_clear_error();
            std::size_t n = 0;
            const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
            if (result == 1)
                bytes = bytes.subspan(n);
            else
                BUDKAVLE_CHECK(wait_for_tls(result, deadline));
            continue;
        }
        const auto n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            BUDKAVLE_CHECK(wait(POLLOUT, deadline));
        } else if (errno != EINTR) {
            return closed();
        }
    }
    return {};
}

void Transport::close_gently(bool drop_rest) {
    using namespace std::chrono_literals;
    constexpr std::size_t kMostDropped = std::size_t{64} << 20;
    if (ssl_) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
        ERR_clear_error();
    }
    if (::shutdown(socket_.get(), SHUT_WR) != 0 || !drop_rest) return;
    const auto until = std::chrono::steady_clock::now() + 2s;
    Bytes waste(kPiece);
    std::size_t dropped = 0;
    while (dropped < kMostDropped) {
        const auto n = ::recv(socket_.get(), waste.data(), waste.size(), 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return;
        if (n > 0)
            dropped += static_cast<std::size_t>(n);
        else if (!wait(POLLIN, until))
            return;
    }
}

std::optional<crypto::Certificate> Transport::certificate() const {
    return ssl_ ? peer_certificate(ssl_.get()) : std::nullopt;
}

}  // namespace budkavle::net
