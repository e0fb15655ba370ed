#pragma once
/// SQL of the register (migrations). Times are milliseconds since 1970.

#include <vector>

#include "store/database.hpp"

namespace budkavle::sml {

[[nodiscard]] const std::vector<store::Migration>& migrations();

}  // namespace budkavle::sml
