#pragma once
/// Interface O: what an operator asks and does (`access-point.md` 5, 8, 11). Its own listener; docs/interface-o.md
/// describes every route. Operators see metadata only (AP-35).

#include "accesspoint/connection_tester.hpp"
#include "accesspoint/figures.hpp"
#include "accesspoint/readiness.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

/// What the routes work with; all of it must outlive the router.
struct OperatorTools {
    Workshop& workshop;
    Figures& figures;
    const ConnectionTester& tester;
    net::Resolve resolve;  ///< name look-up, for readiness
};

/// Everything is below /o/v1/. Each call but a monitor's look at health, readiness and figures leaves a line in the
/// audit log.
[[nodiscard]] net::Router interface_o(const OperatorTools& tools);

}  // namespace budkavle::accesspoint
