#pragma once
/// Inside `store` only: values to PostgreSQL and back. Numbers travel to the server as text, everything comes back
/// binary.

#include <string>
#include <vector>

#include "store/database.hpp"

struct pg_result;

namespace budkavle::store {

/// What PQexecPrepared takes. Points into the values it was made of.
class PostgresParameters {
public:
    /// Error "db.failed" for a text with a zero octet, which PostgreSQL cannot hold.
    static Result<PostgresParameters> of(const std::vector<Value>& values);
    [[nodiscard]] int count() const { return static_cast<int>(pointers_.size()); }
    [[nodiscard]] const char* const* pointers() const { return pointers_.data(); }
    [[nodiscard]] const int* lengths() const { return lengths_.data(); }
    [[nodiscard]] const int* formats() const { return formats_.data(); }

private:
    std::vector<std::string> numbers_;
    std::vector<const char*> pointers_;
    std::vector<int> lengths_;
    std::vector<int> formats_;
};

/// Error "db.failed" for a type outside of the common subset.
[[nodiscard]] Result<std::vector<Row>> rows_of(const pg_result* result);

}  // namespace budkavle::store
