#pragma once
/// Message statuses (`mt-api.md` 5) and which may follow which, as one table.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace budkavle::messageservice {

enum class Direction : std::uint8_t { out, in };
[[nodiscard]] std::string_view name(Direction direction);  ///< "out", "in"

enum class Status : std::uint8_t {
    scheduled,
    submitted,
    scheduled_for_resend,
    acknowledge,
    waiting_for_receipt,
    message_exchange_error,
    accepted,
    rejected,
    retrieved,
    receipt_sent,
    new_message,
    error,
};
[[nodiscard]] std::string_view name(Status status);  ///< "SCHEDULED", …, "NEW", "ERROR"
[[nodiscard]] std::optional<Status> parse_status(std::string_view name);

/// May `to` follow `from`? Final statuses are followed by none.
[[nodiscard]] bool may_follow(Direction direction, Status from, Status to);
/// Flow ended; the consumer may delete.
[[nodiscard]] bool is_final(Status status);
/// Error "mt.status" when `to` may not follow `from`.
[[nodiscard]] Result<> check_transition(Direction direction, Status from, Status to);

}  // namespace budkavle::messageservice
