#include "accesspoint/operator_interface.hpp"

#include <boost/json.hpp>

#include "accesspoint/access.hpp"
#include "accesspoint/operator_access.hpp"
#include "accesspoint/operator_actions.hpp"
#include "accesspoint/operator_messages.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;
using Parameters = net::Router::Parameters;

net::Response readiness(const OperatorTools& tools) {
    const auto checks = check_readiness(tools.workshop, tools.resolve);
    json::array list;
    bool ready = true;
    for (const auto& check : checks) {
        ready = ready && check.fine;
        list.push_back({{"name", check.name}, {"ok", check.fine}, {"detail", check.detail}, {"remedy", check.remedy}});
    }
    return net::json_response(ready ? 200 : 503, json::serialize(json::object{{"ready", ready}, {"checks", list}}));
}

net::Response figures(const OperatorTools& tools) {
    net::Response response;
    response.headers.set("Content-Type", std::string(obs::kExpositionType));
    response.body = tools.figures.metrics().exposition();
    return response;
}

/// SEC-120: own certificates with use, owner and expiry.
net::Response certificates(const OperatorTools& tools) {
    const auto& config = tools.workshop.config;
    const auto now = tools.workshop.clock.now();
    json::array list;
    const auto add = [&](std::string_view use, const crypto::Certificate& certificate) {
        const auto days = days_left(certificate, now);
        list.push_back({{"use", use},
                        {"subject", certificate.subject()},
                        {"issuer", certificate.issuer()},
                        {"serial", certificate.serial_decimal()},
                        {"sha256", certificate.sha256_hex()},
                        {"notBefore", format_utc(certificate.not_before())},
                        {"notAfter", format_utc(certificate.not_after())},
                        {"daysLeft", days},
                        {"alarm", days <= 7    ? "7"
                                  : days <= 30 ? "30"
                                  : days <= 90 ? "90"
                                               : "none"}});
    };
    add("as4", config.as4.certificate());
    for (const auto& next : config.next_as4) add("as4-next", next.identity.certificate());
    for (const auto& previous : config.previous_as4) add("as4-previous", previous.certificate());
    add("interface-a", config.a.identity.certificate());
    add("interface-c", config.c.identity.certificate());
    add("interface-o", config.o->identity.certificate());
    for (const auto& anchor : config.environment.ap_trust->anchors()) add("trust-as4", anchor);
    for (const auto& anchor : config.environment.smp_trust->anchors()) add("trust-smp", anchor);
    for (const auto& anchor : config.a.client_trust->anchors()) add("trust-tls", anchor);
    return net::json_response(200, json::serialize(json::object{{"certificates", list}}));
}

/// Adds routes that each begin with the check of the caller.
class Routes {
public:
    Routes(net::Router& router, const OperatorTools& tools) : router_(router), tools_(tools) {}
    using Handler =
        std::function<net::Response(const OperatorTools&, net::Request&, const OperatorAccount&, const Parameters&)>;

    void add(const char* method, const std::string& below, const char* event, Handler handler, bool monitors = false) {
        router_.add(method, "/o/v1/" + below,
                    [tools = tools_, event, monitors, handler = std::move(handler)](net::Request& request,
                                                                                    const Parameters& parameters) {
                        const auto account = authorise_operator(tools.workshop, request, monitors);
                        if (!account) return answer_for(account.error());
                        if (!account->monitor) audit_operator(tools.workshop, *account, request, event);
                        return handler(tools, request, *account, parameters);
                    });
    }

private:
    net::Router& router_;
    OperatorTools tools_;
};

}  // namespace

net::Router interface_o(const OperatorTools& tools) {
    net::Router router;
    Routes routes(router, tools);
    routes.add(
        "GET", "health", "operator.health",
        [](auto&, auto&, auto&, auto&) { return net::json_response(200, R"({"status":"ok"})"); }, true);
    routes.add(
        "GET", "readiness", "operator.readiness", [](auto& t, auto&, auto&, auto&) { return readiness(t); }, true);
    routes.add("GET", "metrics", "operator.metrics", [](auto& t, auto&, auto&, auto&) { return figures(t); }, true);
    routes.add("GET", "certificates", "operator.certificates",
               [](auto& t, auto&, auto&, auto&) { return certificates(t); });
    routes.add("GET", "messages", "operator.search",
               [](auto& t, auto& request, auto&, auto&) { return search_messages(t.workshop, request, std::nullopt); });
    routes.add("GET", "messages/{id}", "operator.show",
               [](auto& t, auto&, auto&, auto& p) { return show_message(t.workshop, p.at(0)); });
    routes.add("GET", "messages/{id}/evidence", "operator.evidence", [](auto& t, auto& request, auto&, auto& p) {
        return give_evidence(t.workshop, request, std::nullopt, p.at(0));
    });
    routes.add("POST", "messages/{id}/resend", "operator.resend", [](auto& t, auto& request, auto& account, auto& p) {
        return resend_message(t.workshop, request, account.name, std::nullopt, p.at(0));
    });
    routes.add("POST", "connection-tests", "operator.connection_test",
               [](auto& t, auto& request, auto&, auto&) { return test_connection(t.tester, request); });
    routes.add("GET", "statistics", "operator.statistics",
               [](auto& t, auto& request, auto&, auto&) { return show_statistics(t.workshop, request, std::nullopt); });
    routes.add("GET", "refused/{id}", "operator.refused",
               [](auto& t, auto&, auto&, auto& p) { return show_refused(t.workshop, p.at(0)); });
    routes.add("GET", "reports", "operator.reports",
               [](auto& t, auto& request, auto&, auto&) { return list_reports(t.workshop, request); });
    routes.add("GET", "reports/{id}", "operator.report",
               [](auto& t, auto& request, auto&, auto& p) { return show_report(t.workshop, request, p.at(0)); });
    routes.add("POST", "reports/{id}", "operator.close_report", [](auto& t, auto& request, auto& account, auto& p) {
        return close_report(t.workshop, account, request, p.at(0));
    });
    return router;
}

}  // namespace budkavle::accesspoint
