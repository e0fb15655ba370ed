#include "accesspoint/interface_c.hpp"

#include "accesspoint/access.hpp"
#include "accesspoint/operator_actions.hpp"
#include "accesspoint/operator_messages.hpp"

namespace budkavle::accesspoint {

net::Router interface_c(Workshop& workshop, Outbox& outbox, Inbox& inbox, const ConnectionTester& tester) {
    net::Router router;
    using Parameters = net::Router::Parameters;
    using Authorised = std::function<net::Response(net::Request&, const federation::ParticipantId&, const Parameters&)>;
    // The only way to add a route for a participant: no handler runs without the check (AP-31).
    const auto add = [&](const char* method, const std::string& below, Authorised handler) {
        router.add(method, "/c/v1/participants/{id}/" + below,
                   [&workshop, handler = std::move(handler)](net::Request& request, const Parameters& parameters) {
                       const auto participant = authorise(workshop, request, parameters.at(0));
                       return participant ? handler(request, *participant, parameters)
                                          : answer_for(participant.error());
                   });
    };
    add("POST", "outbox",
        [&outbox](auto& request, const auto& participant, const auto&) { return outbox.submit(request, participant); });
    add("GET", "outbox/{message}",
        [&outbox](auto&, const auto& participant, const auto& p) { return outbox.status(participant, p.at(1)); });
    for (const auto* which : {"request", "answer"}) {
        add("GET", std::string("outbox/{message}/") + which,
            [&outbox, which](auto&, const auto& participant, const auto& p) {
                return outbox.evidence(participant, p.at(1), which);
            });
    }
    add("GET", "inbox",
        [&inbox](auto& request, const auto& participant, const auto&) { return inbox.list(request, participant); });
    add("GET", "inbox/{message}",
        [&inbox](auto&, const auto& participant, const auto& p) { return inbox.fetch(participant, p.at(1)); });
    add("POST", "inbox/{message}/ack",
        [&inbox](auto&, const auto& participant, const auto& p) { return inbox.acknowledge(participant, p.at(1)); });
    add("GET", "events",
        [&inbox](auto& request, const auto& participant, const auto&) { return inbox.events(request, participant); });
    add("GET", "messages", [&workshop](auto& request, const auto& participant, const auto&) {
        return search_messages(workshop, request, participant);
    });
    add("GET", "messages/{message}/evidence", [&workshop](auto& request, const auto& participant, const auto& p) {
        return give_evidence(workshop, request, participant, p.at(1));
    });
    add("POST", "outbox/{message}/resend", [&workshop](auto& request, const auto& participant, const auto& p) {
        return resend_message(workshop, request, request.peer_certificate->sha256_hex(), participant, p.at(1));
    });
    add("GET", "statistics", [&workshop](auto& request, const auto& participant, const auto&) {
        return show_statistics(workshop, request, participant);
    });
    add("POST", "connection-tests",
        [&tester](auto& request, const auto&, const auto&) { return test_connection(tester, request); });
    router.add("GET", "/health",
               [](net::Request&, const Parameters&) { return net::json_response(200, R"({"status":"ok"})"); });
    return router;
}

}  // namespace budkavle::accesspoint
