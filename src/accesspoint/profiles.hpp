#pragma once
/// Transport profiles as data (`access-point.md` 1; AP-01, AP-02, K3, K4, K41): what a sender puts into a message for a
/// receiver whose SMP endpoint names the profile, and which role sets a receiver accepts. A federation adds one by
/// configuration.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "federation/identifiers.hpp"

namespace budkavle::accesspoint {

struct ProfileValues {
    federation::TransportProfile base;    ///< id, roles, type of the two participant properties
    bool wss_timestamp = false;           ///< a signed wsu:Timestamp (K41); a good one is accepted in any case
    std::string payload_cid = "message";  ///< the reference configuration takes no other
    std::string payload_type = "text/xml";
    std::string character_set = "UTF-8";
};

/// digg-transport-as4-v1_0 (no wsu:Timestamp) and digg-transport-as4-v1_2 (with one).
[[nodiscard]] std::vector<ProfileValues> default_profiles();
[[nodiscard]] const ProfileValues* find_profile(const std::vector<ProfileValues>& profiles, std::string_view id);
/// Ids once each, roles set, content id and type of the forms that peers take. Error "config.profile".
[[nodiscard]] Result<> check_profiles(const std::vector<ProfileValues>& profiles);

}  // namespace budkavle::accesspoint
