#pragma once
/// The tables of the administration: accounts, credentials, grants, cases, audit trail, idempotency keys.

#include <vector>

#include "store/database.hpp"

namespace budkavle::admin {

[[nodiscard]] const std::vector<store::Migration>& tables();

}  // namespace budkavle::admin
