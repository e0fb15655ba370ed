#pragma once
/// Wakes whoever waits for something to arrive.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace budkavle::accesspoint {

/// Take `rings` first, look whether there is something, then `wait` with that number: nothing rung in between is
/// missed.
class Bell {
public:
    /// Others are to hear it too: `outward` is called at every `ring`. Before the bell is used.
    void connect(std::function<void()> outward) { outward_ = std::move(outward); }
    void ring() {
        ring_here();
        if (outward_) outward_();
    }
    /// The same where all who wait do the same work and one of them is enough for what has come.
    void ring_for_one() {
        ring_for_one_here();
        if (outward_) outward_();
    }
    void ring_for_one_here() {
        {
            const std::lock_guard lock(lock_);
            ++rings_;
        }
        rung_.notify_one();
    }
    /// What another process has rung.
    void ring_here() {
        {
            const std::lock_guard lock(lock_);
            ++rings_;
        }
        rung_.notify_all();
    }
    /// From now on nobody waits.
    void retire() {
        {
            const std::lock_guard lock(lock_);
            retired_ = true;
        }
        rung_.notify_all();
    }
    [[nodiscard]] std::uint64_t rings() const {
        const std::lock_guard lock(lock_);
        return rings_;
    }
    [[nodiscard]] bool retired() const {
        const std::lock_guard lock(lock_);
        return retired_;
    }
    /// Returns whether it was rung after `seen`; false when the time is up or the bell is retired.
    bool wait(std::uint64_t seen, std::chrono::milliseconds longest) {
        std::unique_lock lock(lock_);
        rung_.wait_for(lock, longest, [&] { return retired_ || rings_ != seen; });
        return !retired_ && rings_ != seen;
    }

private:
    mutable std::mutex lock_;
    std::condition_variable rung_;
    std::function<void()> outward_;
    std::uint64_t rings_ = 0;
    bool retired_ = false;
};

}  // namespace budkavle::accesspoint
