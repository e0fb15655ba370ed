#pragma once
/// Tables of an access point. The participant stands first in every key (AP-30, SEC-31); times are milliseconds since
/// 1970.

#include <vector>

#include "store/database.hpp"

namespace budkavle::accesspoint {

[[nodiscard]] std::vector<store::Migration> migrations();

[[nodiscard]] inline std::int64_t stored(Time at) {
    return at.time_since_epoch().count();
}
[[nodiscard]] inline Time loaded(std::int64_t at) {
    return Time(milliseconds(at));
}

}  // namespace budkavle::accesspoint
