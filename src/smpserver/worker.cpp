#include "smpserver/worker.hpp"

#include <utility>

namespace budkavle::smpserver {

void Worker::start(std::function<Result<bool>()> round, obs::Log& log, std::string_view event,
                   std::chrono::milliseconds pause) {
    started_ = true;
    thread_ = std::thread([this, round = std::move(round), &log, event = std::string(event), pause] {
        std::string last_error;
        while (true) {
            const auto more = round();
            const auto code = more ? std::string() : more.error().code;
            if (!more && code != last_error)
                log.technical(obs::Level::error, event, obs::error_fields(more.error()));
            last_error = code;
            std::unique_lock lock(mutex_);
            if (!more || !*more) woken_.wait_for(lock, pause, [&] { return wake_ || stopping_; });
            wake_ = false;
            if (stopping_) return;
        }
    });
}

void Worker::wake() {
    {
        const std::lock_guard lock(mutex_);
        wake_ = true;
    }
    woken_.notify_all();
}

void Worker::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    woken_.notify_all();
    if (thread_.joinable()) thread_.join();
}

}  // namespace budkavle::smpserver
