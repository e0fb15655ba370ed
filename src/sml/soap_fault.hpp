#pragma once
/// Faults on the wire, both ways (`sml.md` 3.2).

#include "sml/soap.hpp"

namespace budkavle::sml::soap {

/// `fault` is the element soap:Fault.
[[nodiscard]] Fault read_fault(xml::Element fault);

}  // namespace budkavle::sml::soap
