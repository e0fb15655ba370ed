#pragma once
/// The content model of eb:Messaging (ebMS 3.0 Core schema) as tables; counts that have a code of their own are left
/// open.

#include "xml/grammar.hpp"

namespace budkavle::as4 {

[[nodiscard]] const xml::ElementRule& messaging_rule();

}  // namespace budkavle::as4
