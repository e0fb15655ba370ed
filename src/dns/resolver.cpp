#include "dns/resolver.hpp"

#include <arpa/inet.h>

#include <set>
#include <utility>

#include "base/random.hpp"
#include "dns/exchange.hpp"

namespace budkavle::dns {
namespace {

bool is_address(const std::string& host) {
    in6_addr ignored{};
    return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

class StubResolver final : public Resolver {
public:
    StubResolver(Server server, std::chrono::milliseconds timeout, unsigned attempts, Dnssec dnssec)
        : server_(std::move(server)), timeout_(timeout), attempts_(attempts), dnssec_(dnssec) {}

    Result<std::vector<Naptr>> naptr(const std::string& name) const override {
        BUDKAVLE_TRY(auto reply, follow(name, Type::naptr));
        return std::move(reply.naptr);
    }

    Result<std::vector<std::string>> addresses(const std::string& host) const override {
        if (is_address(host)) return std::vector{host};
        auto v4 = follow(host, Type::a);
        auto v6 = follow(host, Type::aaaa);
        std::vector<std::string> out;
        for (auto* half : {&v4, &v6}) {
            if (*half) out.insert(out.end(), (*half)->addresses.begin(), (*half)->addresses.end());
        }
        if (!out.empty()) return out;
        // "No such name" is final only when both halves say so.
        if (v4.error().code == "dns.not_found") return std::unexpected(std::move(v6).error());
        return std::unexpected(std::move(v4).error());
    }

private:
    /// Asks once: UDP, and TCP when the reply does not fit.
    Result<Reply> ask(const std::string& name, Type type) const {
        std::uint16_t id = 0;
        random_bytes({reinterpret_cast<std::uint8_t*>(&id), sizeof id});
        const Question question{.id = id, .name = name, .type = type, .ask_authentic = dnssec_ != Dnssec::off};
        auto reply = ask_udp(server_, question, std::chrono::steady_clock::now() + timeout_);
        if (reply && reply->status == Status::truncated)
            reply = ask_tcp(server_, question, std::chrono::steady_clock::now() + timeout_);
        if (reply && reply->status == Status::failed)
            return fail("dns.failed", "The name server could not answer.", Retry::later);
        return reply;
    }

    Result<Reply> ask_repeatedly(const std::string& name, Type type) const {
        for (unsigned attempt = 1;; ++attempt) {
            auto reply = ask(name, type);
            if (reply || reply.error().retry == Retry::never || attempt >= attempts_) return reply;
        }
    }

    /// Follows aliases across replies (CNAME, also those made from DNAME), at most eight in all, never in a circle.
    Result<Reply> follow(const std::string& name, Type type) const {
        const auto loop = [] { return fail("dns.loop", "The aliases of the name form a loop or are too many."); };
        std::string at = name;
        std::set<std::string> seen{canonical_name(name)};
        unsigned aliases = 0;
        while (true) {
            BUDKAVLE_TRY(auto reply, ask_repeatedly(at, type));
            if (reply.status == Status::loop) return loop();
            // Hosts may lie in zones of others and are checked by TLS; who is registered where is not.
            if (dnssec_ == Dnssec::required && type == Type::naptr && !reply.authentic)
                return fail("dns.insecure", "sml.md 2.5", "DNSSEC",
                            "The answer about the participant is not authentic, and the federation demands DNSSEC.",
                            "Check the validating resolver and its trust anchor.", Retry::later);
            if (reply.status == Status::no_name || reply.status == Status::no_data) {
                return fail("dns.not_found", "The name does not exist or has no such record.");
            }
            if (!reply.alias) return reply;
            aliases += reply.aliases;
            if (aliases > kMaxAliases || !seen.insert(*reply.alias).second) return loop();
            at = *reply.alias;
        }
    }

    Server server_;
    std::chrono::milliseconds timeout_;
    unsigned attempts_;
    Dnssec dnssec_;
};

}  // namespace

std::unique_ptr<Resolver> make_resolver(const std::string& server_ip, std::uint16_t port,
                                        std::chrono::milliseconds timeout, unsigned attempts,
                                        Dnssec dnssec) {
    return std::make_unique<StubResolver>(Server{server_ip, port}, timeout, attempts == 0 ? 1 : attempts, dnssec);
}

Result<> check_dnssec(const std::string& server_ip, Dnssec dnssec) {
    if (dnssec == Dnssec::off || server_ip == "::1" || server_ip.starts_with("127.")) return {};
    return fail("dns.resolver", "sml.md 2.5", "resolver",
                "DNSSEC needs a validating resolver on this machine: its word counts over loopback only.",
                "Run unbound beside the service and name 127.0.0.1.");
}

}  // namespace budkavle::dns
