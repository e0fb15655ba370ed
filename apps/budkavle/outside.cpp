#include "outside.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include "accesspoint/platform.hpp"

namespace budkavle::app {

Result<std::unique_ptr<Outside>> Outside::open(const std::filesystem::path& config_file) {
    BUDKAVLE_TRY(auto config, load_config(config_file));
    if (!config.faults.empty())
        return fail("usage.config", {}, config.faults.front().place, config.faults.front().text);
    if (!config.ap) return fail("usage.config", {}, config_file.string(), "The configuration has no role [ap].");
    auto outside = std::unique_ptr<Outside>(new Outside());
    outside->config_ = std::move(*config.ap);
    auto world = accesspoint::outside_config(outside->config_);
    world.folder.clear();  // a command leaves no copies, and is no second writer beside the service
    BUDKAVLE_TRY(outside->world_, smp::Outside::start(world, system_clock()));
    BUDKAVLE_CHECK(outside->world_->refresh_lists());
    net::ClientOptions options;
    options.tls = {.server_trust = outside->config_.environment.smp_tls_trust,
                   .crls = outside->world_->revocation(),
                   .identity = outside->config_.a.identity};
    options.resolve = outside->world_->resolve();
    BUDKAVLE_TRY(options.guard, net::AddressGuard::from_ranges(world.permitted_addresses));
    outside->client_ = net::Client::create(std::move(options));
    return outside;
}

as4::SignerTrust Outside::signer_trust() const {
    return {.store = config_.environment.ap_trust.get(), .crls = world_->revocation().get(), .policy = {.at = system_clock().now()}};
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
