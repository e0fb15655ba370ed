#include <algorithm>
#include <list>
#include <mutex>

#include "net/client_call.hpp"

namespace budkavle::net {
namespace {

constexpr std::size_t kMostIdle = 32;

bool is_field(const std::pair<std::string, std::string>& field) {
    constexpr std::string_view kBreaks("\r\n\0", 3);
    const auto& [name, value] = field;
    return !name.empty() && name.find_first_of(": \t;") == std::string::npos &&
           name.find_first_of(kBreaks) == std::string::npos && value.find_first_of(kBreaks) == std::string::npos;
}

bool is_method(std::string_view method) {
    return !method.empty() && std::ranges::all_of(method, [](char c) { return c >= 'A' && c <= 'Z'; });
}

class ClientImpl final : public Client {
public:
    explicit ClientImpl(ClientOptions options)
        : options_(std::move(options)), peer_check_{options_.tls.server_trust, options_.tls.crls, options_.tls.revocation} {}

    Result<ClientResponse> send(const ClientRequest& request, Sink* into) override {
        if (!is_method(request.method) || !std::ranges::all_of(request.headers.all(), is_field))
            return fail("http.url", {}, "request", "The method or a header field is malformed.");
        BUDKAVLE_TRY(const auto url, parse_client_url(request.url, options_.allow_plain_http));
        BUDKAVLE_CHECK(permitted_port(url));
        BUDKAVLE_TRY(const auto addresses, permitted_addresses(url));
        auto session = take(url.host + ":" + std::to_string(url.port));
        auto response = session->perform(request, url, addresses, into);
        give_back(std::move(session));
        return response;
    }

private:
    Result<> permitted_port(const ClientUrl& url) const {
        const auto holds = [&](const PortRange& range) { return range.first <= url.port && url.port <= range.last; };
        if (options_.ports.empty() || std::ranges::any_of(options_.ports, holds)) return {};
        return fail("http.port_refused", "AP-10", url.host,
                    "The address names port " + std::to_string(url.port) + ", which is not permitted in this environment.",
                    "The owner of the address must use a permitted port, 443 in the SDK federation.");
    }

    /// All of them must be permitted: a name that also points to a forbidden address is not to be trusted (SEC-42).
    Result<std::vector<std::string>> permitted_addresses(const ClientUrl& url) const {
        std::vector<std::string> addresses{url.host};
        if (!url.is_literal) {
            if (!options_.resolve) return fail("http.url", {}, url.host, "No resolver is configured.");
            BUDKAVLE_TRY(addresses, options_.resolve(url.host));
        }
        if (addresses.empty()) return fail("dns.not_found", {}, url.host, "The host has no address.");
        for (const auto& address : addresses)
            if (!options_.guard.permits(address))
                return fail("http.address_refused", "SEC-42", url.host,
                            "The host has an address that is not permitted in this environment.",
                            "Check the DNS entry, or the permitted addresses of the environment.");
        return addresses;
    }

    /// An idle session, if possible one that may have a connection to there.
    std::unique_ptr<CurlSession> take(const std::string& host) {
        {
            const std::lock_guard lock(mutex_);
            auto found = std::ranges::find_if(idle_, [&](const auto& session) { return session->last_host() == host; });
            if (found == idle_.end() && idle_.size() >= kMostIdle) found = idle_.begin();
            if (found != idle_.end()) {
                auto session = std::move(*found);
                idle_.erase(found);
                return session;
            }
        }
        return std::make_unique<CurlSession>(options_, peer_check_);
    }

    void give_back(std::unique_ptr<CurlSession> session) {
        const std::lock_guard lock(mutex_);
        if (idle_.size() < kMostIdle) idle_.push_back(std::move(session));
    }

    const ClientOptions options_;
    const PeerCheck peer_check_;
    std::mutex mutex_;
    std::list<std::unique_ptr<CurlSession>> idle_;
};

}  // namespace

std::unique_ptr<Client> Client::create(ClientOptions options) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)initialised;
    return std::make_unique<ClientImpl>(std::move(options));
}

}  // namespace budkavle::net
