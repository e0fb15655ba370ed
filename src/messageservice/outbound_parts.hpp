#pragma once
/// What packaging and transport share. Internal to Outbound.

#include "messageservice/outbound.hpp"

namespace budkavle::messageservice {

/// Which message's history a shipment belongs to.
struct History {
    Direction direction;
    std::string message_id;
};
[[nodiscard]] Result<History> history_of(store::Transaction& tx, const Shipment& shipment);
/// The outgoing message that a shipment carries; absent for receipts.
[[nodiscard]] Result<std::optional<Outgoing>> message_of(store::Transaction& tx, const Shipment& shipment);
[[nodiscard]] TransferLine line_of(const Shipment& shipment, std::string_view cause = {});

}  // namespace budkavle::messageservice
