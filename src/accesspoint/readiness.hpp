#pragma once
/// Can this access point do its work now? Each check says what is wrong and what to do (SEC-86, SEC-95).

#include <string>
#include <vector>

#include "accesspoint/platform.hpp"
#include "accesspoint/workshop.hpp"

namespace budkavle::accesspoint {

struct ReadinessCheck {
    std::string name;  ///< "storage", "disk", "certificate", "tls-certificate", "dns"
    bool fine = true;
    std::string detail;
    std::string remedy;
};

/// Storage takes a write; room on the disk; own AS4 certificate valid, trusted, not revoked, with revocation data at
/// hand (AP-15, AP-18); TLS certificate in force; the name server answers.
[[nodiscard]] std::vector<ReadinessCheck> check_readiness(Workshop& workshop, const net::Resolve& resolve);

}  // namespace budkavle::accesspoint
