#pragma once
/// Inside `store` only: carries topics between the processes that work on one schema (LISTEN and NOTIFY).

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "store/location.hpp"

namespace budkavle::store {

/// One connection and one thread. What is announced reaches every other process, late or several times rather than
/// never: after a lost connection `heard` is called with an empty topic, "look at everything".
class PostgresListener {
public:
    using Heard = std::function<void(std::string_view topic)>;
    /// `self` tells our own announcements from those of others.
    PostgresListener(PostgresLocation location, std::string self, Heard heard);
    ~PostgresListener();
    PostgresListener(const PostgresListener&) = delete;
    PostgresListener& operator=(const PostgresListener&) = delete;
    /// Topic: lower-case letters, digits and underscores. Does not wait for the server; the same topic again before it was sent
    /// is sent once.
    void announce(std::string_view topic);

private:
    class Loop;
    std::shared_ptr<Loop> loop_;
    std::jthread thread_;
};

}  // namespace budkavle::store
