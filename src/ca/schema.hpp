#pragma once
/// Inside this library: the tables of the register, and their changes.

#include <vector>

#include "store/database.hpp"

namespace budkavle::ca {

[[nodiscard]] const std::vector<store::Migration>& migrations();

}  // namespace budkavle::ca
