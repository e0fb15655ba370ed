#pragma once
/// BDXL 1.6: from a participant to a DNS name, from NAPTR records to the address of its SMP (`sml.md` 2; FED-08, K17).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dns/resolver.hpp"
#include "smp/identifiers.hpp"

namespace budkavle::smp {

enum class Folding : std::uint8_t { lower_case, as_is };

/// BASE32(SHA-256(value)) without padding: 52 characters, upper case as EC publishes them.
[[nodiscard]] std::string dns_label(std::string_view value, Folding folding = Folding::lower_case);
/// label.scheme.zone; label.zone for an identifier without scheme.
[[nodiscard]] std::string dns_name(const Identifier& participant, std::string_view zone);

/// What a set of NAPTR records says: exactly one of the two is set.
struct NaptrStep {
    std::optional<std::string> url;     ///< base URL of the SMP
    std::optional<std::string> follow;  ///< a non-terminal record: ask this name next
};

/// Takes the first record by order, then preference, whose service is Meta:SMP and whose flag is U or empty (both
/// without case); others are ignored. Errors: "smp.no_service" (nothing fits), "bdxl.syntax" (the record is broken: a
/// technical fault, never "not registered"), "bdxl.back_reference", "bdxl.regexp" (not one that matches everything),
/// "bdxl.url".
[[nodiscard]] Result<NaptrStep> interpret_naptr(std::vector<dns::Naptr> records);

/// An SMP address must be https, with a host name (no address literal), without user-info, query, fragment, and without
/// a participant already in its path. Error "bdxl.url".
[[nodiscard]] Result<> check_smp_url(std::string_view url);

/// Asks, follows non-terminal records up to 8 steps. Errors of dns::Resolver, where "dns.not_found" becomes
/// "smp.not_registered" (final), and those of `interpret_naptr`; "bdxl.loop". `visited` gets the names asked.
[[nodiscard]] Result<std::string> find_smp(const dns::Resolver& resolver, const std::string& name,
                                           std::vector<std::string>* visited = nullptr);

/// One record in presentation form: `100 10 "U" "Meta:SMP" "!.*!https://smp.example.se/!" .`, optionally with
/// owner, TTL, class and NAPTR before it. Error "naptr.text".
[[nodiscard]] Result<dns::Naptr> parse_naptr(std::string_view text);
/// The reverse: the five fields and the replacement as they stand in a zone file.
[[nodiscard]] std::string naptr_text(const dns::Naptr& record);

}  // namespace budkavle::smp
