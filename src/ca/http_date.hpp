#pragma once
/// Inside this library.

#include <string>

#include "base/time.hpp"

namespace budkavle::ca {

/// IMF-fixdate of RFC 9110 5.6.7.
[[nodiscard]] std::string http_date(Time at);

}  // namespace budkavle::ca
