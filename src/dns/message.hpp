#pragma once
/// DNS messages on the wire: one question out, one checked reply in. No sockets here.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "dns/resolver.hpp"

namespace budkavle::dns {

enum class Type : std::uint16_t { a = 1, cname = 5, aaaa = 28, naptr = 35 };

struct Question {
    std::uint16_t id = 0;
    std::string name;  ///< absolute, presentation form, with or without the last dot
    Type type = Type::a;
    bool ask_authentic = false;  ///< RFC 6840 5.7: AD in the question asks for AD in the answer
};

inline constexpr std::uint16_t kUdpSize = 1232;  ///< EDNS buffer: fits one IPv6 packet

/// Wire form with EDNS0. Error "dns.name" (not a domain name).
[[nodiscard]] Result<Bytes> make_query(const Question& question);

enum class Status : std::uint8_t {
    not_ours,   ///< other id, other question, not a reply, not DNS at all: keep waiting
    malformed,  ///< our id and question, but broken
    truncated,  ///< ask again over TCP
    answer,
    no_data,  ///< the name exists, the type does not
    no_name,  ///< NXDOMAIN
    failed,   ///< SERVFAIL, REFUSED, …, or a referral (the server does not resolve for us)
    loop,     ///< CNAME chain in the reply loops or is too long
};

struct Reply {
    Status status = Status::not_ours;
    std::vector<Naptr> naptr{};
    std::vector<std::string> addresses{};
    std::optional<std::string> alias{};  ///< the chain of CNAMEs ends here without data: ask this name next
    unsigned aliases = 0;                ///< CNAMEs followed inside the reply
    bool authentic = false;              ///< AD: the resolver says that it validated the whole answer
};

inline constexpr unsigned kMaxAliases = 8;

/// Reads a hostile packet as the reply to `question`.
[[nodiscard]] Reply read_reply(ByteView packet, const Question& question);

/// Lower case, no last dot: how names are compared here.
[[nodiscard]] std::string canonical_name(std::string_view name);

}  // namespace budkavle::dns
