#pragma once
/// Routes of interface O and C that do something or give evidence away.

#include <boost/json.hpp>

#include "accesspoint/connection_tester.hpp"
#include "accesspoint/operator_interface.hpp"

namespace budkavle::accesspoint {

/// GET messages/{id}/evidence: the package of one exchange. Parameters `participant` and `direction` (out, in) choose
/// when both ends are served here.
[[nodiscard]] net::Response give_evidence(const Workshop& workshop, const net::Request& request,
                                          const std::optional<federation::ParticipantId>& owner,
                                          const std::string& as4_id);
/// POST messages/{id}/resend {"reason": …, "participant": …, "deliverAgain": false}.
[[nodiscard]] net::Response resend_message(Workshop& workshop, const net::Request& request, const std::string& who,
                                           const std::optional<federation::ParticipantId>& owner,
                                           const std::string& as4_id);

/// POST connection-tests {"participant": …, "document": …}: the verdict step by step.
[[nodiscard]] net::Response test_connection(const ConnectionTester& tester, const net::Request& request);
[[nodiscard]] boost::json::object verdict_json(const ConnectionVerdict& verdict);

}  // namespace budkavle::accesspoint
