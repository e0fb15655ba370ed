#include "accesspoint/evidence.hpp"

#include <boost/json.hpp>

namespace budkavle::accesspoint {

namespace json = boost::json;

std::string write_evidence(const as4::Evidence& evidence) {
    json::array references;
    for (const auto& reference : evidence.references) {
        json::array transforms;
        for (const auto& transform : reference.transforms) transforms.emplace_back(transform);
        references.push_back({{"uri", reference.uri},
                              {"transforms", transforms},
                              {"digestMethod", reference.digest_method},
                              {"digestValue", reference.digest_value}});
    }
    return json::serialize(
        json::object{{"messageId", evidence.message_id}, {"toParty", evidence.to_party}, {"references", references}});
}

Result<as4::Evidence> read_evidence(const std::string& text) {
    try {
        const auto object = json::parse(text).as_object();
        as4::Evidence evidence{
            json::value_to<std::string>(object.at("messageId")), json::value_to<std::string>(object.at("toParty")), {}};
        for (const auto& item : object.at("references").as_array()) {
            const auto& reference = item.as_object();
            evidence.references.push_back({json::value_to<std::string>(reference.at("uri")),
                                           json::value_to<std::vector<std::string>>(reference.at("transforms")),
                                           json::value_to<std::string>(reference.at("digestMethod")),
                                           json::value_to<std::string>(reference.at("digestValue"))});
        }
        return evidence;
    } catch (const std::exception&) {
        return fail("db.failed", "The stored evidence of a message cannot be read.");
    }
}

}  // namespace budkavle::accesspoint
