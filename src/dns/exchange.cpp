#include "dns/exchange.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

namespace budkavle::dns {
namespace {

std::unexpected<Error> timed_out() {
    return fail("dns.timeout", "The name server did not answer in time.", Retry::later);
}
std::unexpected<Error> unreachable() {
    return fail("dns.failed", "The name server cannot be reached.", Retry::later);
}
std::unexpected<Error> broken() {
    return fail("dns.failed", "The name server sent a malformed answer.", Retry::later);
}

}  // namespace

class Socket {
public:
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&&) = delete;
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int fd() const { return fd_; }

    /// Waits until the socket is ready for `events`; false at the deadline.
    [[nodiscard]] bool wait(short events, Deadline deadline) const {
        while (true) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
            if (left.count() <= 0) return false;
            pollfd poll{.fd = fd_, .events = events, .revents = 0};
            const int ready = ::poll(&poll, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
            if (ready > 0) return true;
            if (ready < 0 && errno != EINTR) return false;
        }
    }

private:
    int fd_;
};

namespace {

/// Connected, so that the kernel drops what comes from elsewhere, and picks a random source port.
Result<Socket> connect_to(const Server& server, int type, Deadline deadline) {
    sockaddr_storage address{};
    socklen_t length = 0;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (::inet_pton(AF_INET, server.ip.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(server.port);
        length = sizeof(sockaddr_in);
    } else if (::inet_pton(AF_INET6, server.ip.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(server.port);
        length = sizeof(sockaddr_in6);
    } else {
        return fail("dns.failed", "The address of the name server is not an IP address.");
    }
    Socket socket(::socket(address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.fd() < 0) return unreachable();
    if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), length) == 0) return socket;
    if (errno != EINPROGRESS) return unreachable();
    if (!socket.wait(POLLOUT, deadline)) return timed_out();
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return unreachable();
    return socket;
}

Result<> send_all(const Socket& socket, ByteView bytes, Deadline deadline) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        } else if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (!socket.wait(POLLOUT, deadline)) return timed_out();
        } else {
            return unreachable();
        }
    }
    return {};
}

Result<> receive_all(const Socket& socket, std::span<std::uint8_t> into, Deadline deadline) {
    while (!into.empty()) {
        if (!socket.wait(POLLIN, deadline)) return timed_out();
        const auto got = ::recv(socket.fd(), into.data(), into.size(), 0);
        if (got > 0) {
            into = into.subspan(static_cast<std::size_t>(got));
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            return unreachable();
        }
    }
    return {};
}

}  // namespace

Result<Reply> ask_udp(const Server& server, const Question& question, Deadline deadline) {
    BUDKAVLE_TRY(const auto query, make_query(question));
    BUDKAVLE_TRY(const auto socket, connect_to(server, SOCK_DGRAM, deadline));
    BUDKAVLE_CHECK(send_all(socket, query, deadline));
    std::array<std::uint8_t, 65535> buffer{};
    bool saw_malformed = false;
    while (socket.wait(POLLIN, deadline)) {
        const auto got = ::recv(socket.fd(), buffer.data(), buffer.size(), 0);
        if (got < 0) {
            if (errno == EAGAIN || errno == EINTR) continue;
            return unreachable();
        }
        auto reply = read_reply(ByteView(buffer.data(), static_cast<std::size_t>(got)), question);
        if (reply.status == Status::malformed) saw_malformed = true;
        if (reply.status != Status::not_ours && reply.status != Status::malformed) return reply;
    }
    if (saw_malformed) return broken();
    return timed_out();
}

Connection::Connection(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const Server& server, Deadline deadline) {
    BUDKAVLE_TRY(auto socket, connect_to(server, SOCK_STREAM, deadline));
    return Connection(std::make_unique<Socket>(std::move(socket)));
}

Result<> Connection::send(ByteView message, Deadline deadline) {
    if (message.size() > 65535) return fail("dns.failed", "The message is too long for DNS.");
    Bytes framed{static_cast<std::uint8_t>(message.size() >> 8), static_cast<std::uint8_t>(message.size() & 0xFF)};
    framed.insert(framed.end(), message.begin(), message.end());
    return send_all(*socket_, framed, deadline);
}

Result<Bytes> Connection::receive(Deadline deadline) {
    std::array<std::uint8_t, 2> length{};
    BUDKAVLE_CHECK(receive_all(*socket_, length, deadline));
    Bytes packet(static_cast<std::size_t>((length[0] << 8) | length[1]));
    BUDKAVLE_CHECK(receive_all(*socket_, packet, deadline));
    return packet;
}

Result<Reply> ask_tcp(const Server& server, const Question& question, Deadline deadline) {
    BUDKAVLE_TRY(const auto query, make_query(question));
    BUDKAVLE_TRY(auto connection, Connection::open(server, deadline));
    BUDKAVLE_CHECK(connection.send(query, deadline));
    BUDKAVLE_TRY(const auto packet, connection.receive(deadline));
    auto reply = read_reply(packet, question);
    const bool usable =
        reply.status != Status::not_ours && reply.status != Status::malformed && reply.status != Status::truncated;
    if (!usable) return broken();
    return reply;
}

}  // namespace budkavle::dns
