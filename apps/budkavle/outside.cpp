#include "outside.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include "base/random.hpp"

namespace budkavle::app {

Result<std::unique_ptr<Outside>> Outside::open(const std::filesystem::path& config_file) {
    BUDKAVLE_TRY(auto config, load_config(config_file));
    if (!config.faults.empty())
        return fail("usage.config", {}, config.faults.front().place, config.faults.front().text);
    if (!config.ap) return fail("usage.config", {}, config_file.string(), "The configuration has no role [ap].");
    auto outside = std::unique_ptr<Outside>(new Outside());
    outside->config_ = std::move(*config.ap);
    const auto& environment = outside->config_.environment;
    outside->resolver_ = dns::make_resolver(environment.resolver_address, environment.resolver_port);
    outside->crls_ = std::make_shared<crypto::CrlStore>();
    const auto resolve = [resolver = outside->resolver_.get()](const std::string& host) {
        return resolver->addresses(host);
    };

    net::ClientOptions options;
    options.tls = {
        .server_trust = environment.smp_tls_trust, .crls = outside->crls_, .identity = outside->config_.a.identity};
    options.resolve = resolve;
    options.allow_plain_http = true;  // revocation lists only: endpoints and SMPs are https by their own checks
    BUDKAVLE_TRY(options.guard, net::AddressGuard::from_ranges(environment.permitted_addresses));
    outside->client_ = net::Client::create(std::move(options));

    outside->crl_copies_ = std::filesystem::temp_directory_path() / ("budkavle-" + new_uuid());
    std::filesystem::create_directory(outside->crl_copies_);
    smp::CrlFetcherConfig lists{
        .urls = environment.crl_urls, .issuers = environment.crl_issuers, .folder = outside->crl_copies_};
    outside->fetcher_ =
        std::make_unique<smp::CrlFetcher>(std::move(lists), outside->crls_, *outside->client_, system_clock());
    BUDKAVLE_CHECK(outside->fetcher_->refresh_now());

    smp::DirectoryConfig directory{.zone = environment.zone,
                                   .profiles = outside->config_.profiles,
                                   .smp_trust = environment.smp_trust,
                                   .ap_trust = environment.ap_trust,
                                   .crls = outside->crls_};
    outside->directory_ =
        std::make_unique<smp::Directory>(std::move(directory), *outside->resolver_, *outside->client_, system_clock());
    return outside;
}

Outside::~Outside() {
    directory_.reset();
    fetcher_.reset();
    std::error_code ignored;
    if (!crl_copies_.empty()) std::filesystem::remove_all(crl_copies_, ignored);
}

as4::SignerTrust Outside::signer_trust() const {
    return {.store = config_.environment.ap_trust.get(), .crls = crls_.get(), .policy = {.at = system_clock().now()}};
}

void print_steps(const std::vector<smp::LookupStep>& steps) {
    for (const auto& step : steps) {
        fmt::print("{:<10} {}\n", step.name, step.detail);
        if (step.error) fmt::print("           {}\n", step.error->describe());
    }
}

net::Resolve system_resolve() {
    return [](const std::string& host) -> Result<std::vector<std::string>> {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0)
            return fail("dns.not_found", "The host name is not known.");
        std::vector<std::string> out;
        for (const auto* one = found; one != nullptr; one = one->ai_next) {
            std::array<char, NI_MAXHOST> text{};
            if (::getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0)
                out.emplace_back(text.data());
        }
        ::freeaddrinfo(found);
        return out;
    };
}

}  // namespace budkavle::app
