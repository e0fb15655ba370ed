#pragma once
/// Cutting exchanges that are under way, for a process that ends.

#include <atomic>

namespace budkavle::net {

/// While it lives, every `Client::send` of this thread, also one deep within a look-up, is cut within about a second
/// after `flag` became true: error "http.aborted" (later). Scopes nest; the innermost counts.
class AbortScope {
public:
    explicit AbortScope(const std::atomic<bool>& flag);
    AbortScope(const AbortScope&) = delete;
    AbortScope& operator=(const AbortScope&) = delete;
    ~AbortScope();
    /// Is the work of this thread to be cut now?
    [[nodiscard]] static bool raised();

private:
    const std::atomic<bool>* outer_;
};

}  // namespace budkavle::net
