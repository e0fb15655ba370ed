#pragma once
/// Incoming messages and receipts (`message.md` 7.1, `receipt.md` 6): take from the access point, judge, answer.

#include "messageservice/context.hpp"
#include "sdk/incoming.hpp"

namespace budkavle::messageservice {

class Inbound {
public:
    explicit Inbound(Context& context) : context_(context) {}

    /// Steps 0 and 1: takes everything that waits for a participant. The raw envelope is durable before the access
    /// point is told that it may forget it. Waits up to `wait` for something to come; returns how many were there. One
    /// that cannot be taken does not keep the others away; its error is returned.
    Result<std::size_t> collect(const Tenant& tenant, std::chrono::seconds wait);
    /// Steps 2–15 for one of them, once: verdict, stored message, receipt and its shipment are one transaction.
    Result<> process(const store::Job& job);
    /// A fault of ours lasted beyond the hold limit: no answer, an incident.
    Result<> give_up(const store::Job& job, const Error& error);

private:
    struct Case;
    Result<> take(const Tenant& tenant, const InboxEntry& entry);
    Result<> judge(Case& it);
    Result<> ask_directory(Case& it, sdk::ReceiveContext& context);
    Result<> run_stages(Case& it, const sdk::ReceiveContext& context);
    void fault(Case& it, sdk::Event event, std::string_view rule, std::string_view text = {});
    sdk::ReceiveContext receive_context(const Case& it) const;
    Result<> conclude(const store::Job& job, Case& it);
    Result<> keep_payload(Case& it);
    Result<std::optional<Shipment>> make_receipt(const Case& it);
    Result<> take_receipt(store::Transaction& tx, Case& it);
    Result<> settle(store::Transaction& tx, Outgoing& message, const Case& it);
    bool is_failed(const std::string& participant, std::string_view message_id) const;
    bool is_known(const Case& it, std::string_view message_id) const;
    Context& context_;
};

}  // namespace budkavle::messageservice
