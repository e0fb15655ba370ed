#pragma once
/// Every hop of one message as far as this side knows it: own events and those of the own access point (SEC-13).

#include "messageservice/context.hpp"

namespace budkavle::messageservice {

/// JSON {"messageId":…,"hops":[{time,component,event,ids{},certificateSha256,error}]}, oldest first. An access point
/// that is out of reach leaves its hops out and says so in "incomplete". Error "mt.unknown": nothing is known of the
/// message.
[[nodiscard]] Result<std::string> trace_of(Context& context, const Tenant& tenant, const std::string& message_id);

}  // namespace budkavle::messageservice
