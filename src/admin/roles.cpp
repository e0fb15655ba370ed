#include "admin/roles.hpp"

#include <algorithm>

#include "admin/contains.hpp"

namespace budkavle::admin {
namespace {

constexpr std::array<std::string_view, kRoleCount> kNames{"system-administrator",
                                                          "federation-owner",
                                                          "pki-officer",
                                                          "operator-administrator",
                                                          "operator-administrator-plus",
                                                          "organisation-administrator",
                                                          "auditor",
                                                          "client-reader",
                                                          "client-writer"};
constexpr std::array<Role, kRoleCount> kAll{Role::system_administrator,
                                            Role::federation_owner,
                                            Role::pki_officer,
                                            Role::operator_administrator,
                                            Role::operator_administrator_plus,
                                            Role::organisation_administrator,
                                            Role::auditor,
                                            Role::client_reader,
                                            Role::client_writer};
constexpr std::string_view kOperator = "operator:";
constexpr std::string_view kOrganisation = "organisation:";
constexpr std::size_t kLongestId = 200;

}  // namespace

std::string_view name_of(Role role) {
    return kNames.at(static_cast<std::size_t>(role));
}
std::optional<Role> role_named(std::string_view name) {
    const auto found = std::ranges::find(kNames, name);
    if (found == kNames.end()) return std::nullopt;
    return static_cast<Role>(found - kNames.begin());
}
const std::array<Role, kRoleCount>& all_roles() {
    return kAll;
}

Result<Scope> Scope::parse(std::string_view text) {
    if (text == "*") return Scope{};
    const auto kind = text.starts_with(kOperator)       ? Kind::of_operator
                      : text.starts_with(kOrganisation) ? Kind::of_organisation
                                                        : Kind::all;
    const auto id = kind == Kind::all
                        ? std::string_view{}
                        : text.substr(kind == Kind::of_operator ? kOperator.size() : kOrganisation.size());
    if (id.empty() || id.size() > kLongestId)
        return fail("grant.scope", "SEC-53", "scope", "The scope is none of *, operator:ID, organisation:ID.", {});
    return Scope{kind, std::string(id)};
}

std::string Scope::text() const {
    switch (kind) {
        case Kind::all:
            return "*";
        case Kind::of_operator:
            return std::string(kOperator) + id;
        case Kind::of_organisation:
            return std::string(kOrganisation) + id;
    }
    return {};
}

bool may_be_held_on(Role role, Scope::Kind kind) {
    switch (role) {
        case Role::system_administrator:
        case Role::federation_owner:
        case Role::pki_officer:
            return kind == Scope::Kind::all;
        case Role::operator_administrator:
        case Role::operator_administrator_plus:
        case Role::client_writer:
            return kind == Scope::Kind::of_operator;
        case Role::organisation_administrator:
            return kind == Scope::Kind::of_organisation;
        case Role::auditor:
        case Role::client_reader:
            return true;
    }
    return false;
}

bool Visible::of_operator(std::string_view id) const {
    return all || contains(operators, id);
}
bool Visible::of_organisation(std::string_view id) const {
    return all || contains(organisations, id);
}

}  // namespace budkavle::admin
