#pragma once
/// Small help for the repositories of this library.

#include "base/result.hpp"
#include "base/time.hpp"

namespace budkavle::admin {

/// Whether it succeeded, without its value.
template <class T>
[[nodiscard]] Result<> done(Result<T> value) {
    if (!value) return std::unexpected(std::move(value).error());
    return {};
}
[[nodiscard]] inline std::int64_t number(Time time) {
    return time.time_since_epoch().count();
}

}  // namespace budkavle::admin
