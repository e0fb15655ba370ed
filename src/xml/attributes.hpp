#pragma once
/// Attributes of an element without copies.

#include <functional>
#include <string_view>

#include "xml/document.hpp"

namespace budkavle::xml {

/// Valid during the visit.
struct AttributeView {
    std::string_view ns;  ///< namespace URI, empty when none
    std::string_view name;
    std::string_view value;
};

/// Visits the attributes in document order; namespace declarations are none.
void for_each_attribute(Element element, const std::function<void(const AttributeView&)>& visit);

}  // namespace budkavle::xml
