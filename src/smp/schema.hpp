#pragma once
/// The schema of OASIS SMP 1.0 as tables, with what it says beyond sequences checked by code (`smp.md` 1.4, 1.7 step
/// 2).

#include <vector>

#include "xml/document.hpp"

namespace budkavle::smp {

/// Findings of rule "XSD"; empty when valid. Inside an Extension exactly one element of another namespace is demanded,
/// and its content is not looked at.
[[nodiscard]] std::vector<xml::Finding> check_signed_service_metadata(xml::Element root);
[[nodiscard]] std::vector<xml::Finding> check_service_group(xml::Element root);

}  // namespace budkavle::smp
