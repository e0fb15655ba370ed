#pragma once
/// Tables of a message service. Every key begins with the participant (SEC-31).

#include <vector>

#include "store/database.hpp"

namespace budkavle::messageservice {

[[nodiscard]] const std::vector<store::Migration>& migrations();

}  // namespace budkavle::messageservice
