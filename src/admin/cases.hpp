#pragma once
/// Four eyes (SEC-55): requests that wait for another person. What was proposed is carried out unchanged, once.

#include <boost/json/object.hpp>

#include "admin/roles.hpp"
#include "store/database.hpp"

namespace budkavle::admin {

enum class CaseState : std::uint8_t { pending, executing, done, failed, rejected, withdrawn, expired };
[[nodiscard]] std::string_view name_of(CaseState state);

struct Case {
    std::string id;
    std::string operation;
    boost::json::object request;  ///< path, query, body, expectedVersion
    std::string reason;
    std::string proposer;
    std::string proposer_name;
    std::string proposer_person;
    std::string request_id;
    Time created;
    Time expires;
    CaseState state = CaseState::pending;
    std::string decided_by;
    std::optional<Time> decided;
    std::string decision_reason;
    int status = 0;      ///< of the answer, once carried out
    std::string result;  ///< JSON
};

/// Errors: "case.unknown", "case.state" (decided already, or expired), "case.same_person".
class Cases {
public:
    explicit Cases(store::Database& database) : database_(database) {}
    Result<> add(const Case& one);
    /// A pending case past its time is given as expired.
    [[nodiscard]] Result<Case> show(const std::string& id, Time now) const;
    /// Newest first; `state` empty: all.
    [[nodiscard]] Result<std::vector<Case>> list(std::string_view state, Time now) const;
    /// pending → executing. A case whose execution was cut off by a crash may be taken again by an approver.
    Result<Case> take(const std::string& id, const Actor& approver, const std::string& reason, Time now);
    Result<> finish(const std::string& id, int status, const std::string& result);
    /// pending → rejected or withdrawn.
    Result<Case> close(const std::string& id, CaseState to, const Actor& by, const std::string& reason, Time now);

private:
    store::Database& database_;
};

}  // namespace budkavle::admin
