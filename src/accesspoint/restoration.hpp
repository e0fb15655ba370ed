#pragma once
/// After an old state was restored (SEC-102, docs/decisions/0006): nothing is sent or handed over again on the strength
/// of what the old state believes. What was under way is held until an operator decides; messages that may have been
/// received between backup and loss are taken, receipted and held, too.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint {

struct Restoration {
    std::string backup_id{};  ///< of the backup that was read
    Time taken{};             ///< the state is of this moment
    Time lost{};              ///< until then the lost store may have acted
    Time restored{};
};

enum class HeldDirection : std::uint8_t { incoming, outgoing };

struct Held {
    HeldDirection direction = HeldDirection::incoming;
    std::string participant{};
    std::string as4_id{};
    std::string reason{};  ///< "under_way": neither acknowledged nor finished when the backup was taken; "gap": arrived after the restore,
                           ///< made before the loss
    Time since{};
};

/// What a hold ends with. Incoming: handed over with the notice that it may be a second time, or closed as handed over.
/// Outgoing: sent with its old MessageId (the receiver knows it if it has it), or closed as unconfirmed.
enum class Release : std::uint8_t { go_on, close };

struct ReleaseOrder {
    Release action = Release::go_on;
    std::string who{};
    std::string reason{};  ///< 3 to 500 characters
};

/// Records the restoration, holds every message under way, drops the jobs that would send. Part of the transaction that makes the old
/// state visible. Returns how many messages are held.
Result<std::int64_t> begin_restoration(store::Transaction& tx, const Restoration& restoration);
/// Until when a lost store may have acted; nothing when this store was never restored.
Result<std::optional<Time>> gap_end(store::Transaction& tx);
/// May a message whose envelope was made at `created` have been received in the gap? Clocks of peers may differ by ten
/// minutes.
[[nodiscard]] bool in_gap(Time created, const std::optional<Time>& gap_end);
Result<> hold_incoming(store::Transaction& tx, const std::string& participant, const std::string& as4_id, Time now);
/// Oldest first, not yet released.
Result<std::vector<Held>> list_held(store::Transaction& tx, unsigned limit);
/// Error "held.reason", "held.unknown".
Result<> release(store::Transaction& tx, const Held& held, const ReleaseOrder& order, Time now);

[[nodiscard]] std::string_view to_string(HeldDirection direction);

}  // namespace budkavle::accesspoint
