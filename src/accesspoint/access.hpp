#pragma once
/// Who may act for whom on interface C (AP-31, SEC-31): denied unless the configuration says otherwise.

#include "accesspoint/workshop.hpp"
#include "net/http.hpp"

namespace budkavle::accesspoint {

/// The participant named in the path, when the client's certificate may act for it. One answer, "access.denied", for
/// every other case, so that nobody learns which participants exist; refusals go to the audit log (SEC-10).
[[nodiscard]] Result<federation::ParticipantId> authorise(const Workshop& workshop, const net::Request& request,
                                                          const std::string& participant);

/// HTTP answer for an error of this access point: 403, 404, 409, 413, 400, or 503 with Retry-After for what can pass.
[[nodiscard]] net::Response answer_for(const Error& error);

}  // namespace budkavle::accesspoint
