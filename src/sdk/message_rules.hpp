#pragma once
/// What a message must keep beyond its schema (`message.md` 2, 3.4): the official schematron and our own rules,
/// natively.

#include <cstdint>

#include "sdk/attachments.hpp"
#include "sdk/verdict.hpp"
#include "xml/document.hpp"

namespace budkavle::sdk {

inline constexpr std::uint64_t kSendLimit = 30'000'000;  ///< octets of the serialised messagePayload (MSG-03)
inline constexpr std::uint64_t kReceiveLimit = 31'457'280;
inline constexpr std::string_view kOrganisationRoot = "iso6523-actorid-upis";
inline constexpr std::string_view kFunctionRoot = "urn:riv:infrastructure:messaging:functionalAddress";

struct MessageOptions {
    std::uint64_t max_octets = kReceiveLimit;
    bool strict_time = true;  ///< K11: 1–3 fraction digits demanded; false accepts none
    AttachmentPolicy attachments = AttachmentPolicy::any();
};

/// Schematron patterns and K14 (rows 5, 5a, 18, 19, 20). Only for documents without schema faults.
void check_rules(xml::Element payload, const MessageOptions& options, Findings& findings);
/// Row 8 (MSG-02), and MSG-05 as warning.
void check_attachments(xml::Element payload, const AttachmentPolicy& policy, Findings& findings);
/// Steps 6, 8, 9 and 13 of `message.md` 7.1 on a parsed payload of `octets` octets. A size or schema fault stands
/// alone.
void check_payload(const xml::Document& document, std::uint64_t octets, const MessageOptions& options,
                   Findings& findings);

/// YYYY-MM-DDThh:mm:ss.sssZ with 1–3 fraction digits (without any too unless `strict`): schematron creationDateTime,
/// and for the envelope row 19a.
[[nodiscard]] bool is_utc_stamp(std::string_view text, bool strict = true);

}  // namespace budkavle::sdk
