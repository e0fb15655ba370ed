#include "accesspoint/operator_access.hpp"

namespace budkavle::accesspoint {

Result<OperatorAccount> authorise_operator(const Workshop& workshop, const net::Request& request, bool for_monitors) {
    const auto who = request.peer_certificate ? request.peer_certificate->sha256_hex() : std::string("anonymous");
    const auto& operators = workshop.config.o->operators;
    const auto found = operators.find(who);
    if (found != operators.end() && (for_monitors || !found->second.monitor)) return found->second;
    workshop.journal.log().audit(found == operators.end() ? who : found->second.name, "access.denied",
                                 {{"interface", "o"},
                                  {"method", request.method},
                                  {"path", request.path},
                                  {"peer", request.peer_address},
                                  {"rule", "SEC-51"}});
    return fail("access.denied", "SEC-51", {}, "The client certificate may not do this.",
                "Have the certificate listed under ap.o.operators.");
}

void audit_operator(const Workshop& workshop, const OperatorAccount& account, const net::Request& request,
                    std::string_view event, obs::Fields more) {
    obs::Fields fields{{"method", request.method}, {"path", request.path}, {"peer", request.peer_address}};
    fields.insert(fields.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    workshop.journal.log().audit(account.name, event, fields);
}

}  // namespace budkavle::accesspoint
