#pragma once
/// From rows of the register to the content of names.

#include "dns/primary.hpp"
#include "sml/register_state.hpp"

namespace budkavle::sml {

/// The record of an SMP's address: `100 10 "U" "Meta:SMP" "!.*!URL!" .`, TTL 60 (`sml.md` 2.3).
[[nodiscard]] inline dns::NameContent address_content(const std::string& url) {
    return {.naptr = {{100, 10, "U", "Meta:SMP", "!.*!" + url + "!", "."}}};
}
[[nodiscard]] inline dns::NameContent participant_content(const DomainRules& rules, const std::string& publisher_id,
                                                          const std::string& url) {
    if (rules.layout == Layout::naptr) return address_content(url);
    return {.cname = publisher_name(publisher_id, rules.zone)};
}

struct Desired {
    std::string kind;
    std::string subject;
    std::string publisher;  ///< folded
    std::string account;
    dns::NameContent content;
};
/// Everything a zone shall have of our types.
Result<std::map<std::string, Desired>> desired_zone(Transaction& tx, const DomainRules& rules);

}  // namespace budkavle::sml
