#include "admin/smp_actor.hpp"

#include "base/bytes.hpp"

namespace budkavle::admin {
namespace {

using Registered = smpserver::Role;

struct Mapped {
    int strength;
    Registered role;
};

Mapped mapped(admin::Role role, Scope::Kind kind, bool reading) {
    switch (role) {
        case admin::Role::system_administrator:
            return {9, Registered::system};
        case admin::Role::federation_owner:
            return {8, Registered::federation};
        case admin::Role::operator_administrator_plus:
            return {7, Registered::operator_admin_plus};
        case admin::Role::operator_administrator:
        case admin::Role::client_writer:
            return {6, Registered::operator_admin};
        case admin::Role::organisation_administrator:
            // Its routes are those of its own participant's certificates: what SPA+ may do with them.
            return {5, reading ? Registered::operator_admin : Registered::operator_admin_plus};
        case admin::Role::auditor:
        case admin::Role::client_reader:
        case admin::Role::pki_officer:
            return {1, kind == Scope::Kind::all ? Registered::federation : Registered::operator_admin};
    }
    return {1, Registered::operator_admin};
}

}  // namespace

smpserver::Actor smp_actor(const Context& context, const std::string& operator_id) {
    smpserver::Actor actor{.name = context.who(), .role = Registered::operator_admin, .operator_id = operator_id};
    const auto participant = context.path.find("participant");
    int best = 0;
    for (const auto& grant : context.actor.grants) {
        const auto& scope = grant.scope;
        if (!context.roles.has(grant.role)) continue;
        if (scope.kind == Scope::Kind::of_operator && scope.id != operator_id) continue;
        if (scope.kind == Scope::Kind::of_organisation &&
            (participant == context.path.end() || !equal_ignore_case_ascii(participant->second, scope.id)))
            continue;
        const auto [strength, role] = mapped(grant.role, scope.kind, context.reading);
        if (strength <= best) continue;
        best = strength;
        actor.role = role;
    }
    return actor;
}

smpserver::Actor smp_actor(const Context& context) {
    const auto found = context.path.find("operator");
    return smp_actor(context, found == context.path.end() ? std::string() : found->second);
}

}  // namespace budkavle::admin
