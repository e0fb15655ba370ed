#pragma once
/// What may stand in the register of a locator: limits of `sml.md` 3.3 and the rules of a sub-domain. No I/O.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/certificate.hpp"
#include "smp/identifiers.hpp"

namespace budkavle::sml {

inline constexpr std::size_t kMaxList = 100;  ///< identifiers in one list call

/// How a participant stands in the zone.
enum class Layout : std::uint8_t {
    naptr,  ///< a NAPTR record of its own
    cname,  ///< CNAME to `SMPID.publisher.ZONE`, whose NAPTR record says the address for all
};
enum class UrlScheme : std::uint8_t { https, http, all };
/// Whose certificates are accounts.
enum class Authorisation : std::uint8_t {
    pinned,  ///< one by one, named by the administration
    issuer,  ///< every certificate that `issuer` issued directly and whose subject matches `subject_pattern`
};

struct DomainRules {
    std::string zone;  ///< "sml.example.se", no last dot
    Layout layout = Layout::naptr;
    UrlScheme url_scheme = UrlScheme::https;
    Authorisation authorisation = Authorisation::pinned;
    std::optional<crypto::Certificate> issuer{};
    std::string subject_pattern{};      ///< POSIX extended expression on the RFC 2253 subject, matched as a whole
    std::string participant_pattern{};  ///< on `scheme::value`, folded; empty: any
    std::string publisher_pattern{};    ///< on the SMP id; empty: any
    std::int64_t max_participants = 1'000'000;  ///< of the sub-domain
    std::int64_t max_per_publisher = 500'000;
};

/// Error "sml.request" with the field as place: zone, pattern, issuer missing.
[[nodiscard]] Result<> check_rules(const DomainRules& rules);
/// Does the whole of `text` match? Patterns are compiled by POSIX regcomp (no back-tracking); text over 1,024 octets
/// matches nothing.
[[nodiscard]] bool matches(const std::string& pattern, const std::string& text);
/// Trimmed and folded. Value: 1–50 printable ASCII characters without blanks; scheme: at most 25 characters in three
/// parts `x-y-z`, or empty for an ebCore URN (then up to 135). Error "sml.request".
[[nodiscard]] Result<smp::Identifier> check_participant(const smp::Identifier& id, const DomainRules& rules);
/// 1–60 characters of letters, digits, '-', '_', '.'; a DNS label when the layout needs one.
[[nodiscard]] Result<> check_publisher_id(const std::string& id, const DomainRules& rules);
/// An absolute URL of the permitted scheme, without user, query, fragment, participant suffix, and short enough for a
/// record. Error "sml.request".
[[nodiscard]] Result<> check_logical_address(const std::string& url, const DomainRules& rules);
/// An IPv4 or IPv6 literal: required, historical.
[[nodiscard]] Result<> check_physical_address(const std::string& address);
/// 8–24 characters, at least two each of special, upper, lower, digit; no white space. Error "sml.request".
[[nodiscard]] Result<> check_migration_key(std::string_view key);

/// Lower case, without the last dot: how names are kept and compared.
[[nodiscard]] std::string participant_name(const smp::Identifier& id, const std::string& zone);
[[nodiscard]] std::string publisher_name(const std::string& id, const std::string& zone);

}  // namespace budkavle::sml
