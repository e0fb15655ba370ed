#pragma once
/// Values between C++ and SQL. Internal to messageservice.

#include <optional>
#include <string>

#include "base/time.hpp"
#include "store/database.hpp"

namespace budkavle::messageservice {

[[nodiscard]] inline std::int64_t stored(Time at) {
    return at.time_since_epoch().count();
}
[[nodiscard]] inline Time loaded(std::int64_t at) {
    return Time(milliseconds(at));
}
[[nodiscard]] inline store::Value optional_value(const std::optional<std::string>& text) {
    return text ? store::Value(*text) : store::Value();
}

/// The statement must have changed exactly one row. Error "mt.row".
inline Result<> one_row(Result<std::int64_t> changed) {
    if (!changed) return std::unexpected(std::move(changed).error());
    if (*changed != 1) return fail("mt.row", "The row that was to be changed is not there.");
    return {};
}

}  // namespace budkavle::messageservice
