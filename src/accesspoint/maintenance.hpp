#pragma once
/// What an access point forgets, and when (SEC-02, `access-point.md` 6).

#include "accesspoint/workshop.hpp"

namespace budkavle::accesspoint {

/// Storage belongs to one access point in one environment from its first start on (AP-20, SEC-35). Error
/// "ap.other_environment".
Result<> claim_storage(Workshop& workshop);
/// Start-up: leases of the process before are void, blobs that no row names are removed.
Result<> recover(Workshop& workshop);
/// Removes blobs that no row names: what a crash left behind.
Result<> sweep_blobs(Workshop& workshop);
/// Duplicate memory after its time, facts and events after the retention of the log. Unfinished messages never.
Result<> forget_old(Workshop& workshop);

}  // namespace budkavle::accesspoint
