#pragma once
/// Internal to sdk.

#include "xml/document.hpp"

namespace budkavle::sdk {

/// Visits `element` and everything below it in document order. Depth is bounded by the parser's limits.
template <class Visit>
void walk(xml::Element element, Visit&& visit) {
    visit(element);
    for (const xml::Element child : element.children()) walk(child, visit);
}

}  // namespace budkavle::sdk
