#pragma once
/// Routes of interface C, each behind `authorise`.

#include "accesspoint/connection_tester.hpp"
#include "accesspoint/inbox.hpp"
#include "accesspoint/outbox.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

/// Everything is below /c/v1/participants/{id}/; the objects must outlive the router. `GET /health` needs no
/// participant.
[[nodiscard]] net::Router interface_c(Workshop& workshop, Outbox& outbox, Inbox& inbox, const ConnectionTester& tester);

}  // namespace budkavle::accesspoint
