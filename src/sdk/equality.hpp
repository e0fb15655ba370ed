#pragma once
/// What must be equal in envelope and payload (`message.md` 4).

#include <functional>
#include <string_view>

#include "sdk/verdict.hpp"
#include "xhe/envelope.hpp"
#include "xml/document.hpp"

namespace budkavle::sdk {

/// EQ-1…EQ-4 (rows 15–17) and the envelope's time pattern (19a, K38) for a payload without schema faults.
/// Organisations compare without case, functions exactly.
void check_equality(const xhe::Envelope& envelope, xml::Element payload, bool strict_time, Findings& findings);

/// EQ-7, XHE-11: DOCUMENTID, DocumentTypeCode and the payload's root name the same document type of SDK.
[[nodiscard]] bool same_type(const xhe::Envelope& envelope, xml::Element payload);

}  // namespace budkavle::sdk
