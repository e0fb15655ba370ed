#pragma once
/// The table of `receipt.md` 2. Internal to sdk.

#include <string_view>

#include "xml/grammar.hpp"

namespace budkavle::sdk {

inline constexpr std::string_view kCac = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
inline constexpr std::string_view kCbc = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";
inline constexpr std::string_view kReceiptCustomization = "urn:fdc:digg.se:edelivery:messagetype:response:1";
inline constexpr std::string_view kReceiptProfile = "bdx:noprocess";
inline constexpr std::string_view kReceiptScheme = "iso6523-actorid-upis";

/// Content model of ApplicationResponse: elements, order, cardinality, attributes, lexical types.
[[nodiscard]] const xml::ElementRule& receipt_profile();

}  // namespace budkavle::sdk
