#pragma once
/// From a caller of the API to the actor of the SMP's register. Inside this library.

#include "admin/route.hpp"
#include "smpserver/model.hpp"

namespace budkavle::admin {

/// The strongest of the caller's roles that the route is for and that covers the operator, or the participant, of the
/// path. Readers without a role in the register read as the federation does, or as the operator does. The register
/// checks once more what that role may (SEC-31).
[[nodiscard]] smpserver::Actor smp_actor(const Context& context, const std::string& operator_id);
[[nodiscard]] smpserver::Actor smp_actor(const Context& context);  ///< of the operator in the path, if any

}  // namespace budkavle::admin
