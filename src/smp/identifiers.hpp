#pragma once
/// Identifiers as an SMP and BDXL see them, and their form in a URL path (`smp.md` 1.1, 1.3; FED-01).

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "federation/identifiers.hpp"

namespace budkavle::smp {

/// A value with its scheme. The scheme is empty for identifiers that have none (ebCore party ids).
struct Identifier {
    std::string scheme;
    std::string value;
    bool operator==(const Identifier&) const = default;
    /// "scheme::value", or the value alone.
    [[nodiscard]] std::string text() const;
    /// Scheme and value in lower case: the key under which participants are compared (never documents).
    [[nodiscard]] std::string folded() const;
};

[[nodiscard]] Identifier participant(const federation::ParticipantId& id);
/// A document identifier of scheme busdox-docid-qns.
[[nodiscard]] Identifier document(std::string_view id);
/// "scheme::value"; an ebCore URN stands alone; anything else gets the participant scheme of the federation.
[[nodiscard]] Identifier parse_participant(std::string_view text);

/// "/scheme%3A%3Avalue": each identifier is one segment, everything but unreserved characters encoded, upper-case hex.
[[nodiscard]] std::string url_path(const Identifier& participant);
/// "/…/services/…".
[[nodiscard]] std::string url_path(const Identifier& participant, const Identifier& document);
/// Joins a base URL and a path with exactly one '/'.
[[nodiscard]] std::string join_url(std::string_view base, std::string_view path);

/// What a request path names.
struct PathTarget {
    Identifier participant;
    std::optional<Identifier> document;  ///< absent: the service group
};
/// Splits on '/' before decoding and decodes each segment once. Errors: "path.malformed" (stray '%', NUL, bad UTF-8:
/// 400), "path.unknown" (not the shape of a resource: 404).
[[nodiscard]] Result<PathTarget> parse_path(std::string_view path);

}  // namespace budkavle::smp
