#pragma once
/// The schema of SDK message 3 as tables (`message.md` 1), equal in verdict to the official XSD. Internal to sdk.

#include <string_view>

#include "sdk/verdict.hpp"
#include "xml/document.hpp"
#include "xml/grammar.hpp"

namespace budkavle::sdk {

inline constexpr std::string_view kMessageNamespace = "urn:riv:infrastructure:messaging:MessageWithAttachments:3";

/// Content model of m:messagePayload.
[[nodiscard]] const xml::ElementRule& message_schema();

/// Everything the XSD says: rows 2 and 5b. Includes what is lax: a messagePayload inside an extension element is held
/// to the schema too, and xsi:type is read (not obeyed): a name that is not the declared type is a fault.
void check_schema(const xml::Document& document, Findings& findings);

}  // namespace budkavle::sdk
