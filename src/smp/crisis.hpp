#pragma once
/// Answers of SMPs that were verified before, for the time when locator or SMP cannot be reached (crisis mode). Only
/// octets are kept: whoever takes them out verifies them again, so nothing outlives its signature, certificates,
/// dates or a revocation.

#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace budkavle::smp {

class CrisisStore {
public:
    using Key = std::pair<std::string, std::string>;  ///< participant, document
    /// `age`: how long an answer may be used after it was last verified online; 0: nothing is kept.
    explicit CrisisStore(std::chrono::seconds age, std::size_t octets = std::size_t{64} << 20)
        : age_(age), limit_(octets) {}
    void keep(const Key& key, ByteView answer, Time now);
    /// The receiver said that it is no more, or something else: what is kept is void.
    void drop(const Key& key);
    struct Kept {
        Bytes answer;
        Time verified;
    };
    [[nodiscard]] std::optional<Kept> find(const Key& key, Time now);

private:
    void erase(const Key& key);
    std::chrono::seconds age_;
    std::size_t limit_;
    std::size_t octets_ = 0;
    std::mutex mutex_;
    std::list<Key> order_;  ///< longest not verified first
    struct Entry {
        Kept kept;
        std::list<Key>::iterator place;
    };
    std::map<Key, Entry> entries_;
};

/// Does this failure say that locator or SMP are away, and nothing about the receiver?
[[nodiscard]] bool is_outage(const Error& error);

}  // namespace budkavle::smp
