#pragma once
/// Three logs, apart from each other (SEC-15): audit (hash-chained), transfer (`access-point.md` 8), technical. JSON
/// lines. Never message content, subjects, names of persons or files, reference values, secrets (SEC-03): fields are
/// ids, codes, sizes, times.

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace budkavle::obs {

struct Field {
    std::string_view key;
    std::variant<std::string, std::int64_t, bool> value;
};
using Fields = std::vector<Field>;

enum class Level : std::uint8_t {
    debug,
    info,
    warning,
    error
};  ///< error means a bug of ours or a fault that needs a person

class Log {
public:
    /// Appends to DIR/audit.jsonl, DIR/transfer.jsonl, DIR/technical.jsonl. `component` is "ap1", "mt1", … and stands
    /// in every line.
    static Result<std::unique_ptr<Log>> open(const std::filesystem::path& dir, std::string component,
                                             const Clock& clock);
    virtual ~Log() = default;
    virtual void technical(Level level, std::string_view event, const Fields& fields = {}) = 0;
    /// One event of a transfer; keys as in `access-point.md` 8 (participant first: logs are kept apart per participant
    /// by it, AP-30).
    virtual void transfer(std::string_view event, const Fields& fields) = 0;
    /// Security-relevant act: who, what, on what. Each line holds the SHA-256 of the line before it.
    virtual void audit(std::string_view who, std::string_view event, const Fields& fields = {}) = 0;
};
/// Checks the chain of an audit file; returns the number of lines. Error "audit.broken" with the line.
Result<std::size_t> verify_audit(const std::filesystem::path& file);
/// Writes nowhere (offline commands).
[[nodiscard]] Log& null_log();
/// The fields of an Error: code, rule, place, text.
[[nodiscard]] Fields error_fields(const Error& error);

/// W3C trace context: one trace id through MK, MT, AP and back (SEC-13).
struct Trace {
    std::string trace_id;  ///< 32 hex
    std::string span_id;   ///< 16 hex
    static Trace start();
    static Trace from_header(std::string_view traceparent);  ///< starts a new one when malformed or absent
    [[nodiscard]] Trace child() const;
    [[nodiscard]] std::string header() const;  ///< "00-…-…-01"
};

}  // namespace budkavle::obs
