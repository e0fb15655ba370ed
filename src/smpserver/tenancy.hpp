#pragma once
/// Who may do what (`federation.md` 5.1): a table of role and act, then ownership of the object. Denied unless allowed.

#include <cstdint>
#include <string_view>

#include "base/result.hpp"
#include "smpserver/changes.hpp"
#include "smpserver/model.hpp"

namespace budkavle::smpserver {

enum class Act : std::uint8_t {
    manage_operators,        ///< add, rename, suspend, close, remove
    manage_access_points,    ///< certificates and endpoints of an operator
    manage_participants,     ///< add, services, request removal
    decide_on_participants,  ///< status, suspension, name and number of the organisation
    remove_participants,     ///< an approved one only by who may decide, too
    move_participants,       ///< to another operator
    republish,
    manage_certificates,  ///< of participants (CertPub)
    publish_all,
    read,
};

enum class Reach : std::uint8_t { nothing, own_operator, everything };
[[nodiscard]] Reach reach(Role role, Act act);
[[nodiscard]] Act act_of(const Change& change);

/// Error "registry.forbidden": the role may not do this on any object.
[[nodiscard]] Result<> check_role(const Actor& actor, Act act);
/// May the actor do this to an object of this operator? An object that is not the actor's does not exist for it:
/// "registry.unknown". Role first: "registry.forbidden" says nothing about objects.
[[nodiscard]] Result<> check_owner(const Actor& actor, Act act, std::string_view operator_id, std::string_view place);

}  // namespace budkavle::smpserver
