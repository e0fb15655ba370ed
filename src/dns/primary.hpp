#pragma once
/// The side of an authoritative server that changes a zone: dynamic update (RFC 2136), zone transfer (RFC 5936), both
/// under TSIG with hmac-sha256 (RFC 8945). Only NAPTR and CNAME records are ever touched (`sml.md` 2.3, 2.6).

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dns/exchange.hpp"

namespace budkavle::dns {

struct TsigKey {
    std::string name;    ///< "smlkey"
    std::string secret;  ///< base64; never logged
};

/// All that a name has of the two types.
struct NameContent {
    std::vector<Naptr> naptr{};
    std::optional<std::string> cname{};  ///< target
    std::uint32_t ttl = 60;
    [[nodiscard]] bool empty() const { return naptr.empty() && !cname; }
};
[[nodiscard]] bool operator==(const NameContent& a, const NameContent& b);

/// One server, asked over TCP. Errors: "dns.timeout", "dns.failed" (both later: not reached, SERVFAIL, broken answer),
/// "dns.refused" (final: key, zone or record not permitted), "dns.tsig" (later: the answer is not signed by our key, or
/// at a time that is not ours), "dns.name", "dns.too_long" (split the batch).
class Primary {
public:
    Primary(Server server, TsigKey key, std::chrono::milliseconds timeout = std::chrono::seconds(10));
    /// Makes each name have exactly this content, in one message (aliases: a second one before it makes room). A failure
    /// leaves the names as they were, or without records. Empty content removes. May be repeated.
    [[nodiscard]] Result<> replace(const std::string& zone,
                                   std::span<const std::pair<std::string, NameContent>> names) const;
    /// A signed update without changes: server, zone and key are in order.
    [[nodiscard]] Result<> probe(const std::string& zone) const;
    /// Every name with NAPTR or CNAME records, in lower case without the last dot. `timeout` counts per message, the
    /// whole may take 30 times as long. At most 5 million records.
    [[nodiscard]] Result<std::map<std::string, NameContent>> transfer(const std::string& zone) const;

private:
    Server server_;
    TsigKey key_;
    std::chrono::milliseconds timeout_;
};

}  // namespace budkavle::dns
