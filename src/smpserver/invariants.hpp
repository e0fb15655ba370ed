#pragma once
/// What must hold in the register of an SMP at any moment, whatever failed before, and what the outside must see of it
/// (`smp.md` 1.10, `sml.md` 3.4). Needs no signing key: repairs are queued for the worker of the register.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "smpserver/model.hpp"
#include "store/database.hpp"

namespace budkavle::smpserver {

struct Violation {
    std::string invariant;  ///< "state", "answers", "body", "wish", "publishing", "registering", "planned", "bulk"
    std::string subject;    ///< participant, or id of the planned or bulk change
    std::string text;
};

/// state: a participant is published if and only if it is visible. answers: every service of a published participant
/// has its answer, and nothing else has. body: the octets are there and their digest is the ETag. wish: the locator is
/// asked for exactly what is published. publishing, registering: nothing has failed, or waits longer than `patience`.
/// planned, bulk: nothing is overdue.
[[nodiscard]] Result<std::vector<Violation>> check_invariants(store::Database& database, Time now,
                                                              std::chrono::seconds patience);

/// How a row of the queue towards the locator stands.
struct Wish {
    bool wanted = false;
    bool settled = false;  ///< carried out
};

/// One participant as the outside shall see it.
struct Published {
    ParticipantRecord record;
    bool visible = false;
    bool settled = false;  ///< published as it is, or unpublished
    std::map<std::string, std::string> answers{};  ///< document → octets; "" is the group; nothing for what is gone
    std::vector<std::string> gone{};               ///< documents that were published once
};
/// In order of the folded id, `limit` after `after`; with what the register has signed.
[[nodiscard]] Result<std::vector<Published>> read_published(store::Database& database, const std::string& after,
                                                            std::size_t limit);
/// Participants that are no longer in the register and were published: id as it was spelled.
[[nodiscard]] Result<std::vector<std::string>> read_removed(store::Database& database);
/// Folded id → state of its wish.
[[nodiscard]] Result<std::map<std::string, Wish>> read_wishes(store::Database& database);
/// Operator and name → template with its certificate.
struct UsedEndpoint {
    EndpointRecord record;
    crypto::Certificate certificate;
};
[[nodiscard]] Result<std::map<std::pair<std::string, std::string>, UsedEndpoint>> read_endpoints(
    store::Database& database);

/// Makes the worker publish the participant anew (`anew`: also what did not change), or unpublish what should not be
/// seen, and ask the locator again. An id that the register does not know is withdrawn.
Result<> queue_repair(store::Database& database, const std::string& participant, bool anew, Time now);

}  // namespace budkavle::smpserver
