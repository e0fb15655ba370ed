#include "smpserver/locator.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.hpp"
#include "base/stream.hpp"
#include "smp/bdxl.hpp"

namespace budkavle::smpserver {
namespace {

constexpr std::uint32_t kTtl = 60;

std::unexpected<Error> refuse(std::string_view place, std::string_view text) {
    return fail("locator.config", "FED-08", place, text);
}

bool is_name(std::string_view name) {
    if (name.empty() || name.size() > 250) return false;
    for (const auto label : split(name, '.')) {
        const bool good = !label.empty() && label.size() <= 63 && std::ranges::all_of(label, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        });
        if (!good) return false;
    }
    return true;
}

bool is_inside(std::string_view name, std::string_view zone) {
    return to_lower_ascii(name).ends_with("." + to_lower_ascii(zone));
}

Result<> add_host(std::string& out, const LocatorHost& host, const std::string& zone) {
    if (!is_name(host.name) || !is_inside(host.name, zone))
        return refuse(host.name, "The host does not lie in the zone.");
    for (const auto& address : host.addresses) {
        in6_addr ignored{};
        if (::inet_pton(AF_INET, address.c_str(), &ignored) == 1) {
            out += fmt::format("{}. {} IN A {}\n", host.name, kTtl, address);
        } else if (::inet_pton(AF_INET6, address.c_str(), &ignored) == 1) {
            out += fmt::format("{}. {} IN AAAA {}\n", host.name, kTtl, address);
        } else {
            return refuse(host.name, "The address of the host is not an IP address.");
        }
    }
    return {};
}

/// The serial in a zone file of ours; 0 when there is none.
std::uint32_t serial_in(std::string_view text) {
    for (const auto line : split(text, '\n')) {
        const auto words = split(line, ' ');
        if (words.size() < 7 || words[3] != "SOA") continue;
        std::uint32_t serial = 0;
        std::from_chars(words[6].data(), words[6].data() + words[6].size(), serial);
        return serial;
    }
    return 0;
}

}  // namespace

Result<std::string> zone_text(const LocatorConfig& config, const std::vector<federation::ParticipantId>& participants,
                              std::uint32_t serial) {
    if (!is_name(config.zone)) return refuse("zone", "The zone is not a domain name.");
    BUDKAVLE_CHECK(smp::check_smp_url(config.smp_url));
    std::string out = fmt::format("{0}. {1} IN SOA {2}. hostmaster.{0}. {3} 3600 600 604800 60\n{0}. {1} IN NS {2}.\n",
                                  config.zone, kTtl, config.name_server.name, serial);
    BUDKAVLE_CHECK(add_host(out, config.name_server, config.zone));
    for (const auto& host : config.hosts) BUDKAVLE_CHECK(add_host(out, host, config.zone));
    const auto record = smp::naptr_text({100, 10, "U", "Meta:SMP", "!.*!" + config.smp_url + "!", "."});
    auto sorted = participants;
    std::ranges::sort(sorted);
    for (const auto& participant : sorted) {
        out += fmt::format("{}. {} IN NAPTR {}\n", smp::dns_name(smp::participant(participant), config.zone), kTtl,
                           record);
    }
    return out;
}

Result<> Locator::publish(const std::vector<federation::ParticipantId>& participants) {
    const auto octets = read_file(config_.file);
    const std::string present(octets ? as_text(*octets) : std::string_view{});
    const auto old_serial = serial_in(present);
    BUDKAVLE_TRY(const auto same, zone_text(config_, participants, old_serial));
    if (same != present) {
        const auto now =
            static_cast<std::uint32_t>(std::chrono::floor<seconds>(clock_.now()).time_since_epoch().count());
        BUDKAVLE_TRY(const auto text, zone_text(config_, participants, std::max(old_serial + 1, now)));
        BUDKAVLE_CHECK(write_file_atomic(config_.file, as_bytes(text), 0644));
        loaded_ = false;
    }
    if (loaded_) return {};
    if (config_.reload) BUDKAVLE_CHECK(config_.reload());
    loaded_ = true;
    return {};
}

}  // namespace budkavle::smpserver
