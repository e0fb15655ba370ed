#pragma once
/// Threads that do the jobs and ask the access point for what has come.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "messageservice/inbound.hpp"
#include "messageservice/outbound.hpp"

namespace budkavle::messageservice {

class Workers {
public:
    explicit Workers(Context& context) : context_(context), outbound_(context), inbound_(context) {}
    ~Workers() { stop(); }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// `config.workers` threads for jobs, and one per participant that waits at the access point.
    void start();
    void stop();
    void wake();

    /// Does one due job; false when none is due. For one thread or for many.
    bool run_one();
    [[nodiscard]] Inbound& inbound() { return inbound_; }

private:
    void work();
    void poll(const Tenant& tenant);
    bool run_kind(std::string_view kind);
    Result<> dispatch(const store::Job& job);
    void postpone(const store::Job& job, const Error& error);
    [[nodiscard]] milliseconds until_next() const;
    /// Returns whether to go on.
    bool rest(std::uint64_t seen, milliseconds longest);

    Context& context_;
    Outbound outbound_;
    Inbound inbound_;
    std::mutex lock_;
    std::condition_variable rung_;
    std::uint64_t rings_ = 0;
    bool stopping_ = false;
    std::vector<std::jthread> threads_;
};

}  // namespace budkavle::messageservice
