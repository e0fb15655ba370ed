#pragma once
/// Waiting for SIGINT or SIGTERM.

#include <chrono>
#include <optional>

namespace budkavle::app {

/// Blocks the two signals in this thread and all started later; call first.
void block_shutdown_signals();
/// Waits for one of them; with `patience` at most so long. True when one came.
bool wait_for_shutdown(std::optional<std::chrono::milliseconds> patience = std::nullopt);

}  // namespace budkavle::app
