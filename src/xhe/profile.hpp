#pragma once
/// The table of `xhe.md` 2: elements, order, cardinality, attributes, lexical types. Internal to xhe.

#include "xml/grammar.hpp"

namespace budkavle::xhe {

/// Content model of x:XHE in the profile. Everything that is not in it is forbidden (R1-XHE, K15).
[[nodiscard]] const xml::ElementRule& profile();

}  // namespace budkavle::xhe
