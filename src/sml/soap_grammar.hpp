#pragma once
/// The types of the published WSDL as tables.

#include "sml/soap.hpp"
#include "xml/grammar.hpp"

namespace budkavle::sml::soap {

/// nullptr: no request of this API begins with that element.
[[nodiscard]] const xml::ElementRule* rule_of(Operation operation);

}  // namespace budkavle::sml::soap
