#pragma once
/// Inside this library: a thread that works in rounds until it is stopped.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.hpp"
#include "obs/log.hpp"

namespace budkavle::smpserver {

class Worker {
public:
    Worker() = default;
    ~Worker() { stop(); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    /// `round` says whether there is more to do at once; otherwise the next one comes after `pause` or `wake`. An error
    /// is logged as `event` unless the round before had the same. Once at most.
    void start(std::function<Result<bool>()> round, obs::Log& log, std::string_view event,
               std::chrono::milliseconds pause);
    void wake();
    /// Returns when the round that runs has ended. What `round` uses must live until then.
    void stop();
    [[nodiscard]] bool started() const { return started_; }

private:
    std::mutex mutex_;  ///< guards the next two
    bool wake_ = false;
    bool stopping_ = false;
    std::condition_variable woken_;
    std::atomic<bool> started_ = false;
    std::thread thread_;
};

}  // namespace budkavle::smpserver
