#pragma once
/// Reading the endpoints of verified metadata and choosing one (`smp.md` 1.7 steps 7 and 8; AP-01, AP-03, AP-14,
/// AP-15).

#include <string>
#include <vector>

#include "smp/verify.hpp"
#include "xml/document.hpp"

namespace budkavle::smp {

struct Choice {
    Decision decision = Decision::reject;
    std::string reason;  ///< as Verdict::reason
    std::optional<Error> error;
    std::optional<Endpoint> endpoint;
    Identifier process;  ///< as published
};

/// Process, then transport profile in order of preference, then dates: exactly one must be left. `warnings` grows.
[[nodiscard]] Choice choose_endpoint(xml::Element service_information, const Expectation& expectation,
                                     std::vector<std::string>& warnings);

/// The certificate of an access point: CN present, issued by the AP CA of the environment (AP-14), valid, not revoked
/// (AP-15). Errors: "smp.endpoint_certificate", "smp.revoked", "smp.revocation_unavailable" (later).
[[nodiscard]] Result<> check_endpoint_certificate(const crypto::Certificate& certificate,
                                                  const Expectation& expectation);

}  // namespace budkavle::smp
