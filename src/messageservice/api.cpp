#include "messageservice/api.hpp"

#include <boost/json.hpp>

#include "messageservice/submission.hpp"
#include "messageservice/trace.hpp"

namespace budkavle::messageservice {
namespace {

namespace json = boost::json;

net::Response ok(const json::object& body, int status = 200) {
    return net::json_response(status, json::serialize(body));
}

std::unexpected<Error> unknown() {
    return fail("mt.unknown", "There is no such message.");
}

/// API-08, `mt-api.md` 6 in substance: what is wrong with the message that was given.
net::Response bad_request(const std::vector<sdk::Fault>& findings) {
    json::array list;
    for (const auto& fault : findings)
        list.push_back({{"rule", fault.rule},
                        {"cause", fault.cause},
                        {"detail", fault.detail},
                        {"at", fault.at},
                        {"text", fault.text}});
    auto response = ok({{"type", "urn:problem-type:sdk:badRequest"},
                        {"title", "Bad Request"},
                        {"status", 400},
                        {"detail", "The message breaks its schema or rules; nothing was sent."},
                        {"findings", std::move(list)}},
                       400);
    response.headers.set("Content-Type", "application/problem+json");
    return response;
}

json::object to_json(const Event& event) {
    json::object object{{"time", format_utc(event.time)}, {"event", event.event}};
    if (event.status) object["status"] = name(*event.status);
    if (!event.detail.empty()) object["detail"] = event.detail;
    if (!event.place.empty()) object["at"] = event.place;
    if (!event.text.empty()) object["text"] = event.text;
    return object;
}

/// A client may read an incoming message once its receipt has arrived, or can never arrive (`message.md` 7.1 step 16).
bool is_available(const Incoming& message) {
    return message.status == Status::new_message || message.status == Status::message_exchange_error;
}

}  // namespace

net::Response Api::answer_for(const Error& error) const {
    if (error.code == "mt.unknown") return net::problem(404, error);
    if (error.code.starts_with("http.") || error.code == "mt.query") return net::problem(400, error);
    context_.log.technical(obs::Level::error, "mt.api_failed", obs::error_fields(error));
    auto response = net::problem(error.retry == Retry::later ? 503 : 500, error);
    if (response.status == 503) response.headers.set("Retry-After", "10");
    return response;
}

const Tenant* Api::authorise(const net::Request& request, const std::string& participant) const {
    const auto who = request.peer_certificate ? request.peer_certificate->sha256_hex() : std::string("anonymous");
    const auto client = context_.config.api.clients.find(who);
    const auto id = federation::ParticipantId::parse(participant);
    if (id && client != context_.config.api.clients.end() && client->second.contains(*id))
        return context_.find_tenant(id->folded());
    context_.log.audit(
        who, "mt.access_denied",
        {{"participant", participant}, {"method", request.method}, {"peer", request.peer_address}, {"rule", "API-06"}});
    return nullptr;
}

net::Router Api::router() {
    net::Router router;
    const auto route = [&](std::string method, const std::string& rest, auto handle) {
        router.add(std::move(method), "/m/v1/participants/{id}/messages" + rest,
                   [this, handle](net::Request& request, const net::Router::Parameters& parameters) {
                       const auto* tenant = authorise(request, parameters.front());
                       if (tenant == nullptr)
                           return net::problem(
                               403, fail("mt.denied", "API-06", "", "The client may not act for this participant.",
                                         "Have the operator register the certificate.")
                                        .error());
                       auto response = handle(request, *tenant, parameters);
                       context_.log.technical(obs::Level::info, "mt.api_call",  // API-25
                                              {{"client", request.peer_certificate->sha256_hex()},
                                               {"participant", tenant->key()},
                                               {"method", request.method},
                                               {"path", request.path},
                                               {"status", std::int64_t{response.status}}});
                       return response;
                   });
    };
    using Parameters = net::Router::Parameters;
    route("POST", "",
          [this](net::Request& request, const Tenant& tenant, const Parameters&) { return send(request, tenant); });
    route("GET", "",
          [this](net::Request& request, const Tenant& tenant, const Parameters&) { return list(request, tenant); });
    const auto one = [&](const std::string& rest,
                         net::Response (Api::*handle)(const net::Request&, const Tenant&, const std::string&) const) {
        route("GET", "/{message}" + rest,
              [this, handle](net::Request& request, const Tenant& tenant, const Parameters& parameters) {
                  return (this->*handle)(request, tenant, parameters.at(1));
              });
    };
    one("", &Api::show);
    one("/content", &Api::content);
    one("/receipt", &Api::receipt);
    one("/envelope", &Api::envelope);
    one("/trace", &Api::trace);
    router.add("GET", "/health", [](net::Request&, const Parameters&) { return ok({{"status", "ok"}}); });
    return router;
}

net::Response Api::send(net::Request& request, const Tenant& tenant) {
    const auto trace = obs::Trace::from_header(request.headers.get("traceparent").value_or("")).child();
    const auto taken = submit(context_, tenant, *request.body, trace);
    if (!taken) return taken.error().error ? answer_for(*taken.error().error) : bad_request(taken.error().findings);
    const auto& message = taken->message;
    return ok({{"messageId", message.message_id},
               {"conversationId", message.conversation_id},
               {"status", name(message.status)}},
              202);
}

net::Response Api::list(const net::Request& request, const Tenant& tenant) const {
    const auto direction = request.parameter("direction").value_or("in");
    if (direction != "in" && direction != "out")
        return answer_for(fail("mt.query", "", "direction", "The direction is neither in nor out.").error());
    const auto function = request.parameter("function");
    json::array messages;
    const auto add = [&](const std::string& id, const std::string& conversation, const std::string& from,
                         const std::string& to, const std::string& to_function, const Bytes& label, Status status,
                         Time time) -> Result<> {
        BUDKAVLE_TRY(const auto subject_text, tenant.open_text(label));
        messages.push_back({{"messageId", id},
                            {"conversationId", conversation},
                            {"from", from},
                            {"to", to},
                            {"function", to_function},
                            {"subject", subject_text},
                            {"status", name(status)},
                            {"received", format_utc(time)}});
        return {};
    };
    const auto done = context_.database.read([&](store::Transaction& tx) -> Result<> {
        messages.clear();
        if (direction == "out") {
            BUDKAVLE_TRY(const auto all, outgoing::list(tx, tenant.key(), function));
            for (const auto& m : all)
                BUDKAVLE_CHECK(add(m.message_id, m.conversation_id, tenant.id().text(), m.receiver, m.function, m.label,
                                   m.status, m.created));
            return {};
        }
        BUDKAVLE_TRY(const auto all, incoming::list_new(tx, tenant.key(), function));
        for (const auto& m : all)
            BUDKAVLE_CHECK(add(m.envelope_id, m.conversation_id, m.sender, tenant.id().text(), m.function, m.label,
                               *m.status, m.received));
        return {};
    });
    return done ? ok({{"messages", std::move(messages)}}) : answer_for(done.error());
}

Result<Api::Found> Api::find(const net::Request& request, const Tenant& tenant, const std::string& message_id) const {
    const auto direction = request.parameter("direction");
    Found found;
    BUDKAVLE_CHECK(context_.database.read([&](store::Transaction& tx) -> Result<> {
        if (direction != "in") {
            BUDKAVLE_TRY(found.out, outgoing::find(tx, tenant.key(), message_id));
        }
        if (direction != "out" && !found.out) {
            BUDKAVLE_TRY(found.in, incoming::find_message(tx, tenant.key(), message_id));
        }
        return {};
    }));
    if (!found.out && !found.in) return unknown();
    return found;
}

net::Response Api::show(const net::Request& request, const Tenant& tenant, const std::string& message_id) const {
    const auto found = find(request, tenant, message_id);
    if (!found) return answer_for(found.error());
    const auto direction = found->out ? Direction::out : Direction::in;
    std::vector<Event> history;
    const auto done = context_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(history, events::list(tx, tenant.key(), direction, message_id));
        return {};
    });
    if (!done) return answer_for(done.error());
    const auto subject_text = tenant.open_text(found->out ? found->out->label : found->in->label);
    if (!subject_text) return answer_for(subject_text.error());
    json::object body{{"messageId", message_id}, {"direction", name(direction)}, {"subject", *subject_text}};
    if (found->out) {
        body["conversationId"] = found->out->conversation_id;
        body["from"] = tenant.id().text();
        body["to"] = found->out->receiver;
        body["function"] = found->out->function;
        body["status"] = name(found->out->status);
        body["result"] = found->out->result;
        body["created"] = format_utc(found->out->created);
    } else {
        body["conversationId"] = found->in->conversation_id;
        body["from"] = found->in->sender;
        body["to"] = tenant.id().text();
        body["function"] = found->in->function;
        body["status"] = name(*found->in->status);
        body["received"] = format_utc(found->in->received);
    }
    json::array list;
    for (const auto& event : history) list.push_back(to_json(event));
    body["events"] = std::move(list);
    return ok(body);
}

net::Response Api::blob(const Tenant& tenant, const std::optional<std::string>& id) const {
    if (!id) return answer_for(unknown().error());
    const auto size = tenant.blobs().size(*id);
    if (!size) return answer_for(size.error());
    auto source = tenant.blobs().read(*id);
    if (!source) return answer_for(source.error());
    net::Response response;
    response.headers.set("Content-Type", "application/xml");
    response.stream = std::move(*source);
    response.stream_length = *size;
    return response;
}

net::Response Api::content(const net::Request& request, const Tenant& tenant, const std::string& message_id) const {
    const auto found = find(request, tenant, message_id);
    if (!found) return answer_for(found.error());
    if (found->out) return blob(tenant, found->out->payload);
    return blob(tenant, is_available(*found->in) ? found->in->payload : std::nullopt);
}

net::Response Api::receipt(const net::Request& request, const Tenant& tenant, const std::string& message_id) const {
    const auto found = find(request, tenant, message_id);
    if (!found) return answer_for(found.error());
    if (found->out) return blob(tenant, found->out->receipt);
    std::optional<Shipment> sent;
    const auto done = context_.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(sent, shipments::find(tx, tenant.key(), found->in->receipt_id.value_or("")));
        return {};
    });
    if (!done) return answer_for(done.error());
    return blob(tenant, sent ? std::optional(sent->envelope) : std::nullopt);
}

net::Response Api::envelope(const net::Request& request, const Tenant& tenant, const std::string& message_id) const {
    const auto found = find(request, tenant, message_id);
    if (!found) return answer_for(found.error());
    return blob(tenant, found->out ? found->out->envelope : std::optional(found->in->envelope));
}

net::Response Api::trace(const net::Request&, const Tenant& tenant, const std::string& message_id) const {
    const auto hops = trace_of(context_, tenant, message_id);
    if (!hops) return answer_for(hops.error());
    return net::json_response(200, *hops);
}

}  // namespace budkavle::messageservice
