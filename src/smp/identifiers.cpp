#include "smp/identifiers.hpp"

#include "base/bytes.hpp"

namespace budkavle::smp {
namespace {

constexpr std::string_view kSeparator = "::";
constexpr std::string_view kEbCore = "urn:oasis:names:tc:ebcore:partyid-type:";
constexpr std::string_view kServices = "services";

std::unexpected<Error> malformed() {
    return fail("path.malformed", "smp.md 1.1", "path",
                "The path has a broken escape, a NUL or text that is not UTF-8.");
}
std::unexpected<Error> unknown() {
    return fail("path.unknown", "smp.md 1.1", "path", "The path names no resource of this service.");
}

/// One decoded segment "scheme::value".
Result<Identifier> parse_segment(std::string_view segment) {
    auto text = percent_decode(segment);
    if (!text) return malformed();
    const auto at = text->find(kSeparator);
    if (at == std::string::npos || at == 0 || at + kSeparator.size() == text->size()) return unknown();
    return Identifier{text->substr(0, at), text->substr(at + kSeparator.size())};
}

}  // namespace

std::string Identifier::text() const {
    return scheme.empty() ? value : scheme + std::string(kSeparator) + value;
}

std::string Identifier::folded() const {
    return to_lower_ascii(text());
}

Identifier participant(const federation::ParticipantId& id) {
    return {std::string(federation::kParticipantScheme), id.text()};
}

Identifier document(std::string_view id) {
    return {std::string(federation::kDocumentScheme), std::string(id)};
}

Identifier parse_participant(std::string_view text) {
    if (to_lower_ascii(text).starts_with(kEbCore)) return {{}, std::string(text)};
    const auto at = text.find(kSeparator);
    if (at == std::string_view::npos) return {std::string(federation::kParticipantScheme), std::string(text)};
    return {std::string(text.substr(0, at)), std::string(text.substr(at + kSeparator.size()))};
}

std::string url_path(const Identifier& participant) {
    return "/" + percent_encode(participant.text());
}

std::string url_path(const Identifier& participant, const Identifier& document) {
    return url_path(participant) + "/" + std::string(kServices) + "/" + percent_encode(document.text());
}

std::string join_url(std::string_view base, std::string_view path) {
    while (base.ends_with('/')) base.remove_suffix(1);
    while (path.starts_with('/')) path.remove_prefix(1);
    return std::string(base) + "/" + std::string(path);
}

Result<PathTarget> parse_path(std::string_view path) {
    if (!path.starts_with('/')) return unknown();
    const auto segments = split(path.substr(1), '/');
    for (const auto segment : segments) {
        if (!percent_decode(segment)) return malformed();
    }
    if (segments.size() != 1 && !(segments.size() == 3 && segments[1] == kServices)) return unknown();
    BUDKAVLE_TRY(auto participant, parse_segment(segments[0]));
    PathTarget target{std::move(participant), std::nullopt};
    if (segments.size() == 3) {
        BUDKAVLE_TRY(auto document, parse_segment(segments[2]));
        target.document = std::move(document);
    }
    return target;
}

}  // namespace budkavle::smp
