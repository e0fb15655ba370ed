#include <array>

#include "messageservice/records.hpp"
#include "messageservice/sql.hpp"

namespace budkavle::messageservice::shipments {
namespace {

constexpr std::string_view kColumns =
    "participant, envelope_id, kind, about, conversation_id, envelope, octets, trace, state, resubmission, "
    "as4_message_id, created";
constexpr std::array<std::string_view, 4> kStates{"ready", "handed", "delivered", "failed"};

std::string state_name(Shipment::State state) {
    return std::string(kStates[static_cast<std::size_t>(state)]);
}

Shipment from_row(const store::Row& row) {
    std::size_t state = 0;
    while (state + 1 < kStates.size() && kStates[state] != row.text(8)) ++state;
    return {.participant = row.text(0),
            .envelope_id = row.text(1),
            .kind = row.text(2) == "receipt" ? Shipment::Kind::receipt : Shipment::Kind::message,
            .about = row.text(3),
            .conversation_id = row.optional_text(4),
            .envelope = row.text(5),
            .octets = row.integer(6),
            .trace = row.text(7),
            .state = static_cast<Shipment::State>(state),
            .resubmission = row.integer(9),
            .as4_message_id = row.optional_text(10),
            .created = loaded(row.integer(11))};
}

}  // namespace

Result<> insert(store::Transaction& tx, const Shipment& shipment) {
    return one_row(tx.execute("INSERT INTO shipment (" + std::string(kColumns) +
                                  ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                              {shipment.participant, shipment.envelope_id,
                               std::string(shipment.kind == Shipment::Kind::receipt ? "receipt" : "message"),
                               shipment.about, optional_value(shipment.conversation_id), shipment.envelope,
                               shipment.octets, shipment.trace, state_name(shipment.state), shipment.resubmission,
                               optional_value(shipment.as4_message_id), stored(shipment.created)}));
}

Result<std::optional<Shipment>> find(store::Transaction& tx, const std::string& participant,
                                     const std::string& envelope_id) {
    BUDKAVLE_TRY(const auto rows, tx.query("SELECT " + std::string(kColumns) +
                                               " FROM shipment WHERE participant = ?1 AND envelope_id = ?2",
                                           {participant, envelope_id}));
    return rows.empty() ? std::nullopt : std::optional(from_row(rows.front()));
}

Result<> update(store::Transaction& tx, const Shipment& shipment) {
    return one_row(
        tx.execute("UPDATE shipment SET state = ?3, resubmission = ?4, as4_message_id = ?5"
                   " WHERE participant = ?1 AND envelope_id = ?2",
                   {shipment.participant, shipment.envelope_id, state_name(shipment.state), shipment.resubmission,
                    optional_value(shipment.as4_message_id)}));
}

}  // namespace budkavle::messageservice::shipments
