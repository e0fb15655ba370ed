#include "accesspoint/load.hpp"

namespace budkavle::accesspoint {
namespace {

std::string name(Direction direction) {
    return direction == Direction::in ? "in" : "out";
}

}  // namespace

Result<Load> load_of(store::Transaction& tx, const federation::ParticipantId& participant, Direction direction) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT messages, octets FROM load WHERE participant = ?1 AND direction = ?2",
                                           {participant.folded(), name(direction)}));
    if (rows.empty()) return Load{};
    return Load{static_cast<std::uint64_t>(rows.front().integer(0)), static_cast<std::uint64_t>(rows.front().integer(1))};
}

Result<> add_load(store::Transaction& tx, const federation::ParticipantId& participant, Direction direction,
                  std::uint64_t octets) {
    BUDKAVLE_CHECK(tx.execute("INSERT INTO load (participant, direction, messages, octets) VALUES (?1, ?2, 1, ?3)"
                              " ON CONFLICT (participant, direction) DO UPDATE SET messages = load.messages + 1,"
                              " octets = load.octets + excluded.octets",
                              {participant.folded(), name(direction), static_cast<std::int64_t>(octets)}));
    return {};
}

Result<> remove_load(store::Transaction& tx, const federation::ParticipantId& participant, Direction direction,
                     std::uint64_t octets) {
    BUDKAVLE_CHECK(tx.execute("UPDATE load SET messages = messages - 1, octets = octets - ?3"
                              " WHERE participant = ?1 AND direction = ?2",
                              {participant.folded(), name(direction), static_cast<std::int64_t>(octets)}));
    return {};
}

}  // namespace budkavle::accesspoint
