#include "smpserver/tenancy.hpp"

namespace budkavle::smpserver {
namespace {

Act act(const PutOperator&) {
    return Act::manage_operators;
}
Act act(const SetOperatorState&) {
    return Act::manage_operators;
}
Act act(const RemoveOperator&) {
    return Act::manage_operators;
}
Act act(const AddApCertificate&) {
    return Act::manage_access_points;
}
Act act(const RemoveApCertificate&) {
    return Act::manage_access_points;
}
Act act(const ReplaceApCertificate&) {
    return Act::manage_access_points;
}
Act act(const PutEndpoint&) {
    return Act::manage_access_points;
}
Act act(const RemoveEndpoint&) {
    return Act::manage_access_points;
}
Act act(const ReplaceEndpoint&) {
    return Act::manage_access_points;
}
Act act(const AddParticipant&) {
    return Act::manage_participants;
}
Act act(const SetOrganisation&) {
    return Act::decide_on_participants;
}
Act act(const RemoveParticipant&) {
    return Act::remove_participants;
}
Act act(const RequestRemoval&) {
    return Act::manage_participants;
}
Act act(const SetStatus&) {
    return Act::decide_on_participants;
}
Act act(const SetSuspended&) {
    return Act::decide_on_participants;
}
Act act(const MoveParticipant&) {
    return Act::move_participants;
}
Act act(const PutService&) {
    return Act::manage_participants;
}
Act act(const RemoveService&) {
    return Act::manage_participants;
}
Act act(const AddCertificate&) {
    return Act::manage_certificates;
}
Act act(const RemoveCertificate&) {
    return Act::manage_certificates;
}
Act act(const Republish&) {
    return Act::republish;
}

}  // namespace

Act act_of(const Change& change) {
    return std::visit([](const auto& one) { return act(one); }, change);
}

/// The table of `federation.md` 5.1. The federation reads everything, decides on participants and holds their
/// certificates; operators work on what is theirs; SPA+ decides for its own where the federation leaves that to it.
Reach reach(Role role, Act act) {
    if (role == Role::system) return Reach::everything;
    const bool federation = role == Role::federation;
    const bool plus = role == Role::operator_admin_plus;
    const bool operators = plus || role == Role::operator_admin;
    switch (act) {
        case Act::manage_access_points:
        case Act::manage_participants:
            return operators ? Reach::own_operator : Reach::nothing;
        case Act::decide_on_participants:
        case Act::manage_certificates:
            return federation ? Reach::everything : plus ? Reach::own_operator : Reach::nothing;
        case Act::move_participants:
            return federation ? Reach::everything : Reach::nothing;
        case Act::remove_participants:
        case Act::republish:
        case Act::read:
            return federation ? Reach::everything : operators ? Reach::own_operator : Reach::nothing;
        case Act::manage_operators:
        case Act::publish_all:
            break;
    }
    return Reach::nothing;
}

Result<> check_role(const Actor& actor, Act act) {
    const auto allowed = reach(actor.role, act);
    if (allowed == Reach::everything) return {};
    if (allowed == Reach::own_operator && !actor.operator_id.empty()) return {};
    return fail("registry.forbidden", "FED-04", "role", "The role may not do this.",
                "Ask somebody whose role covers it.");
}

Result<> check_owner(const Actor& actor, Act act, std::string_view operator_id, std::string_view place) {
    BUDKAVLE_CHECK(check_role(actor, act));
    if (reach(actor.role, act) == Reach::everything || operator_id == actor.operator_id) return {};
    return fail("registry.unknown", "", place, "The register has no such entry.");
}

}  // namespace budkavle::smpserver
