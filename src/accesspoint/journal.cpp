#include "accesspoint/journal.hpp"

#include <boost/json.hpp>

#include "accesspoint/schema.hpp"

namespace budkavle::accesspoint {
namespace {

namespace json = boost::json;

void put(json::object& into, std::string_view key, const std::string& value) {
    if (!value.empty()) into[key] = value;
}

std::string facts(const TransferEvent& e, const std::string& ap, const std::string& environment,
                  const std::string& federation, Time at) {
    json::object ids;
    put(ids, "as4MessageId", e.as4_id);
    put(ids, "xheId", e.xhe_id);
    put(ids, "conversationId", e.conversation_id);
    put(ids, "sender", e.sender);
    put(ids, "recipient", e.recipient);
    put(ids, "peerAp", e.peer_ap);
    put(ids, "trace", e.trace_id);
    put(ids, "related", e.related);
    json::object object{{"time", format_utc(at)}, {"component", ap}, {"event", e.name}, {"ids", ids}};
    object["certificateSha256"] =
        e.certificate_sha256.empty() ? json::value(nullptr) : json::value(e.certificate_sha256);
    object["error"] = nullptr;
    if (!e.error_code.empty()) {
        json::object error{{"code", e.error_code}, {"text", e.error_text}};
        put(error, "rule", e.rule);
        put(error, "ebmsCode", e.ebms_code);
        object["error"] = error;
    }
    object["direction"] = e.outgoing ? "out" : "in";
    object["bytes"] = e.bytes;
    if (e.attempt > 0) object["attempt"] = e.attempt;
    put(object, "signature", e.signature);
    put(object, "document", e.document);
    put(object, "profile", e.profile);
    put(object, "endpoint", e.endpoint);
    put(object, "environment", environment);
    put(object, "federation", federation);
    return json::serialize(object);
}

}  // namespace

Result<> Journal::record(store::Transaction& tx, const TransferEvent& e, Time at) const {
    BUDKAVLE_CHECK(tx.execute(
        "INSERT INTO event (participant, position, time, event, as4_id, xhe_id, facts)"
        " VALUES (?1, (SELECT COALESCE(MAX(position), 0) + 1 FROM event WHERE participant = ?1), ?2, ?3, ?4, ?5, ?6)",
        {e.participant, stored(at), e.name, e.as4_id, e.xhe_id, facts(e, ap_, environment_, federation_, at)}));
    return {};
}

void Journal::publish(const TransferEvent& e) const {
    obs::Fields fields{{"participant", e.participant},
                       {"direction", e.outgoing ? "out" : "in"},
                       {"ap", e.peer_ap},
                       {"certificateSha256", e.certificate_sha256},
                       {"signature", e.signature},
                       {"sender", e.sender},
                       {"recipient", e.recipient},
                       {"as4MessageId", e.as4_id},
                       {"as4ConversationId", e.conversation_id},
                       {"xheId", e.xhe_id},
                       {"document", e.document},
                       {"bytes", static_cast<std::int64_t>(e.bytes)},
                       {"attempt", std::int64_t{e.attempt}},
                       {"profile", e.profile},
                       {"endpoint", e.endpoint},
                       {"environment", environment_},
                       {"federation", federation_},
                       {"result", e.error_code.empty() ? "ok" : "error"},
                       {"cause", e.error_code},
                       {"rule", e.rule},
                       {"text", e.error_text},
                       {"ebmsCode", e.ebms_code},
                       {"related", e.related},
                       {"trace", e.trace_id}};
    log_.transfer(e.name, fields);
    if (count_) count_(e);
}

Result<std::vector<std::string>> find_events(store::Transaction& tx, const federation::ParticipantId& participant,
                                             const EventQuery& query) {
    const bool by_as4 = !query.as4_id.empty();
    BUDKAVLE_TRY(
        const auto rows,
        tx.query(by_as4 ? "SELECT facts FROM event WHERE participant = ?1 AND as4_id = ?2 ORDER BY position LIMIT 1000"
                        : "SELECT facts FROM event WHERE participant = ?1 AND xhe_id = ?2 ORDER BY position LIMIT 1000",
                 {participant.folded(), by_as4 ? query.as4_id : query.xhe_id}));
    std::vector<std::string> events;
    for (const auto& row : rows) events.push_back(row.text(0));
    return events;
}

Result<std::int64_t> drop_events_before(store::Transaction& tx, Time limit) {
    // The newest row of a participant stays: positions must never be given twice.
    return tx.execute("DELETE FROM event WHERE time < ?1 AND position <"
                      " (SELECT MAX(newest.position) FROM event AS newest WHERE newest.participant = event.participant)",
                      {stored(limit)});
}

}  // namespace budkavle::accesspoint
