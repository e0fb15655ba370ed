#pragma once
/// Keeps the claims of work under way alive: leases stay short, so that the work of a dead process is soon taken over,
/// and long work is not begun twice.

#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "base/time.hpp"
#include "store/queue.hpp"

namespace budkavle::store {

class LeaseKeeper {
public:
    /// Leases of this length, renewed each third of it.
    LeaseKeeper(Database& database, const Clock& clock, milliseconds lease);
    ~LeaseKeeper();
    LeaseKeeper(const LeaseKeeper&) = delete;
    LeaseKeeper& operator=(const LeaseKeeper&) = delete;
    [[nodiscard]] milliseconds lease() const { return lease_; }

    /// While it lives the claim is renewed.
    class Held {
    public:
        ~Held();
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;

    private:
        friend class LeaseKeeper;
        Held(LeaseKeeper& keeper, std::list<Job>::iterator job) : keeper_(keeper), job_(job) {}
        LeaseKeeper& keeper_;
        std::list<Job>::iterator job_;
    };
    [[nodiscard]] Held hold(const Job& job);

private:
    void run(const std::stop_token& stop);
    void renew_all();

    Database& database_;
    const Clock& clock_;
    const milliseconds lease_;
    std::mutex lock_;
    std::condition_variable_any changed_;
    std::list<Job> held_;
    std::jthread thread_;
};

}  // namespace budkavle::store
