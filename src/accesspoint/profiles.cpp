#include "accesspoint/profiles.hpp"

#include <algorithm>
#include <set>

namespace budkavle::accesspoint {
namespace {

// as4-wire.md 0.7: everything else is decoded differently by peers.
bool is_content_id(std::string_view text) {
    return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_' || c == '@';
    });
}

bool is_xml_type(std::string_view text) {
    return text == "text/xml" || text == "application/xml";
}

std::unexpected<Error> wrong(std::string_view text) {
    return fail("config.profile", "AP-01", "ap.profiles", text, "Correct the configuration.");
}

}  // namespace

std::vector<ProfileValues> default_profiles() {
    std::vector<ProfileValues> out;
    for (const auto& base : federation::transport_profiles())
        out.push_back({.base = base, .wss_timestamp = base.id == "digg-transport-as4-v1_2"});
    return out;
}

const ProfileValues* find_profile(const std::vector<ProfileValues>& profiles, std::string_view id) {
    const auto found = std::ranges::find_if(profiles, [&](const auto& one) { return one.base.id == id; });
    return found == profiles.end() ? nullptr : &*found;
}

Result<> check_profiles(const std::vector<ProfileValues>& profiles) {
    std::set<std::string> ids;
    for (const auto& one : profiles) {
        if (one.base.id.empty() || !ids.insert(one.base.id).second)
            return wrong("A transport profile has no id, or one that another has too.");
        if (one.base.initiator_role.empty() || one.base.responder_role.empty())
            return wrong("A transport profile has no roles.");
        if (!is_content_id(one.payload_cid)) return wrong("A payload content id may hold only A-Za-z0-9.-_@.");
        if (!is_xml_type(one.payload_type)) return wrong("The payload is XML: text/xml or application/xml.");
    }
    return {};
}

}  // namespace budkavle::accesspoint
