#include "smp/bdxl.hpp"

#include <algorithm>
#include <set>

#include "base/bytes.hpp"
#include "crypto/digest.hpp"
#include "smp/url.hpp"

namespace budkavle::smp {
namespace {

constexpr std::string_view kService = "Meta:SMP";
constexpr unsigned kMaxSteps = 8;

// Faults of the locator are temporary for a sender: only "not registered" may end the life of a message (`sml.md` 2.5).
std::unexpected<Error> broken(std::string_view text) {
    return fail("bdxl.syntax", "FED-08", "NAPTR", text, "The record of the locator must be corrected.", Retry::later);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The part of `text` up to the next `delimiter` without a backslash before it; `text` becomes what follows.
std::optional<std::string_view> take_part(std::string_view& text, char delimiter) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == delimiter) {
            const auto part = text.substr(0, i);
            text.remove_prefix(i + 1);
            return part;
        }
    }
    return std::nullopt;
}

/// RFC 3402 substitution where the expression may only be one that matches every identifier: no expression engine runs
/// on what came from the network, and back-references have nothing to refer to.
Result<std::string> substitute(std::string_view regexp) {
    constexpr std::string_view kEverything[] = {".*", "^.*$", "^.*", ".*$", "(.*)", "^(.*)$", ".+", "^.+$"};
    if (regexp.size() < 3) return broken("The regexp is too short.");
    const char delimiter = regexp.front();
    if (is_digit(delimiter) || delimiter == 'i' || delimiter == '\\' || delimiter == '\0')
        return broken("The regexp has a delimiter that is not allowed.");
    auto rest = regexp.substr(1);
    const auto expression = take_part(rest, delimiter);
    if (!expression) return broken("The regexp ends before its replacement.");
    const auto replacement = take_part(rest, delimiter);
    if (!replacement) return broken("The regexp does not end with its delimiter.");
    if (!rest.empty() && rest != "i") return broken("The regexp has unknown flags.");
    std::string out;
    for (std::size_t i = 0; i < replacement->size(); ++i) {
        const char c = (*replacement)[i];
        if (c != '\\') {
            out += c;
            continue;
        }
        const char escaped = (*replacement)[++i];  // take_part left no backslash without a character after it
        if (is_digit(escaped))
            return fail("bdxl.back_reference", "FED-08", "NAPTR",
                        "The regexp uses a back-reference, which this profile does not have.", {}, Retry::later);
        if (escaped != delimiter && escaped != '\\') return broken("The regexp escapes a character that needs none.");
        out += escaped;
    }
    if (std::find(std::begin(kEverything), std::end(kEverything), *expression) == std::end(kEverything)) {
        return fail("bdxl.regexp", "FED-08", "NAPTR",
                    "The regexp does not match every identifier; this profile has only '.*'.", {}, Retry::later);
    }
    return out;
}

}  // namespace

std::string dns_label(std::string_view value, Folding folding) {
    const auto text = folding == Folding::lower_case ? to_lower_ascii(value) : std::string(value);
    return base32_encode(crypto::sha256(as_bytes(text)));
}

std::string dns_name(const Identifier& participant, std::string_view zone) {
    while (zone.starts_with('.')) zone.remove_prefix(1);
    auto name = dns_label(participant.value);
    if (!participant.scheme.empty()) name += "." + participant.scheme;
    return name + "." + std::string(zone);
}

Result<> check_smp_url(std::string_view url) {
    const auto refuse = [](std::string_view text) {
        return fail("bdxl.url", "FED-08", "NAPTR", text, "The record of the locator must be corrected.", Retry::later);
    };
    const auto parts = parse_url(url);
    if (!parts) return refuse("The address of the SMP is not a URL.");
    if (parts->scheme != "https") return refuse("The address of the SMP is not https.");
    if (parts->has_user_info) return refuse("The address of the SMP holds user information.");
    if (parts->has_fragment || parts->has_query) return refuse("The address of the SMP holds a query or a fragment.");
    if (parts->host_is_address) return refuse("The address of the SMP has no host name.");
    const auto path = to_lower_ascii(parts->path);
    if (path.find("::") != std::string::npos || path.find("%3a%3a") != std::string::npos)
        return refuse("The address of the SMP already holds a participant.");
    return {};
}

Result<NaptrStep> interpret_naptr(std::vector<dns::Naptr> records) {
    std::ranges::sort(records, {}, [](const dns::Naptr& record) { return std::pair(record.order, record.preference); });
    for (const auto& record : records) {
        if (!equal_ignore_case_ascii(record.service, kService)) continue;
        if (record.flags.empty()) {
            if (record.replacement.empty() || record.replacement == ".")
                return broken("A non-terminal record names nothing to follow.");
            return NaptrStep{std::nullopt, record.replacement};
        }
        if (!equal_ignore_case_ascii(record.flags, "U")) continue;
        BUDKAVLE_TRY(auto url, substitute(record.regexp));
        BUDKAVLE_CHECK(check_smp_url(url));
        return NaptrStep{std::move(url), std::nullopt};
    }
    return fail("smp.no_service", "FED-08", "NAPTR", "The locator knows the participant but names no SMP for it.");
}

Result<std::string> find_smp(const dns::Resolver& resolver, const std::string& name,
                             std::vector<std::string>* visited) {
    std::set<std::string> seen;
    std::string at = name;
    for (unsigned step = 0; step < kMaxSteps; ++step) {
        auto key = to_lower_ascii(at);
        if (key.ends_with('.')) key.pop_back();
        if (!seen.insert(key).second) break;
        if (visited != nullptr) visited->push_back(at);
        auto records = resolver.naptr(at);
        if (!records && records.error().code == "dns.not_found") {
            // Only the participant's own name tells that it is not registered; a broken reference is a fault of the
            // locator.
            if (step == 0)
                return fail("smp.not_registered", "FED-08", "NAPTR",
                            "The participant is not registered in the locator.");
            return broken("A non-terminal record leads to a name that does not exist.");
        }
        if (!records) return std::unexpected(std::move(records).error());
        BUDKAVLE_TRY(auto found, interpret_naptr(*std::move(records)));
        if (found.url) return *std::move(found.url);
        at = *std::move(found.follow);
    }
    return fail("bdxl.loop", "FED-08", "NAPTR", "The records of the locator lead in a circle or too far.", {},
                Retry::later);
}

}  // namespace budkavle::smp
