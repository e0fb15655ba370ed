#include "consistency/checker.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "consistency/state.hpp"
#include "sml/invariants.hpp"

namespace budkavle::consistency {

void in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) {
    constexpr std::size_t kThreads = 4;
    std::atomic<std::size_t> next = 0;
    const auto run = [&] {
        for (std::size_t i = next++; i < count; i = next++) work(i);
    };
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(kThreads, count); ++i) others.emplace_back(run);
    run();
}

void Checker::State::found(std::string_view code, std::string place, std::string subject, std::string detail,
                           std::size_t source) {
    Finding one{&consistency::kind(code), std::move(place), std::move(subject), std::move(detail), source};
    const std::lock_guard lock(mutex);
    const bool known = std::ranges::any_of(report.findings, [&](const auto& other) { return other.same(one); });
    if (!known) report.findings.push_back(std::move(one));
}

std::shared_ptr<net::Client> Checker::State::client_to(const std::string& address, bool plain) const {
    net::ClientOptions options;
    options.tls = {.server_trust = sources.world.tls_trust,
                   .crls = sources.outside->revocation(),
                   .revocation = crypto::RevocationPolicy::when_present,
                   .identity = {}};
    auto names = sources.outside->resolve();
    options.resolve = [names = std::move(names), address](const std::string& host) {
        return address.empty() ? names(host) : Result<std::vector<std::string>>{std::vector{address}};
    };
    auto ranges = sources.world.permitted_addresses;
    if (!address.empty()) ranges.push_back(address);
    if (auto guard = net::AddressGuard::from_ranges(ranges)) options.guard = *std::move(guard);
    options.connect_timeout = std::chrono::seconds(5);
    options.stall_timeout = std::chrono::seconds(10);
    options.total_timeout = std::chrono::seconds(30);
    options.allow_plain_http = plain;
    return net::Client::create(std::move(options));
}

Checker::Checker(Sources sources, obs::Log& log, const Clock& clock)
    : state_(std::make_unique<State>(std::move(sources), log, clock)) {
    state_->client = state_->client_to({}, true);
}
Checker::~Checker() = default;

Result<Report> Checker::look() {
    auto& state = *state_;
    state.report = {};
    state.uses.clear();
    state.registered.clear();
    for (std::size_t i = 0; i < state.sources.locators.size(); ++i) BUDKAVLE_CHECK(state.check_locator(i));
    for (std::size_t i = 0; i < state.sources.smps.size(); ++i) {
        BUDKAVLE_CHECK(state.check_register(i));
        if (!state.sources.locators.empty()) BUDKAVLE_CHECK(state.check_registrations(i));
        BUDKAVLE_CHECK(state.check_nodes(i));
    }
    BUDKAVLE_CHECK(state.check_certificates());
    for (std::size_t i = 0; i < state.sources.pkis.size(); ++i) BUDKAVLE_CHECK(state.check_pki(i));
    return std::move(state.report);
}

Result<Report> Checker::check(std::chrono::milliseconds pause) {
    BUDKAVLE_TRY(const auto first, look());
    if (first.findings.empty()) return first;
    std::this_thread::sleep_for(pause);
    BUDKAVLE_TRY(auto second, look());
    std::erase_if(second.findings, [&](const auto& one) {
        return std::ranges::none_of(first.findings, [&](const auto& other) { return one.same(other); });
    });
    state_->log.technical(second.findings.empty() ? obs::Level::info : obs::Level::warning, "consistency.checked",
                          {{"participants", static_cast<std::int64_t>(second.participants)},
                           {"answers", static_cast<std::int64_t>(second.answers)},
                           {"names", static_cast<std::int64_t>(second.names)},
                           {"findings", static_cast<std::int64_t>(second.findings.size())}});
    return second;
}

Result<std::size_t> Checker::repair(const std::string& who, const std::vector<Finding>& findings) {
    auto& state = *state_;
    const auto now = state.clock.now();
    std::size_t repaired = 0;
    std::set<std::size_t> zones;
    std::set<std::size_t> registers;
    std::map<std::pair<std::size_t, std::string>, bool> participants;  // → anew
    for (const auto& finding : findings) {
        repaired += finding.kind->repair == Repair::none ? 0 : 1;
        switch (finding.kind->repair) {
            case Repair::none:
                break;
            case Repair::publish:
                participants.try_emplace({finding.source, finding.subject}, false);
                break;
            case Repair::anew:
                participants[{finding.source, finding.subject}] = true;
                break;
            case Repair::locator:
                registers.insert(finding.source);
                break;
            case Repair::zone:
                zones.insert(finding.source);
                break;
        }
    }
    for (const auto& [whose, anew] : participants)
        BUDKAVLE_CHECK(smpserver::queue_repair(*state.sources.smps[whose.first].database, whose.second, anew, now));
    for (const auto index : registers)
        BUDKAVLE_CHECK(sml::repair_invariants(*state.sources.locators[index].reg, state.clock));
    for (const auto index : zones) {
        const auto& locator = state.sources.locators[index];
        const sml::Caller caller{who, std::nullopt};
        (void)locator.reg->retry(caller);
        for (const auto& zone : locator.zones)
            BUDKAVLE_CHECK(locator.reg->request_reconciliation(caller, zone.zone));
    }
    for (const auto& finding : findings) {
        if (finding.kind->repair == Repair::none) continue;
        state.log.audit(who, "consistency.repair",
                        {{"finding", std::string(finding.kind->code)},
                         {"place", finding.place},
                         {"subject", finding.subject}});
    }
    return repaired;
}

}  // namespace budkavle::consistency
