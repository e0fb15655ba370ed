#pragma once
/// `std::ranges::contains`, which the standard library of the platform does not have yet.

#include <algorithm>
#include <functional>

namespace budkavle::admin {

template <class Range, class Value, class Projection = std::identity>
[[nodiscard]] bool contains(const Range& range, const Value& value, Projection projection = {}) {
    return std::ranges::find(range, value, projection) != std::ranges::end(range);
}

}  // namespace budkavle::admin
