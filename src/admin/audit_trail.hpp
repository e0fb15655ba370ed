#pragma once
/// Who did what to which object, with old and new value and why (FED-05, SEC-10, SEC-11); lines form a hash chain in
/// the database (SEC-12), and each goes to the audit log of the process too, with its hash: a trail whose end was cut
/// off does not fit the log.

#include <boost/json/object.hpp>

#include "obs/log.hpp"
#include "store/database.hpp"

namespace budkavle::admin {

struct AuditEvent {
    std::string account;  ///< id; empty for a stranger
    std::string who;      ///< name of the account, as it was then
    std::string role;     ///< those that allowed it, blank between
    std::string operation;
    std::string outcome;  ///< "begun", "done", "refused", "failed", "waits", …
    std::string object_type;
    std::string object_id;
    std::string old_value;  ///< JSON; long values only as their digest
    std::string new_value;
    std::string reason;
    std::string request_id;
    std::string case_id;
    std::string peer;
    std::string detail;  ///< code of an error
};

struct AuditLine {
    std::int64_t position = 0;
    Time time;
    AuditEvent event;
    std::string hash;
};

struct AuditFilter {
    std::optional<Time> from;
    std::optional<Time> to;
    std::string account;
    std::string operation;
    std::string object;
    std::string request_id;
};

class AuditTrail {
public:
    AuditTrail(store::Database& database, obs::Log& log, const Clock& clock)
        : database_(database), log_(log), clock_(clock) {}
    /// Durable when it returns.
    Result<> write(const AuditEvent& event);
    [[nodiscard]] Result<std::vector<AuditLine>> find(const AuditFilter& filter, std::int64_t offset,
                                                      std::int64_t limit, std::int64_t& total) const;
    struct Verdict {
        std::int64_t lines = 0;
        std::string last_hash;
    };
    /// Error "audit.broken" with the first position that does not follow from the one before.
    [[nodiscard]] Result<Verdict> verify() const;

private:
    store::Database& database_;
    obs::Log& log_;
    const Clock& clock_;
};

/// As one line of JSON, or its digest when that is long.
[[nodiscard]] std::string audit_value(const boost::json::value& value);

}  // namespace budkavle::admin
