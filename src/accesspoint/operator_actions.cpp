#include "accesspoint/operator_actions.hpp"

#include <boost/json.hpp>

#include "accesspoint/access.hpp"
#include "accesspoint/evidence_package.hpp"
#include "accesspoint/operator_messages.hpp"
#include "accesspoint/resend.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

std::string text_at(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

/// One exchange or message that an id means: participant and direction.
struct Meant {
    std::string participant;
    bool outgoing = false;
};

Result<Meant> find_meant(const Workshop& workshop, std::string_view table, const std::string& as4_id,
                         const std::string& participant, const std::string& direction) {
    std::vector<Meant> all;
    BUDKAVLE_CHECK(workshop.database.read([&](store::Transaction& tx) -> Result<> {
        all.clear();
        const bool evidence = table == "evidence";
        BUDKAVLE_TRY(const auto rows,
                     tx.query(std::string(evidence ? "SELECT participant, direction FROM evidence WHERE as4_id = ?1"
                                                   : "SELECT participant, 'out' FROM outgoing WHERE as4_id = ?1") +
                                  (participant.empty() ? "" : " AND participant = ?2"),  // SEC-31
                              participant.empty() ? std::vector<store::Value>{as4_id}
                                                  : std::vector<store::Value>{as4_id, participant}));
        for (const auto& row : rows) {
            if (direction.empty() || row.text(1) == direction)
                all.push_back({row.text(0), row.text(1) == "out"});
        }
        return {};
    }));
    if (all.empty()) return fail("message.unknown", "There is no such message, or no evidence of it.");
    if (all.size() > 1)
        return fail("query.ambiguous", {}, "direction", "Both ends of this message are served here.",
                    "Name participant or direction (out, in).");
    return all.front();
}

}  // namespace

net::Response give_evidence(const Workshop& workshop, const net::Request& request,
                            const std::optional<federation::ParticipantId>& owner, const std::string& as4_id) {
    const auto named = owner ? owner->folded() : to_lower_ascii(request.parameter("participant").value_or(""));
    const auto meant = find_meant(workshop, "evidence", as4_id, named, request.parameter("direction").value_or(""));
    if (!meant) return answer_for(meant.error());
    auto package = make_package(workshop, meant->participant, as4_id, meant->outgoing);
    if (!package) return answer_for(package.error());
    net::Response response;
    response.headers.set("Content-Type", "application/zip");
    response.headers.set("Content-Disposition", "attachment; filename=\"evidence.zip\"");
    response.body = std::string(as_text(*package));
    return response;
}

net::Response resend_message(Workshop& workshop, const net::Request& request, const std::string& who,
                             const std::optional<federation::ParticipantId>& owner, const std::string& as4_id) {
    const auto body = json_body(request);
    if (!body) return answer_for(body.error());
    const auto named = owner ? owner->folded() : to_lower_ascii(text_at(*body, "participant"));
    const auto meant = find_meant(workshop, "outgoing", as4_id, named, {});
    if (!meant) return answer_for(meant.error());
    auto participant = federation::ParticipantId::parse(meant->participant);
    if (!participant) return answer_for(participant.error());
    const auto* again = body->if_contains("deliverAgain");
    const auto id = resend(workshop, {.participant = std::move(*participant),
                                      .as4_id = as4_id,
                                      .who = who,
                                      .reason = text_at(*body, "reason"),
                                      .deliver_again = again != nullptr && again->is_bool() && again->as_bool()});
    if (!id) return answer_for(id.error());
    return net::json_response(202, json::serialize(json::object{{"as4MessageId", *id}, {"resends", as4_id}}));
}

json::object verdict_json(const ConnectionVerdict& verdict) {
    json::array steps;
    for (const auto& step : verdict.steps) {
        json::object one{{"step", step.name}, {"ok", step.fine}, {"detail", step.detail}};
        if (!step.fine) {
            one["code"] = step.code;
            one["remedy"] = step.remedy();
            one["remedySv"] = step.remedy_in_swedish();
        }
        steps.push_back(std::move(one));
    }
    return {{"reachable", verdict.good}, {"peer", verdict.peer}, {"steps", steps}};
}

net::Response test_connection(const ConnectionTester& tester, const net::Request& request) {
    const auto body = json_body(request);
    if (!body) return answer_for(body.error());
    const auto participant = federation::ParticipantId::parse(text_at(*body, "participant"));
    if (!participant) return answer_for(participant.error());
    auto document = text_at(*body, "document");
    if (document.empty()) document = std::string(federation::kMessageDocument);
    const auto verdict = tester.run(*participant, document);
    if (!verdict) return answer_for(verdict.error());
    return net::json_response(200, json::serialize(verdict_json(*verdict)));
}

}  // namespace budkavle::accesspoint
