#pragma once
/// One question to one server over UDP or TCP, within a deadline.

#include <chrono>
#include <memory>
#include <string>

#include "dns/message.hpp"

namespace budkavle::dns {

struct Server {
    std::string ip;  ///< literal
    std::uint16_t port = 53;
};

using Deadline = std::chrono::steady_clock::time_point;

/// From a fresh port each time; packets that are not the reply are ignored until the deadline.
/// Errors: "dns.timeout" (later), "dns.failed" (later: no route, refused, only malformed replies).
[[nodiscard]] Result<Reply> ask_udp(const Server& server, const Question& question, Deadline deadline);
[[nodiscard]] Result<Reply> ask_tcp(const Server& server, const Question& question, Deadline deadline);

class Socket;
/// A TCP connection that carries whole messages (RFC 7766 framing), for updates and transfers. Errors as above.
class Connection {
public:
    static Result<Connection> open(const Server& server, Deadline deadline);
    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();
    Result<> send(ByteView message, Deadline deadline);
    Result<Bytes> receive(Deadline deadline);

private:
    explicit Connection(std::unique_ptr<Socket> socket);
    std::unique_ptr<Socket> socket_;
};

}  // namespace budkavle::dns
