#pragma once
/// Inside `store` only: writers that wait at the same moment share one transaction, and so one sync of the log.

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "store/connection.hpp"

namespace budkavle::store {

/// The first writer to come leads: it runs what waits in one BEGIN IMMEDIATE … COMMIT, each work in a savepoint of its own, and hands
/// every writer its own outcome. A work that fails undoes only its own changes; a COMMIT that fails, fails for all. Nobody is told of
/// success before the COMMIT has returned.
class GroupCommit {
public:
    using Work = std::function<Result<>(Transaction&)>;
    explicit GroupCommit(Connection& connection) : connection_(connection) {}
    /// As `Database::write`. What `work` throws comes out here.
    Result<> write(const Work& work);
    /// Writers that stand behind the transaction that runs.
    [[nodiscard]] std::size_t waiting();

private:
    struct Writer {
        const Work& work;
        Result<> outcome;
        std::exception_ptr thrown{};
        bool done = false;
        bool leads = false;
        std::condition_variable woken{};
    };
    using Group = std::vector<Writer*>;

    void run(const Group& group);
    void run_alone(Writer& writer);
    Result<> run_together(const Group& group);
    Result<> try_together(const Group& group);

    Connection& connection_;
    std::mutex lock_;
    bool led_ = false;
    std::deque<Writer*> waiting_;
};

}  // namespace budkavle::store
