#include "accesspoint/operator_messages.hpp"

#include "accesspoint/access.hpp"
#include "accesspoint/nonconformity.hpp"
#include "accesspoint/operator_access.hpp"
#include "accesspoint/statistics.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

constexpr unsigned kMostReports = 500;

Error unknown() {
    return {"message.unknown", {}, {}, "There is no such message.", {}, Retry::never};
}

Result<RefusedMessage> find(const Workshop& workshop, const std::string& id) {
    // What strangers sent a moment ago waits to be written.
    if (workshop.refusals != nullptr) workshop.refusals->flush();
    std::optional<RefusedMessage> found;
    BUDKAVLE_CHECK(workshop.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, find_refused(tx, id));
        return {};
    }));
    if (!found) return std::unexpected(unknown());
    return std::move(*found);
}

}  // namespace

Result<json::object> json_body(const net::Request& request) {
    BUDKAVLE_TRY(const auto octets, read_all(*request.body, std::size_t{64} << 10));
    json::error_code error;
    auto value = json::parse(as_text(octets), error);
    if (error || !value.is_object()) return fail("query.body", {}, "body", "The body is not a JSON object.");
    return std::move(value.as_object());
}

net::Response search_messages(const Workshop& workshop, const net::Request& request,
                              const std::optional<federation::ParticipantId>& owner) {
    auto query = read_search(request);
    if (!query) return answer_for(query.error());
    query->owner = owner;
    if (workshop.refusals != nullptr) workshop.refusals->flush();
    SearchPage page;
    const auto done = workshop.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(page, search(tx, *query));
        return {};
    });
    if (!done) return answer_for(done.error());
    return net::json_response(200, json::serialize(json::object{
                                       {"messages", std::move(page.messages)},
                                       {"next", page.next.empty() ? json::value(nullptr) : json::value(page.next)}}));
}

net::Response show_message(const Workshop& workshop, const std::string& id) {
    if (workshop.refusals != nullptr) workshop.refusals->flush();
    SearchPage page;
    const auto done = workshop.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(page, search(tx, {.id = id, .limit = 20}));
        for (auto& value : page.messages) {
            auto& message = value.as_object();
            const auto* participant = message.if_contains("participant");
            const auto* as4_id = message.if_contains("as4MessageId");
            json::array events;
            if (as4_id != nullptr) {
                BUDKAVLE_TRY(events, events_of(tx, participant == nullptr ? "" : std::string(participant->as_string()),
                                               std::string(as4_id->as_string())));
            }
            message["events"] = std::move(events);
        }
        return {};
    });
    if (!done) return answer_for(done.error());
    if (page.messages.empty()) return answer_for(unknown());
    return net::json_response(200, json::serialize(json::object{{"messages", std::move(page.messages)}}));
}

net::Response show_statistics(const Workshop& workshop, const net::Request& request,
                              const std::optional<federation::ParticipantId>& owner) {
    constexpr std::size_t kDate = 10;  // 2026-11-24
    const auto day = request.parameter("day").value_or(format_utc(workshop.clock.now()).substr(0, kDate));
    const auto from = parse_time(day + "T00:00:00Z");
    if (day.size() != kDate || !from)
        return answer_for({"query.day", "SEC-111", "day", "The day is not like 2026-11-24.", {}, Retry::never});
    json::object report;
    const auto done = workshop.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(report, statistics(tx, *from, *from + std::chrono::hours(24), owner));
        return {};
    });
    if (!done) return answer_for(done.error());
    report["day"] = day;
    report["accessPoint"] = workshop.config.id;
    report["environment"] = workshop.config.environment.name;
    return net::json_response(200, json::serialize(report));
}

net::Response show_refused(const Workshop& workshop, const std::string& id) {
    const auto found = find(workshop, id);
    if (!found) return answer_for(found.error());
    return net::json_response(200, json::serialize(refused_json(*found)));
}

net::Response list_reports(const Workshop& workshop, const net::Request& request) {
    std::vector<RefusedMessage> found;
    const auto done = workshop.database.read([&](store::Transaction& tx) -> Result<> {
        BUDKAVLE_TRY(found, list_reportable(tx, request.parameter("open") == "true", kMostReports));
        return {};
    });
    if (!done) return answer_for(done.error());
    json::array list;
    for (const auto& one : found) list.push_back(refused_json(one));
    return net::json_response(200, json::serialize(json::object{{"reports", list}}));
}

net::Response show_report(const Workshop& workshop, const net::Request& request, const std::string& id) {
    const auto found = find(workshop, id);
    if (!found) return answer_for(found.error());
    if (!found->reportable) return answer_for(unknown());
    const auto report = report_json(workshop.config, *found, workshop.clock.now());
    if (request.parameter("format") != "text") return net::json_response(200, json::serialize(report));
    net::Response response;
    response.headers.set("Content-Type", "text/plain; charset=utf-8");
    response.body = report_text(report);
    return response;
}

net::Response close_report(const Workshop& workshop, const OperatorAccount& account, const net::Request& request,
                           const std::string& id) {
    const auto body = json_body(request);
    if (!body) return answer_for(body.error());
    const auto* reference = body->if_contains("reference");
    if (reference == nullptr || !reference->is_string() || reference->as_string().empty()) {
        return answer_for({"query.reference",
                           "SEC-82",
                           "reference",
                           "The reference under which it was reported is missing.",
                           {},
                           Retry::never});
    }
    const auto note = account.name + ": " + std::string(reference->as_string());
    const auto done = workshop.database.write(
        [&](store::Transaction& tx) { return mark_reported(tx, id, workshop.clock.now(), note); });
    if (!done) return answer_for(done.error());
    audit_operator(workshop, account, request, "operator.reported", {{"refusedId", id}});
    return net::json_response(200, R"({"reported":true})");
}

}  // namespace budkavle::accesspoint
