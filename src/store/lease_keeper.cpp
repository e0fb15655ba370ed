#include "store/lease_keeper.hpp"

namespace budkavle::store {

LeaseKeeper::LeaseKeeper(Database& database, const Clock& clock, milliseconds lease)
    : database_(database), clock_(clock), lease_(lease), thread_([this](const std::stop_token& stop) { run(stop); }) {}

LeaseKeeper::~LeaseKeeper() = default;

LeaseKeeper::Held::~Held() {
    const std::lock_guard lock(keeper_.lock_);
    keeper_.held_.erase(job_);
}

LeaseKeeper::Held LeaseKeeper::hold(const Job& job) {
    const std::lock_guard lock(lock_);
    held_.push_back(job);
    return {*this, std::prev(held_.end())};
}

void LeaseKeeper::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(lock_);
            (void)changed_.wait_for(lock, stop, lease_ / 3, [] { return false; });
        }
        if (!stop.stop_requested()) renew_all();
    }
}

void LeaseKeeper::renew_all() {
    std::vector<Job> jobs;
    {
        const std::lock_guard lock(lock_);
        jobs.assign(held_.begin(), held_.end());
    }
    if (jobs.empty()) return;
    // A failure is the database's; the next third comes before the lease ends.
    (void)database_.write([&](Transaction& tx) -> Result<> {
        for (const auto& job : jobs) BUDKAVLE_CHECK(renew(tx, job, clock_.now() + lease_));
        return {};
    });
}

}  // namespace budkavle::store
