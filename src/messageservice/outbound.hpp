#pragma once
/// Outgoing messages and receipts (`message.md` 7.2, 7.3): package → hand over → follow → resend, and the wait for the
/// receipt.

#include "messageservice/context.hpp"

namespace budkavle::messageservice {

class Outbound {
public:
    explicit Outbound(Context& context) : context_(context) {}

    /// Steps 5–7: look the receiver and ourselves up, seal, verify the own result, make a shipment.
    Result<> package(const store::Job& job);
    /// Step 8: to the access point, under its idempotency key.
    Result<> hand_over(const store::Job& job);
    /// Step 9: transport status; resend schedule after failures that may pass.
    Result<> follow(const store::Job& job);
    /// Step 10.
    Result<> warn(const store::Job& job);
    Result<> time_out(const store::Job& job);
    /// The job could not be done within the hold limit, or a fault of ours stops it: the message ends in ERROR.
    Result<> give_up(const store::Job& job, const Error& error);

private:
    Result<std::string> seal(const Tenant& tenant, const Outgoing& message, const smp::Metadata& receiver);
    Result<> delivered(store::Transaction& tx, Shipment& shipment, const TransportStatus& status);
    Result<> failed(store::Transaction& tx, Shipment& shipment, const Error& cause, bool permanent);
    Result<> deliver_message(store::Transaction& tx, const Shipment& shipment, const Event& evidence);
    Result<> deliver_receipt(store::Transaction& tx, const Shipment& shipment, const Event& evidence);
    Result<> lose(store::Transaction& tx, const Shipment& shipment, const Error& cause);
    Result<> complete(const store::Job& job);
    Context& context_;
};

/// Moves an outgoing message along the table until WAITING_FOR_RECEIPT: a message receipt proves the steps before it.
Result<> advance_to_waiting(store::Transaction& tx, Outgoing& message, Time at);
/// ERROR, then MESSAGE_EXCHANGE_ERROR with the cause.
Result<> end_in_error(store::Transaction& tx, Outgoing& message, Time at, const Error& cause);

}  // namespace budkavle::messageservice
