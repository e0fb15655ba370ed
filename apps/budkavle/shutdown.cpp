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

sigset_t service_signals() {
    auto set = shutdown_signals();
    ::sigaddset(&set, SIGHUP);
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

void block_service_signals() {
    const auto set = service_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Wish wait_for_wish(std::chrono::seconds patience) {
    const auto set = service_signals();
    const timespec limit{.tv_sec = patience.count(), .tv_nsec = 0};
    const int signal = ::sigtimedwait(&set, nullptr, &limit);
    if (signal < 0) return Wish::none;
    return signal == SIGHUP ? Wish::reload : Wish::end;
}

}  // namespace budkavle::app
