#pragma once
/// Idempotency-Key: the same request sent twice acts once and gets the same answer. Kept for a day.

#include "store/database.hpp"

namespace budkavle::admin {

class Repeats {
public:
    explicit Repeats(store::Database& database) : database_(database) {}
    /// Nothing: begin, and call `finish`. A text: the answer that was given. Errors "repeat.other" (the key was used
    /// for another request), "repeat.running" (later).
    [[nodiscard]] Result<std::optional<std::string>> begin(const std::string& account, const std::string& key,
                                                           const std::string& digest, Time now);
    Result<> finish(const std::string& account, const std::string& key, const std::string& answer);

private:
    store::Database& database_;
};

}  // namespace budkavle::admin
