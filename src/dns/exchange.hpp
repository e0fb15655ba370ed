#pragma once
/// One question to one server over UDP or TCP, within a deadline.

#include <chrono>
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

}  // namespace budkavle::dns
