#include "shutdown.hpp"

#include <signal.h>
#include <time.h>

#include <cerrno>

namespace budkavle::app {
namespace {

sigset_t shutdown_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGINT);
    ::sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

void block_shutdown_signals() {
    const auto set = shutdown_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool wait_for_shutdown(std::optional<std::chrono::milliseconds> patience) {
    const auto set = shutdown_signals();
    if (!patience) {
        int signal = 0;
        ::sigwait(&set, &signal);
        return true;
    }
    const timespec limit{.tv_sec = patience->count() / 1000, .tv_nsec = patience->count() % 1000 * 1'000'000};
    return ::sigtimedwait(&set, nullptr, &limit) > 0;
}

}  // namespace budkavle::app
