#include "messageservice/trace.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

namespace budkavle::messageservice {
namespace {

namespace json = boost::json;

/// Names of events that tell of something going wrong.
bool is_trouble(const Event& event) {
    constexpr std::string_view kTrouble[] = {"held", "transport_failed", "cause", "incident", "dropped"};
    return std::ranges::find(kTrouble, event.event) != std::end(kTrouble) || event.status == Status::error ||
           event.status == Status::message_exchange_error;
}

json::object hop_of(const Context& context, const Event& event) {
    json::object ids;
    for (const auto& [key, value] : event.ids) ids[key] = value;
    std::string title = event.event;
    if (event.status) title += " " + std::string(name(*event.status));
    json::object hop{{"time", format_utc(event.time)},
                     {"component", context.config.name},
                     {"event", title},
                     {"ids", std::move(ids)}};
    hop["certificateSha256"] = event.certificate ? json::value(*event.certificate) : json::value(nullptr);
    hop["error"] = is_trouble(event) ? json::value{{"code", event.detail}, {"at", event.place}, {"text", event.text}}
                                     : json::value(nullptr);
    return hop;
}

/// The access point's own objects, taken over as they are. False when it could not be asked.
bool add_access_point(Context& context, const Tenant& tenant, const std::string& envelope_id,
                      std::vector<json::object>& hops) {
    const auto answer = context.access_point.events(tenant.id().text(), envelope_id);
    if (!answer) return answer.error().code == "ap.unknown";
    boost::system::error_code failed;
    auto value = json::parse(*answer, failed);
    const auto* events = failed || !value.is_object() ? nullptr : value.as_object().if_contains("events");
    if (events == nullptr || !events->is_array()) return false;
    for (const auto& event : events->as_array()) {
        if (!event.is_object()) return false;
        const auto* time = event.as_object().if_contains("time");
        if (time == nullptr || !time->is_string()) return false;
        hops.push_back(event.as_object());
    }
    return true;
}

}  // namespace

Result<std::string> trace_of(Context& context, const Tenant& tenant, const std::string& message_id) {
    std::vector<Event> history;
    BUDKAVLE_CHECK(context.database.read([&](store::Transaction& tx) -> Result<> {
        history.clear();
        for (const auto direction : {Direction::out, Direction::in}) {
            BUDKAVLE_TRY(const auto some, events::list(tx, tenant.key(), direction, message_id));
            history.insert(history.end(), some.begin(), some.end());
        }
        return {};
    }));
    if (history.empty()) return fail("mt.unknown", "There is no such message.");
    std::vector<json::object> hops;
    std::set<std::string> envelopes{message_id};  // the message's, and its receipt's
    for (const auto& event : history) {
        hops.push_back(hop_of(context, event));
        for (const auto& [key, value] : event.ids)
            if (key == "xheId") envelopes.insert(value);
    }
    bool complete = true;
    for (const auto& envelope : envelopes) complete = add_access_point(context, tenant, envelope, hops) && complete;
    std::multimap<std::string, json::object> by_time;  // equal times keep their order
    for (auto& hop : hops) by_time.emplace(std::string(hop.at("time").as_string()), std::move(hop));
    json::array ordered;
    for (auto& [time, hop] : by_time) ordered.push_back(std::move(hop));
    json::object body{{"messageId", message_id}, {"hops", std::move(ordered)}};
    if (!complete) body["incomplete"] = true;
    return json::serialize(body);
}

}  // namespace budkavle::messageservice
