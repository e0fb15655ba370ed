#include "sml/rules.hpp"

#include <arpa/inet.h>
#include <regex.h>

#include <algorithm>

#include "base/bytes.hpp"
#include "smp/bdxl.hpp"
#include "smp/url.hpp"

namespace budkavle::sml {
namespace {

constexpr std::size_t kMaxMatched = 1024;

std::unexpected<Error> refuse(std::string_view place, std::string_view text, std::string_view remedy = {}) {
    return fail("sml.request", "sml.md 3.3", place, text, remedy);
}

class Pattern {
public:
    explicit Pattern(const std::string& text)
        : good_(::regcomp(&compiled_, ("^(" + text + ")$").c_str(), REG_EXTENDED | REG_NOSUB) == 0) {}
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;
    ~Pattern() {
        if (good_) ::regfree(&compiled_);
    }
    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] bool matches(const std::string& text) const {
        return good_ && ::regexec(&compiled_, text.c_str(), 0, nullptr, 0) == 0;
    }

private:
    regex_t compiled_{};
    bool good_;
};

bool is_label_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

bool is_domain_name(std::string_view name) {
    if (name.empty() || name.size() > 180) return false;
    return std::ranges::all_of(split(name, '.'), [](std::string_view label) {
        return !label.empty() && label.size() <= 63 &&
               std::ranges::all_of(label, [](char c) { return is_label_character(c) || c == '_'; });
    });
}

Result<> check_pattern(const std::string& pattern, std::string_view place) {
    // Back-references would make matching exponential.
    for (std::size_t i = 0; i + 1 < pattern.size(); ++i) {
        if (pattern[i] != '\\') continue;
        if (pattern[i + 1] >= '1' && pattern[i + 1] <= '9')
            return refuse(place, "The expression uses a back-reference.");
        ++i;
    }
    if (pattern.size() > 512 || pattern.find('\0') != std::string::npos || !Pattern(pattern).good())
        return refuse(place, "The expression is not a POSIX extended regular expression of at most 512 characters.");
    return {};
}

/// `x-y-z`, at most 25 characters (`sml.md` 3.3).
bool is_scheme(std::string_view scheme) {
    const auto parts = split(scheme, '-');
    return scheme.size() <= 25 && parts.size() == 3 && std::ranges::all_of(parts, [](std::string_view part) {
               return !part.empty() &&
                      std::ranges::all_of(part, [](char c) { return is_label_character(c) || c == '_'; });
           });
}

bool is_value(std::string_view value, std::size_t longest) {
    return !value.empty() && value.size() <= longest &&
           std::ranges::all_of(value, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

bool matches(const std::string& pattern, const std::string& text) {
    return text.size() <= kMaxMatched && text.find('\0') == std::string::npos && Pattern(pattern).matches(text);
}

Result<> check_rules(const DomainRules& rules) {
    if (!is_domain_name(rules.zone)) return refuse("zone", "The zone is not a domain name of at most 180 characters.");
    BUDKAVLE_CHECK(check_pattern(rules.subject_pattern, "subjectPattern"));
    BUDKAVLE_CHECK(check_pattern(rules.participant_pattern, "participantPattern"));
    BUDKAVLE_CHECK(check_pattern(rules.publisher_pattern, "publisherPattern"));
    if (rules.max_participants < 1 || rules.max_per_publisher < 1)
        return refuse("maxParticipants", "A limit of participants is below 1.");
    if (rules.authorisation == Authorisation::pinned) return {};
    if (!rules.issuer || !rules.issuer->is_ca())
        return refuse("issuer", "Authorisation by issuer needs the certificate of the issuing CA.");
    if (rules.subject_pattern.empty())
        return refuse("subjectPattern", "Authorisation by issuer needs an expression for subjects.",
                      "Name the subjects that are SMPs; '.*' accepts everything the CA issued.");
    return {};
}

Result<smp::Identifier> check_participant(const smp::Identifier& id, const DomainRules& rules) {
    smp::Identifier out{to_lower_ascii(trim(id.scheme)), to_lower_ascii(trim(id.value))};
    constexpr std::size_t kLongest = 50;
    constexpr std::size_t kLongestUrn = 135;
    if (out.scheme.empty()) {
        if (!out.value.starts_with("urn:oasis:names:tc:ebcore:partyid-type:") || !is_value(out.value, kLongestUrn))
            return refuse("ParticipantIdentifier", "An identifier without scheme must be an ebCore party id.");
    } else {
        if (!is_scheme(out.scheme))
            return refuse("ParticipantIdentifier/@scheme",
                          "The scheme must be three parts 'x-y-z' of at most 25 characters.");
        if (!is_value(out.value, kLongest))
            return refuse("ParticipantIdentifier", "The value must be 1 to 50 printable ASCII characters.");
    }
    if (!rules.participant_pattern.empty() && !matches(rules.participant_pattern, out.text()))
        return refuse("ParticipantIdentifier", "The sub-domain does not take identifiers of this form.");
    return out;
}

Result<> check_publisher_id(const std::string& id, const DomainRules& rules) {
    const bool good = !id.empty() && id.size() <= 60 &&
                      std::ranges::all_of(id, [](char c) { return is_label_character(c) || c == '_' || c == '.'; });
    if (!good)
        return refuse("ServiceMetadataPublisherID",
                      "The id must be 1 to 60 characters of letters, digits, '-', '_' and '.'.");
    if (rules.layout == Layout::cname && id.find('.') != std::string::npos)
        return refuse("ServiceMetadataPublisherID", "In this sub-domain the id is a DNS label and has no '.'.");
    if (!rules.publisher_pattern.empty() && !matches(rules.publisher_pattern, id))
        return refuse("ServiceMetadataPublisherID", "The sub-domain does not take ids of this form.");
    return {};
}

Result<> check_logical_address(const std::string& url, const DomainRules& rules) {
    constexpr std::string_view kPlace = "LogicalAddress";
    const auto parts = smp::parse_url(url);
    const bool scheme = parts && ((parts->scheme == "https" && rules.url_scheme != UrlScheme::http) ||
                                  (parts->scheme == "http" && rules.url_scheme != UrlScheme::https));
    if (!scheme) return refuse(kPlace, "The address is not a URL of the scheme that the sub-domain takes.");
    // The text of a record is at most 255 octets with its delimiters; '!' and '\' would need escapes in it.
    if (url.size() > 240 || url.find_first_of("!\\") != std::string::npos)
        return refuse(kPlace, "The address does not fit into a NAPTR record.");
    const auto secure = parts->scheme == "https" ? url : "https" + url.substr(4);
    if (const auto good = smp::check_smp_url(secure); !good) return refuse(kPlace, good.error().text);
    return {};
}

Result<> check_physical_address(const std::string& address) {
    in6_addr ignored{};
    if (::inet_pton(AF_INET, address.c_str(), &ignored) != 1 && ::inet_pton(AF_INET6, address.c_str(), &ignored) != 1)
        return refuse("PhysicalAddress", "The physical address is not an IP address.",
                      "It is historical and used for nothing; any valid address will do.");
    return {};
}

Result<> check_migration_key(std::string_view key) {
    unsigned upper = 0;
    unsigned lower = 0;
    unsigned digit = 0;
    unsigned special = 0;
    bool printable = true;
    for (const char c : key) {
        if (c >= 'A' && c <= 'Z') {
            ++upper;
        } else if (c >= 'a' && c <= 'z') {
            ++lower;
        } else if (c >= '0' && c <= '9') {
            ++digit;
        } else {
            ++special;
            printable = printable && c > ' ' && c < '\x7f';
        }
    }
    if (key.size() < 8 || key.size() > 24 || upper < 2 || lower < 2 || digit < 2 || special < 2 || !printable)
        return refuse(
            "MigrationKey",
            "The key must be 8 to 24 characters without white space, at least two each of special characters, "
            "capitals, small letters and digits.");
    return {};
}

std::string participant_name(const smp::Identifier& id, const std::string& zone) {
    return to_lower_ascii(smp::dns_name(id, zone));
}

std::string publisher_name(const std::string& id, const std::string& zone) {
    return to_lower_ascii(id + ".publisher." + zone);
}

}  // namespace budkavle::sml
