#pragma once
/// What an inconsistency is called, which rule it breaks, and what to do about it.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace budkavle::consistency {

enum class Repair : std::uint8_t {
    none,     ///< a person decides
    publish,  ///< the worker of the SMP's register publishes, unpublishes or registers the participant again
    anew,     ///< the same, signing everything of it anew
    zone,     ///< the worker of the locator compares the zone with its register and writes what differs
    locator,  ///< counters, marks and queue of the locator's register
};

struct Kind {
    std::string_view code;  ///< stable: "dns.missing"
    std::string_view rule;  ///< of the specification
    std::string_view text;
    std::string_view swedish;
    std::string_view remedy;
    std::string_view remedy_swedish;
    Repair repair = Repair::none;
};
/// Everything the checker can find, in the order in which it looks.
[[nodiscard]] std::span<const Kind> kinds();
[[nodiscard]] const Kind& kind(std::string_view code);  ///< `code` is one of them

struct Finding {
    const Kind* kind = nullptr;
    std::string place;    ///< register, node, zone, list
    std::string subject;  ///< participant, name, certificate, serial number
    std::string detail;
    std::size_t source = 0;  ///< which SMP, locator or PKI of `Sources`
    /// The same fault of the same thing at the same place, whatever its detail says now.
    [[nodiscard]] bool same(const Finding& other) const {
        return kind == other.kind && place == other.place && subject == other.subject;
    }
};

}  // namespace budkavle::consistency
