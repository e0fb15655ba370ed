#pragma once
/// Who may use interface O, and the trace that every use leaves in the audit log (SEC-10, SEC-11, SEC-51).

#include "accesspoint/workshop.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

/// The account of the client's certificate. Error "access.denied" for every other caller, and for a monitor that wants
/// more than figures; the refusal is in the audit log.
[[nodiscard]] Result<OperatorAccount> authorise_operator(const Workshop& workshop, const net::Request& request,
                                                         bool for_monitors);

/// What an operator did or looked at: a line of the audit log. Before the answer leaves.
void audit_operator(const Workshop& workshop, const OperatorAccount& account, const net::Request& request,
                    std::string_view event, obs::Fields more = {});

}  // namespace budkavle::accesspoint
