// The locator: its register in itself, the zone by transfer, and what each SMP has registered there.
#include <algorithm>

#include "base/bytes.hpp"
#include "consistency/state.hpp"
#include "sml/invariants.hpp"

namespace budkavle::consistency {
namespace {

constexpr std::size_t kPage = 1000;

std::string without_slash(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    return url;
}

}  // namespace

Result<> Checker::State::check_locator(std::size_t index) {
    const auto& locator = sources.locators[index];
    const sml::Caller administration{"consistency", std::nullopt};
    BUDKAVLE_TRY(const auto violations, sml::check_invariants(*locator.reg));
    for (const auto& one : violations) found("locator." + one.invariant, locator.name, one.subject, one.text, index);

    sml::PageRequest page{.limit = kPage};
    for (bool more = true; more;) {
        BUDKAVLE_TRY(const auto part, locator.reg->participants(administration, {}, page));
        for (const auto& one : part.items) registered[one.id.folded()] = to_lower_ascii(one.publisher);
        more = part.next.has_value();
        page.after = part.next.value_or("");
    }
    page.after.clear();
    for (bool more = true; more;) {
        BUDKAVLE_TRY(const auto part, locator.reg->queue(administration, page));
        for (const auto& one : part.items) {
            const bool late = one.state == sml::DnsState::failed || one.due < clock.now() - sources.patience ||
                              (one.attempts > 0 && one.since < clock.now() - sources.patience);
            if (late) found("locator.stuck", locator.name, one.subject, one.last_error, index);
            if (!late) ++report.pending;
        }
        more = part.next.has_value();
        page.after = part.next.value_or("");
    }
    for (const auto& zone : locator.zones) {
        sml::Outbox outbox(*locator.reg, zone, log, clock);
        const auto compared = outbox.reconcile(false);
        if (!compared) {
            if (!compared.error().code.starts_with("dns.")) return std::unexpected(compared.error());
            found("dns.unreachable", zone.zone, zone.server.ip, compared.error().describe(), index);
            continue;
        }
        report.names += compared->names;
        for (const auto& one : compared->findings)
            found("dns." + std::string(sml::name_of(one.kind)), zone.zone, one.subject.empty() ? one.name : one.subject,
                  one.name, index);
    }
    return {};
}

Result<> Checker::State::check_registrations(std::size_t index) {
    const auto& source = sources.smps[index];
    if (source.publisher.empty()) return {};
    const auto own = to_lower_ascii(source.publisher);
    for (const auto& locator : sources.locators) {
        const auto known = locator.reg->publisher({"consistency", std::nullopt}, source.publisher);
        if (known && without_slash(known->logical_address) != without_slash(source.url))
            found("locator.address", locator.name, source.publisher, known->logical_address, index);
    }
    BUDKAVLE_TRY(const auto wishes, smpserver::read_wishes(*source.database));
    const auto key = [](const std::string& folded) {
        return smp::Identifier{std::string(federation::kParticipantScheme), folded}.folded();
    };
    std::set<std::string> on_their_way;
    for (const auto& [folded, wish] : wishes) {
        if (!wish.settled) {
            on_their_way.insert(key(folded));
            ++report.pending;
            continue;
        }
        const auto there = registered.find(key(folded));
        if (wish.wanted && there == registered.end()) found("locator.missing", source.name, folded, {}, index);
        if (wish.wanted && there != registered.end() && there->second != own)
            found("locator.elsewhere", source.name, folded, there->second, index);
        if (!wish.wanted && there != registered.end() && there->second == own)
            found("locator.extra", source.name, folded, {}, index);
    }
    for (const auto& [id, publisher] : registered) {
        if (publisher != own || on_their_way.contains(id)) continue;
        const auto value = id.substr(id.find("::") + 2);
        if (!wishes.contains(value)) found("locator.extra", source.name, value, {}, index);
    }
    return {};
}

}  // namespace budkavle::consistency
