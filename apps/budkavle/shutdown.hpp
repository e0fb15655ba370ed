#pragma once
/// Waiting for SIGINT, SIGTERM or SIGHUP.

#include <chrono>
#include <cstdint>
#include <optional>

namespace budkavle::app {

/// Blocks the two signals in this thread and all started later; call first.
void block_shutdown_signals();
/// Waits for one of them; with `patience` at most so long. True when one came.
bool wait_for_shutdown(std::optional<std::chrono::milliseconds> patience = std::nullopt);

enum class Wish : std::uint8_t { end, reload, none };
/// For services: SIGHUP asks for a reload. Blocks all three signals; call first.
void block_service_signals();
/// `none` when nothing came within `patience`.
[[nodiscard]] Wish wait_for_wish(std::chrono::seconds patience);

}  // namespace budkavle::app
