#pragma once
/// Roles, the part of the installation that a grant covers, and who an account is (`directory-design.md` 6.6,
/// `smp.md` 1.10, `federation.md` 5.1). Everything is denied that no grant allows.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace budkavle::admin {

enum class Role : std::uint8_t {
    system_administrator,         ///< SA: accounts, settings, operators; no content
    federation_owner,             ///< FA: participants' approval, document types; sees all
    pki_officer,                  ///< certificates of access points; acts of a CA need two of them
    operator_administrator,       ///< SPA: participants, services, endpoints of one operator
    operator_administrator_plus,  ///< SPA+: also participant certificates and approval of its own participants
    organisation_administrator,   ///< own organisation: its certificates
    auditor,                      ///< reads everything within its scope, the audit trail too
    client_reader,                ///< a system, reading
    client_writer                 ///< a system, acting as an operator's administrator
};
inline constexpr std::size_t kRoleCount = 9;
[[nodiscard]] std::string_view name_of(Role role);  ///< "system-administrator"
[[nodiscard]] std::optional<Role> role_named(std::string_view name);
[[nodiscard]] const std::array<Role, kRoleCount>& all_roles();

/// A set of roles, made by `Role::auditor | Role::federation_owner`.
class Roles {
public:
    constexpr Roles() = default;
    constexpr Roles(Role role) : bits_(1U << static_cast<unsigned>(role)) {}  // NOLINT: one role is a set
    [[nodiscard]] constexpr bool has(Role role) const { return (bits_ & (1U << static_cast<unsigned>(role))) != 0; }
    [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
    constexpr Roles operator|(Roles other) const { return Roles(bits_ | other.bits_); }
    [[nodiscard]] static constexpr Roles every() { return Roles((1U << kRoleCount) - 1); }

private:
    constexpr explicit Roles(unsigned bits) : bits_(bits) {}
    unsigned bits_ = 0;
};
[[nodiscard]] constexpr Roles operator|(Role a, Role b) {
    return Roles(a) | Roles(b);
}

/// What a grant covers: the whole installation (one federation, FED-02), one operator, or one organisation.
struct Scope {
    enum class Kind : std::uint8_t { all, of_operator, of_organisation };
    Kind kind = Kind::all;
    std::string id{};  ///< empty for `all`
    /// "*", "operator:ID", "organisation:0203:…". Error "grant.scope".
    static Result<Scope> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    bool operator==(const Scope&) const = default;
};
/// An operator's administrator has one operator, an organisation's one organisation; SA, FA and PKI officers have all.
[[nodiscard]] bool may_be_held_on(Role role, Scope::Kind kind);

struct Grant {
    std::string id;
    Role role = Role::auditor;
    Scope scope;
    Time granted;
    Time expires;  ///< rights are limited in time (SEC-53)
    std::string granted_by;
    std::string reason;
};

/// Who calls, as far as it is proved; `grants` are those that are in force at this moment.
struct Actor {
    std::string account;  ///< id
    std::string name;     ///< of the account, for people
    std::string person;   ///< reference of the natural person, or of the system (SEC-51)
    bool system = false;
    std::vector<Grant> grants;
    std::string proof;  ///< "certificate", "token"
};

/// What of a collection an actor may see.
struct Visible {
    bool all = false;
    std::vector<std::string> operators;
    std::vector<std::string> organisations;
    [[nodiscard]] bool of_operator(std::string_view id) const;
    [[nodiscard]] bool of_organisation(std::string_view id) const;
};

}  // namespace budkavle::admin
