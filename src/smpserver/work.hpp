#pragma once
/// Inside this library: one change within one transaction. Rights and rules are checked, rows changed, history written,
/// and what the outside must see is queued.

#include <string>
#include <vector>

#include "smpserver/register.hpp"
#include "smpserver/tenancy.hpp"
#include "store/database.hpp"

namespace budkavle::smpserver {

/// A line for the audit log, written once the transaction is durable (FED-05).
struct Recorded {
    ObjectRef object;
    std::int64_t version = 0;
    std::string change;
    std::string before;
    std::string after;
};

struct Work {
    store::Transaction& tx;
    const Actor& actor;
    std::string reason;
    std::optional<std::int64_t> expected_version;
    Time now;
    Outcome outcome{};
    std::vector<Recorded> recorded{};
    std::vector<std::string> queued{};  ///< folded ids, as far as they were named one by one
};

/// Certificates in `change` are taken as proven (`Register::State::prepare`).
Result<> apply(Work& work, const Change& change);

// The pieces, by kind of object.
Result<> apply_one(Work& work, const PutOperator& change);
Result<> apply_one(Work& work, const SetOperatorState& change);
Result<> apply_one(Work& work, const RemoveOperator& change);
Result<> apply_one(Work& work, const AddApCertificate& change);
Result<> apply_one(Work& work, const RemoveApCertificate& change);
Result<> apply_one(Work& work, const ReplaceApCertificate& change);
Result<> apply_one(Work& work, const PutEndpoint& change);
Result<> apply_one(Work& work, const RemoveEndpoint& change);
Result<> apply_one(Work& work, const ReplaceEndpoint& change);
Result<> apply_one(Work& work, const AddParticipant& change);
Result<> apply_one(Work& work, const SetOrganisation& change);
Result<> apply_one(Work& work, const RemoveParticipant& change);
Result<> apply_one(Work& work, const RequestRemoval& change);
Result<> apply_one(Work& work, const SetStatus& change);
Result<> apply_one(Work& work, const SetSuspended& change);
Result<> apply_one(Work& work, const MoveParticipant& change);
Result<> apply_one(Work& work, const PutService& change);
Result<> apply_one(Work& work, const RemoveService& change);
Result<> apply_one(Work& work, const AddCertificate& change);
Result<> apply_one(Work& work, const RemoveCertificate& change);
Result<> apply_one(Work& work, const Republish& change);

[[nodiscard]] std::unexpected<Error> unknown(std::string_view place);
[[nodiscard]] std::unexpected<Error> malformed(std::string_view place, std::string_view text);
/// 1…`most` characters without control characters.
[[nodiscard]] Result<> check_text(std::string_view text, std::size_t most, std::string_view place,
                                  bool may_be_empty = false);
/// Error "registry.conflict".
[[nodiscard]] Result<> check_version(const Work& work, std::int64_t present);
/// The operator, when the actor may do `act` to what is its.
[[nodiscard]] Result<OperatorRecord> own_operator(Work& work, Act act, const std::string& id);
/// The participant, when the actor may do `act` to it.
[[nodiscard]] Result<ParticipantRecord> own_participant(Work& work, Act act, const std::string& id);

/// Writes the history unless nothing changed; sets the outcome. `operator_id`: who may see the entry.
Result<> record(Work& work, const ObjectRef& object, const std::string& operator_id, std::string_view change,
                std::string before, std::string after);
/// Re-reads the participant, sets its version, and queues or unpublishes what the outside sees of it.
Result<> finish_participant(Work& work, const ParticipantRecord& before, std::string_view change);
/// All visible participants under `condition` (on `m`, parameters from ?2 on) are to be published anew.
Result<> queue_where(Work& work, const std::string& condition, std::vector<store::Value> parameters);
/// All participants under `condition` (on `m`) vanish from outside, in this transaction.
Result<> unpublish_where(store::Transaction& tx, const std::string& condition, std::vector<store::Value> parameters,
                         Time now);
Result<> keep_certificate(store::Transaction& tx, const crypto::Certificate& certificate);

/// The condition for being seen outside, on `m`.
inline constexpr std::string_view kVisible =
    "m.status = 'approved' AND m.suspended = 0 AND EXISTS(SELECT 1 FROM operators o WHERE o.id = m.operator AND "
    "o.state = 'active') AND EXISTS(SELECT 1 FROM member_services v WHERE v.participant = m.folded)";

/// The next number of what is published.
Result<std::int64_t> next_version(store::Transaction& tx);
/// Desired state of the locator for participants under `condition` (on `m`, parameters from ?2 on).
Result<> want_located(store::Transaction& tx, const std::string& condition, std::vector<store::Value> parameters,
                      bool wanted, Time now);

}  // namespace budkavle::smpserver
