#pragma once
/// Tables of register, answers and queues, on either engine.

#include <memory>

#include "base/time.hpp"
#include "store/database.hpp"

namespace budkavle::smpserver {

[[nodiscard]] const std::vector<store::Migration>& migrations();

/// Opens the database and carries over what a register of the first form held: its one operator is called "operator",
/// its published octets stay as they are. Errors of the database.
[[nodiscard]] Result<std::unique_ptr<store::Database>> open_database(const store::Location& location);

/// Points in time as the tables hold them: milliseconds.
[[nodiscard]] inline std::int64_t stored(Time at) {
    return at.time_since_epoch().count();
}
[[nodiscard]] inline store::Value stored(const std::optional<Time>& at) {
    return at ? store::Value(stored(*at)) : store::Value();
}
[[nodiscard]] inline std::optional<Time> stored_time(const store::Row& row, std::size_t column) {
    return row.is_null(column) ? std::nullopt : std::optional(Time(milliseconds(row.integer(column))));
}

}  // namespace budkavle::smpserver
