#pragma once
/// A stub resolver that asks one configured server: NAPTR for BDXL, A and AAAA for connections (`sml.md` 2.5).

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace budkavle::dns {

struct Naptr {
    std::uint16_t order = 0;
    std::uint16_t preference = 0;
    std::string flags;
    std::string service;
    std::string regexp;
    std::string replacement;  ///< "." when none
};

/// What the federation demands of the locator's answers (`sml.md` 2.5). Validation is done by a validating resolver on
/// the same machine; its AD bit is believed over loopback only. What it finds bogus it answers with SERVFAIL, which is
/// "dns.failed" under every policy.
enum class Dnssec : std::uint8_t {
    off,
    if_signed,  ///< the resolver validates; zones without a chain of trust are taken as they are
    required,   ///< an answer about NAPTR records, also a negative one, must be authentic: else "dns.insecure" (later)
};

/// Errors everywhere: "dns.not_found" (NXDOMAIN or no data: final), "dns.failed" (SERVFAIL, REFUSED, malformed answer:
/// later), "dns.timeout" (later), "dns.loop" (CNAME chain longer than 8 or in a circle), "dns.name" (not a domain
/// name).
class Resolver {
public:
    Resolver() = default;
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    virtual ~Resolver() = default;
    [[nodiscard]] virtual Result<std::vector<Naptr>> naptr(const std::string& name) const = 0;
    [[nodiscard]] virtual Result<std::vector<std::string>> addresses(
        const std::string& host) const = 0;  ///< literals pass through
};

/// UDP with EDNS 1232, TCP when truncated, CNAME followed, answer checked against the question, random id and port.
[[nodiscard]] std::unique_ptr<Resolver> make_resolver(const std::string& server_ip, std::uint16_t port,
                                                      std::chrono::milliseconds timeout = std::chrono::seconds(3),
                                                      unsigned attempts = 3, Dnssec dnssec = Dnssec::off);
/// Error "dns.resolver": a policy other than `off` needs a resolver at a loopback address.
[[nodiscard]] Result<> check_dnssec(const std::string& server_ip, Dnssec dnssec);

}  // namespace budkavle::dns
