#include "admin/route.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <set>

#include "admin/contains.hpp"
#include "base/bytes.hpp"

namespace budkavle::admin {
namespace {

namespace json = boost::json;

bool covers(const Scope& scope, Reach reach, const std::map<std::string, std::string>& path) {
    if (scope.kind == Scope::Kind::all) return true;
    const auto at = [&](const char* name) {
        const auto found = path.find(name);
        return found == path.end() ? std::string_view{} : std::string_view(found->second);
    };
    if (scope.kind == Scope::Kind::of_operator)
        return (reach == Reach::one_operator || reach == Reach::one_organisation) && at("operator") == scope.id;
    // Participants are the same whatever their capitals (`smp.md` 1.3); names of operators are compared octet by octet.
    return reach == Reach::one_organisation && equal_ignore_case_ascii(at("participant"), scope.id);
}

}  // namespace

std::string_view name_of(Method method) {
    constexpr std::array<std::string_view, 5> kNames{"GET", "POST", "PUT", "PATCH", "DELETE"};
    return kNames.at(static_cast<std::size_t>(method));
}
std::string_view name_of(Action action) {
    constexpr std::array<std::string_view, 6> kNames{"read", "create", "change", "remove", "decide", "execute"};
    return kNames.at(static_cast<std::size_t>(action));
}

std::string Context::asked(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
}
std::string Context::text(std::string_view member) const {
    const auto* found = body.if_contains(member);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}
std::int64_t Context::number(std::string_view member, std::int64_t fallback) const {
    const auto* found = body.if_contains(member);
    return found != nullptr && found->is_int64() ? found->get_int64() : fallback;
}
bool Context::flag(std::string_view member, bool fallback) const {
    const auto* found = body.if_contains(member);
    return found != nullptr && found->is_bool() ? found->get_bool() : fallback;
}
std::vector<std::string> Context::texts(std::string_view member) const {
    std::vector<std::string> all;
    const auto* found = body.if_contains(member);
    if (found == nullptr || !found->is_array()) return all;
    for (const auto& one : found->get_array())
        if (one.is_string()) all.emplace_back(one.get_string());
    return all;
}
std::string Context::who() const {
    const auto one = actor.name + " (" + actor.account + ")";
    return approver == nullptr ? one : one + " + " + approver->name + " (" + approver->account + ")";
}
void Context::about(std::string type, std::string id) {
    object_type = std::move(type);
    object_id = std::move(id);
}
void Context::changed(json::value old_one, json::value new_one) {
    old_value = std::move(old_one);
    new_value = std::move(new_one);
}

Route& Route::takes(Schema schema) {
    request = std::move(schema);
    return *this;
}
Route& Route::returns(Schema schema, int with) {
    response = std::move(schema);
    status = with;
    return *this;
}
Route& Route::returns_nothing() {
    status = 204;
    return *this;
}
Route& Route::returns_text(std::string type) {
    content_type = std::move(type);
    return *this;
}
Route& Route::asks(std::string name, Schema schema, std::string description) {
    queries.push_back({std::move(name), std::move(schema), std::move(description)});
    return *this;
}
Route& Route::paged() {
    is_paged = true;
    return *this;
}
Route& Route::with_cursor() {
    has_cursor = true;
    return *this;
}
Route& Route::judges_keys() {
    takes_any_pem = true;
    return *this;
}
Route& Route::four_eyes(FourEyes when, Roles by) {
    eyes = when;
    approvers = by;
    return *this;
}
Route& Route::explained() {
    reason = Need::must;
    return *this;
}
Route& Route::versioned() {
    needs_version = true;
    return *this;
}
Route& Route::idempotent() {
    takes_key = true;
    return *this;
}
Route& Route::does(Function what) {
    function = std::move(what);
    if (changes() && reason == Need::none) reason = Need::may;
    return *this;
}

std::vector<std::string> Route::parameters() const {
    std::vector<std::string> all;
    for (const auto segment : split(path, '/'))
        if (segment.starts_with('{')) all.emplace_back(segment.substr(1, segment.size() - 2));
    return all;
}

std::vector<std::string> faults_of(const Routes& routes) {
    std::vector<std::string> faults;
    std::set<std::string> operations;
    std::set<std::string> places;
    for (const auto& route : routes) {
        const auto fault = [&](const char* what) { faults.push_back(route.operation + ": " + what); };
        const auto parameters = route.parameters();
        const auto has = [&](const char* name) { return contains(parameters, name); };
        const auto reach = route.permission.reach;
        if (!operations.insert(route.operation).second) fault("the name is used twice");
        if (!places.insert(std::string(name_of(route.method)) + route.path).second) fault("the path is used twice");
        if (route.permission.roles.empty() || route.permission.resource.empty()) fault("nobody may use it: no rule");
        if (route.permission.anonymous && route.changes()) fault("a change that is open to everybody");
        if (reach == Reach::one_operator && !has("operator")) fault("the path has no {operator}");
        if (reach == Reach::one_organisation && !(has("operator") && has("participant")))
            fault("the path has no {operator} and {participant}");
        if (reach == Reach::installation && (has("operator") || has("participant")))
            fault("the path has an owner, the rule has none");
        if (route.changes() != (route.permission.action != Action::read)) fault("method and action do not fit");
        if (route.request && !route.request->is_object()) fault("the body is no object");
        if (route.request && (route.method == Method::get || route.method == Method::remove))
            fault("a body is not possible");
        if (!route.response && route.status != 204 && route.content_type == "application/json")
            fault("no answer is described");
        if ((route.eyes != FourEyes::no) != !route.approvers.empty()) fault("four eyes without approvers");
        if (route.eyes != FourEyes::no && !route.changes()) fault("four eyes for a look");
        if (!route.function) fault("nothing stands behind it");
        if (route.summary.english.empty() || route.summary.swedish.empty()) fault("no summary in both languages");
    }
    return faults;
}

Access judge(const Permission& permission, Roles roles, const std::vector<Grant>& grants,
             const std::map<std::string, std::string>& path) {
    if (permission.anonymous || permission.reach == Reach::itself) return Access::granted;
    auto access = Access::no_role;
    for (const auto& grant : grants) {
        if (!roles.has(grant.role)) continue;
        if (permission.reach == Reach::collection || covers(grant.scope, permission.reach, path))
            return Access::granted;
        access = Access::other_object;
    }
    return access;
}

Visible visible_to(Roles roles, const std::vector<Grant>& grants) {
    Visible out;
    for (const auto& grant : grants) {
        if (!roles.has(grant.role)) continue;
        if (grant.scope.kind == Scope::Kind::all) out.all = true;
        if (grant.scope.kind == Scope::Kind::of_operator) out.operators.push_back(grant.scope.id);
        if (grant.scope.kind == Scope::Kind::of_organisation) out.organisations.push_back(grant.scope.id);
    }
    return out;
}

}  // namespace budkavle::admin
