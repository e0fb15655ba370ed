#include <boost/json.hpp>

#include "admin/routes.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

json::object parameter(const std::string& name, const char* where, bool required, json::object schema,
                       const std::string& description = {}) {
    json::object out{{"name", name}, {"in", where}, {"required", required}, {"schema", std::move(schema)}};
    if (!description.empty()) out["description"] = description;
    return out;
}

json::object problem_answer(const char* what) {
    return {{"description", what},
            {"content", {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}};
}

json::array parameters_of(const Route& route) {
    json::array all;
    for (const auto& name : route.parameters())
        all.push_back(parameter(name, "path", true, {{"type", "string"}, {"minLength", 1}, {"maxLength", 256}}));
    if (route.is_paged) {
        all.push_back(
            parameter("limit", "query", false, Schema::integer(1, 1000).to_json(), "how many, 100 unless given"));
        all.push_back(parameter("offset", "query", false, Schema::integer().to_json(), "how many to pass over"));
    }
    if (route.has_cursor) {
        all.push_back(
            parameter("limit", "query", false, Schema::integer(1, 500).to_json(), "how many, 100 unless given"));
        all.push_back(parameter("after", "query", false, Schema::text(1, 256).to_json(), "`next` of the part before"));
    }
    for (const auto& query : route.queries)
        all.push_back(parameter(query.name, "query", false, query.schema.to_json(), query.description));
    if (route.method == Method::remove)
        all.push_back(parameter("reason", "query", route.reason == Need::must, Schema::text(0, 500).to_json()));
    if (route.needs_version)
        all.push_back(parameter("If-Match", "header", true, {{"type", "string"}}, "ETag of the object"));
    if (route.takes_key)
        all.push_back(parameter("Idempotency-Key", "header", false, Schema::text(1, 128).to_json(),
                                "the same request with the same key acts once"));
    return all;
}

std::optional<json::object> body_of(const Route& route) {
    if (route.method == Method::get || route.method == Method::remove) return std::nullopt;
    auto schema = (route.request ? *route.request : Schema::object({})).to_json();
    if (route.reason != Need::none) {
        schema["properties"].as_object()["reason"] = Schema::text(0, 500).to_json();
        if (route.reason == Need::must) {
            if (!schema.contains("required")) schema["required"] = json::array();
            schema["required"].as_array().emplace_back("reason");
        }
    }
    const bool required = schema.contains("required");
    return json::object{{"required", required}, {"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
}

json::object answers_of(const Route& route) {
    json::object good{{"description", "done"}};
    if (route.response)
        good["content"] = {{"application/json", {{"schema", route.response->to_json()}}}};
    else if (route.status != 204)
        good["content"] = {{route.content_type, {{"schema", {{"type", "string"}}}}}};
    json::object all{{std::to_string(route.status), std::move(good)}};
    if (route.eyes != FourEyes::no)
        all["202"] = {{"description", "waits for another person"},
                      {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Waiting"}}}}}}}};
    all["4XX"] = problem_answer("refused");
    all["5XX"] = problem_answer("not possible now");
    return all;
}

json::object rule_of(const Route& route) {
    json::array roles;
    json::array approvers;
    for (const auto role : all_roles()) {
        if (route.permission.roles.has(role)) roles.emplace_back(name_of(role));
        if (route.approvers.has(role)) approvers.emplace_back(name_of(role));
    }
    constexpr std::array<const char*, 5> kReach{"installation", "operator", "organisation", "collection", "self"};
    json::object out{{"resource", route.permission.resource},
                     {"action", name_of(route.permission.action)},
                     {"reach", kReach.at(static_cast<std::size_t>(route.permission.reach))},
                     {"roles", std::move(roles)}};
    if (route.eyes != FourEyes::no) {
        out["fourEyes"] = route.eyes == FourEyes::always ? "always" : "standard";
        out["approvers"] = std::move(approvers);
    }
    return out;
}

json::object operation_of(const Route& route) {
    json::object out{{"operationId", route.operation},
                     {"summary", route.summary.english},
                     {"tags", json::array{json::value(route.tag())}},
                     {"responses", answers_of(route)},
                     {"x-budkavle-summary-sv", route.summary.swedish},
                     {"x-budkavle-rule", rule_of(route)}};
    if (auto parameters = parameters_of(route); !parameters.empty()) out["parameters"] = std::move(parameters);
    if (auto body = body_of(route)) out["requestBody"] = std::move(*body);
    if (route.permission.anonymous) out["security"] = json::array();
    return out;
}

}  // namespace

json::object openapi(const Routes& routes, const std::string& server) {
    json::object paths;
    for (const auto& route : routes) {
        std::string method(name_of(route.method));
        for (auto& c : method) c = static_cast<char>(c - 'A' + 'a');
        auto& path = paths[route.path];
        if (path.is_null()) path = json::object();
        path.as_object()[method] = operation_of(route);
    }
    const auto text = [] { return json::object{{"type", "string"}}; };
    json::object problem{{"type", "object"},
                         {"required", {"type", "title", "status"}},
                         {"properties",
                          {{"type", text()},
                           {"title", text()},
                           {"status", {{"type", "integer"}}},
                           {"detail", text()},
                           {"instance", text()},
                           {"code", text()},
                           {"rule", text()},
                           {"place", text()},
                           {"remedy", text()}}}};
    json::object waiting{{"type", "object"},
                         {"required", {"case", "state", "expires"}},
                         {"properties",
                          {{"case", {{"type", "string"}, {"format", "uuid"}}},
                           {"state", text()},
                           {"expires", {{"type", "string"}, {"format", "date-time"}}}}}};
    return {
        {"openapi", "3.1.0"},
        {"info",
         {{"title", "Budkavle administration"},
          {"version", "1.0.0"},
          {"description",
           "Errors are problem documents (RFC 9457). A change that needs another person is answered with "
           "202 and waits as a case."},
          {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
        {"servers", json::array{json::object{{"url", server + std::string(kBasePath)}}}},
        {"security", json::array{json::object{{"certificate", json::array()}}, json::object{{"token", json::array()}}}},
        {"paths", std::move(paths)},
        {"components",
         {{"schemas", {{"Problem", std::move(problem)}, {"Waiting", std::move(waiting)}}},
          {"securitySchemes",
           {{"certificate", {{"type", "mutualTLS"}}},
            {"token", {{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}}}}}}};
}

}  // namespace budkavle::admin
