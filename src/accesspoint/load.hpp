#pragma once
/// Repository: what waits for a participant, counted in the transactions that change it, so that a quota costs one row
/// to look at.

#include <cstdint>
#include <string_view>

#include "base/time.hpp"
#include "federation/identifiers.hpp"
#include "store/database.hpp"

namespace budkavle::accesspoint {

enum class Direction : std::uint8_t {
    in,   ///< for its message service to fetch
    out,  ///< to be sent
};

struct Load {
    std::uint64_t messages = 0;
    std::uint64_t octets = 0;
};

[[nodiscard]] Result<Load> load_of(store::Transaction& tx, const federation::ParticipantId& participant,
                                   Direction direction);
/// One message of `octets` more, or one less.
Result<> add_load(store::Transaction& tx, const federation::ParticipantId& participant, Direction direction,
                  std::uint64_t octets);
Result<> remove_load(store::Transaction& tx, const federation::ParticipantId& participant, Direction direction,
                     std::uint64_t octets);

}  // namespace budkavle::accesspoint
