#pragma once
/// What must hold in the register at any moment, whatever failed before (database, DNS, kill -9). Register against zone
/// is `Outbox::reconcile`.

#include <string>
#include <vector>

#include "sml/sml.hpp"

namespace budkavle::sml {

struct Violation {
    std::string invariant;  ///< "owner", "count", "name", "limbo", "migration", "queue"
    std::string subject;
    std::string text;
};

/// owner: every participant has an SMP of its zone, every SMP an account of it. count: an SMP's number of participants
/// is true. name: the DNS name is that of the identifier. limbo: what DNS never took is queued. migration: an open key
/// is about a participant at the SMP that prepared it. queue: every entry belongs to a zone and says truly whether it
/// is a removal.
[[nodiscard]] Result<std::vector<Violation>> check_invariants(Register& reg);
/// Mends count, limbo, migration and queue (names are queued anew); owner and name need a person. Returns what is left.
Result<std::vector<Violation>> repair_invariants(Register& reg, const Clock& clock);

}  // namespace budkavle::sml
