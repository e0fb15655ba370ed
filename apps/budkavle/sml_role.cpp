#include "sml_role.hpp"

#include <filesystem>

#include "base/stream.hpp"
#include "sml/rules.hpp"

namespace budkavle::app {

Result<RunningSml> start_sml(SmlRole role, obs::Log& log, const Clock& clock) {
    RunningSml out;
    BUDKAVLE_TRY(out.outside, smp::Outside::start(role.outside, clock, smp::log_to(log)));
    role.server.crls = out.outside->revocation();
    BUDKAVLE_TRY(out.server, sml::LocatorServer::start(role.server, log, clock));
    return out;
}

Result<std::string> read_tsig_secret(const std::filesystem::path& file) {
    namespace fs = std::filesystem;
    std::error_code error;
    const auto rights = fs::status(file, error).permissions();
    if (!error && (rights & (fs::perms::group_all | fs::perms::others_all)) != fs::perms::none)
        return fail("key.file_mode", "SEC-30", file.string(), "Others may read the TSIG key.", "chmod 600");
    BUDKAVLE_TRY(const auto octets, read_file(file, 4096));
    std::string secret(trim(as_text(octets)));
    const auto key = base64_decode(secret);
    constexpr std::size_t kLeast = 16;
    if (!key || key->size() < kLeast)
        return fail("dns.key", "sml.md 2.6", file.string(),
                    "The file does not hold a TSIG key of 128 bits or more in base64.");
    return secret;
}

SmlPort::SmlPort(SmlPortConfig config)
    : config_(std::move(config)),
      resolver_(dns::make_resolver(config_.resolver_address, config_.resolver_port)),
      client_([&] {
          net::ClientOptions options;
          options.tls.server_trust = config_.server_trust;
          options.tls.crls = std::make_shared<crypto::CrlStore>();
          options.tls.revocation = crypto::RevocationPolicy::when_present;
          options.tls.identity = config_.identity;
          options.resolve = [names = resolver_](const std::string& host) { return names->addresses(host); };
          options.guard = *net::AddressGuard::from_ranges(config_.permitted_addresses);  // checked by `open`
          options.stall_timeout = std::chrono::seconds(20);
          options.total_timeout = std::chrono::seconds(40);
          return net::Client::create(std::move(options));
      }()),
      soap_(*client_, config_.url) {}

Result<std::unique_ptr<SmlPort>> SmlPort::open(SmlPortConfig config) {
    BUDKAVLE_CHECK(net::AddressGuard::from_ranges(config.permitted_addresses));
    return std::unique_ptr<SmlPort>(new SmlPort(std::move(config)));
}

Result<> SmlPort::introduce() {
    if (introduced_) return {};
    BUDKAVLE_CHECK(soap_.ensure_publisher(config_.publisher, config_.smp_url, config_.physical_address));
    introduced_ = true;
    return {};
}

Result<> SmlPort::ensure(const federation::ParticipantId& participant) {
    BUDKAVLE_CHECK(introduce());
    return soap_.ensure(config_.publisher, smp::participant(participant));
}

Result<> SmlPort::withdraw(const federation::ParticipantId& participant) {
    BUDKAVLE_CHECK(introduce());
    return soap_.withdraw(config_.publisher, smp::participant(participant));
}

std::vector<Result<>> SmlPort::in_lists(std::span<const federation::ParticipantId> participants, bool wanted) {
    std::vector<Result<>> out;
    for (std::size_t at = 0; at < participants.size(); at += sml::kMaxList) {
        const auto part = participants.subspan(at, std::min(sml::kMaxList, participants.size() - at));
        std::vector<smp::Identifier> ids;
        for (const auto& id : part) ids.push_back(smp::participant(id));
        auto whole = introduce();
        if (whole && part.size() > 1)
            whole = wanted ? soap_.create(config_.publisher, ids) : soap_.remove(config_.publisher, ids);
        if (whole && part.size() > 1) {
            out.insert(out.end(), part.size(), Result<>{});
            continue;
        }
        // All or nothing: one that the locator refuses would hold up the others.
        for (const auto& id : part) out.push_back(wanted ? ensure(id) : withdraw(id));
    }
    return out;
}

std::vector<Result<>> SmlPort::ensure_all(std::span<const federation::ParticipantId> participants) {
    return in_lists(participants, true);
}
std::vector<Result<>> SmlPort::withdraw_all(std::span<const federation::ParticipantId> participants) {
    return in_lists(participants, false);
}

}  // namespace budkavle::app
