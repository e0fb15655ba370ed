#include "admin/smp_json.hpp"

namespace budkavle::admin::smp_json {
namespace {

namespace json = boost::json;
using namespace smpserver;  // NOLINT: every type here is one of its records

void put(json::object& out, const char* name, const std::optional<Time>& time) {
    if (time) out[name] = format_utc(*time);
}
/// A text that the register keeps as JSON.
json::value parsed(const std::string& text) {
    if (text.empty()) return nullptr;
    json::error_code ec;
    auto value = json::parse(text, ec);
    return ec ? json::value(text) : value;
}
json::object of_object(const ObjectRef& one) {
    json::object out{{"kind", to_string(one.kind)}, {"key", one.key}};
    if (!one.operator_id.empty()) out["operator"] = one.operator_id;
    return out;
}
Schema object_schema() {
    return Schema::object({{"kind", Schema::choice({"operator", "ap-certificate", "endpoint", "participant"})},
                           {"key", short_text(300)},
                           optional("operator", short_text())});
}
constexpr std::string_view kind_name(AnswerChange::Kind kind) {
    constexpr std::array<std::string_view, 3> kNames{"appears", "changes", "vanishes"};
    return kNames.at(static_cast<std::size_t>(kind));
}

}  // namespace

json::object of(const OperatorRecord& one) {
    return {{"id", one.id}, {"name", one.name}, {"state", to_string(one.state)}, {"version", one.version}};
}
Schema operator_schema() {
    return Schema::object({{"id", short_text()},
                           {"name", short_text()},
                           {"state", Schema::choice({"active", "suspended", "closed"})},
                           {"version", Schema::integer()}});
}

json::object of(const ApCertificateRecord& one) {
    const auto& certificate = one.certificate;
    return {{"operator", one.operator_id},
            {"name", one.name},
            {"sha256", certificate.sha256_hex()},
            {"subject", certificate.subject()},
            {"issuer", certificate.issuer()},
            {"notBefore", format_utc(certificate.not_before())},
            {"notAfter", format_utc(certificate.not_after())},
            {"endpoints", one.endpoints},
            {"version", one.version}};
}
Schema ap_certificate_schema() {
    return Schema::object({{"operator", short_text()},
                           {"name", short_text()},
                           {"sha256", sha256_text()},
                           {"subject", short_text(1000)},
                           {"issuer", short_text(1000)},
                           {"notBefore", Schema::time()},
                           {"notAfter", Schema::time()},
                           {"endpoints", Schema::integer()},
                           {"version", Schema::integer()}});
}

json::object of(const EndpointRecord& one) {
    json::object out{{"operator", one.operator_id},
                     {"name", one.name},
                     {"uri", one.uri},
                     {"profile", one.profile},
                     {"certificateSha256", one.certificate_sha256},
                     {"description", one.description},
                     {"contact", one.contact},
                     {"participants", one.participants},
                     {"version", one.version}};
    put(out, "activation", one.activation);
    put(out, "expiration", one.expiration);
    return out;
}
Schema endpoint_schema() {
    return Schema::object({{"operator", short_text()},
                           {"name", short_text()},
                           {"uri", short_text(1000)},
                           {"profile", short_text()},
                           {"certificateSha256", short_text()},
                           {"description", short_text(1000)},
                           {"contact", short_text(1000)},
                           {"participants", Schema::integer()},
                           {"version", Schema::integer()},
                           optional("activation", Schema::time()),
                           optional("expiration", Schema::time())});
}

json::object of(const ParticipantRecord& one) {
    json::object out{{"id", one.id.text()},
                     {"operator", one.operator_id},
                     {"organisation", one.organisation},
                     {"organisationNumber", one.organisation_number},
                     {"status", to_string(one.status)},
                     {"suspended", one.suspended},
                     {"removalRequested", one.removal_requested},
                     {"publishState", to_string(one.publish_state)},
                     {"publishError", one.publish_error},
                     {"version", one.version}};
    put(out, "publishedAt", one.published_at);
    out["services"] = list_of(one.services, [](const ServiceRecord& service) {
        return json::object{{"document", service.document},
                            {"process", service.process},
                            {"endpoints", json::value_from(service.endpoints)}};
    });
    out["certificates"] = list_of(one.certificates, [](const CertificateRecord& entry) {
        json::object certificate{{"unit", entry.unit},
                                 {"use", to_string(entry.use)},
                                 {"sha256", entry.certificate.sha256_hex()},
                                 {"subject", entry.certificate.subject()},
                                 {"notAfter", format_utc(entry.certificate.not_after())}};
        put(certificate, "activation", entry.activation);
        put(certificate, "expiration", entry.expiration);
        return certificate;
    });
    return out;
}
Schema participant_schema() {
    return Schema::object(
        {{"id", short_text()},
         {"operator", short_text()},
         {"organisation", short_text()},
         {"organisationNumber", short_text()},
         {"status", Schema::choice({"pending", "approved", "rejected"})},
         {"suspended", Schema::boolean()},
         {"removalRequested", Schema::boolean()},
         {"publishState", Schema::choice({"none", "queued", "published", "failed"})},
         {"publishError", short_text(2000)},
         {"version", Schema::integer()},
         optional("publishedAt", Schema::time()),
         {"services", Schema::list(Schema::object({{"document", short_text(500)},
                                                   {"process", short_text(500)},
                                                   {"endpoints", Schema::list(short_text())}}))},
         {"certificates", Schema::list(Schema::object({{"unit", short_text()},
                                                       {"use", Schema::choice({"signing", "encryption"})},
                                                       {"sha256", sha256_text()},
                                                       {"subject", short_text(1000)},
                                                       {"notAfter", Schema::time()},
                                                       optional("activation", Schema::time()),
                                                       optional("expiration", Schema::time())}))}});
}

json::object of(const HistoryEntry& one) {
    return {{"object", of_object(one.object)},
            {"version", one.version},
            {"change", one.change},
            {"who", one.who},
            {"role", to_string(one.role)},
            {"at", format_utc(one.at)},
            {"reason", one.reason},
            {"before", parsed(one.before)},
            {"after", parsed(one.after)}};
}
Schema history_schema() {
    return Schema::object({{"object", object_schema()},
                           {"version", Schema::integer()},
                           {"change", short_text()},
                           {"who", short_text(600)},
                           {"role", short_text()},
                           {"at", Schema::time()},
                           {"reason", short_text(1000)},
                           {"before", Schema::anything()},
                           {"after", Schema::anything()}});
}

json::object of(const LocatorEntry& one) {
    json::object out{
        {"participant", one.participant.text()}, {"operator", one.operator_id}, {"wanted", one.wanted},
        {"state", to_string(one.state)},        {"error", one.error},          {"attempts", one.attempts}};
    put(out, "nextAttempt", one.next_attempt);
    put(out, "doneAt", one.done_at);
    return out;
}
Schema locator_schema() {
    return Schema::object({{"participant", short_text()},
                           {"operator", short_text()},
                           {"wanted", Schema::boolean(), true, "registered, or not"},
                           {"state", Schema::choice({"queued", "published", "failed"})},
                           {"error", short_text(2000)},
                           {"attempts", Schema::integer()},
                           optional("nextAttempt", Schema::time()),
                           optional("doneAt", Schema::time())});
}

json::object of(const CertificateFinding& one) {
    return {{"object", of_object(one.object)},
            {"sha256", one.sha256},
            {"kind", one.kind},
            {"detail", one.detail},
            {"at", format_utc(one.at)}};
}
Schema finding_schema() {
    return Schema::object({{"object", object_schema()},
                           {"sha256", short_text()},
                           {"kind", short_text()},
                           {"detail", short_text(2000)},
                           {"at", Schema::time()}});
}

json::object of(const PlannedChange& one) {
    return {{"id", one.id},
            {"change", parsed(smpserver::to_json(one.change))},
            {"who", one.actor.name},
            {"reason", one.reason},
            {"at", format_utc(one.at)},
            {"state", to_string(one.state)},
            {"error", one.error}};
}
Schema planned_schema() {
    return Schema::object({{"id", short_text()},
                           {"change", Schema::anything()},
                           {"who", short_text(600)},
                           {"reason", short_text(1000)},
                           {"at", Schema::time()},
                           {"state", Schema::choice({"planned", "done", "failed", "cancelled"})},
                           {"error", short_text(2000)}});
}

json::object of(const BulkChange& one) {
    json::object out{{"id", one.id},
                     {"change", parsed(smpserver::to_json(one.change))},
                     {"who", one.who},
                     {"operator", one.operator_id},
                     {"state", to_string(one.state)},
                     {"total", one.total},
                     {"signed", one.signed_},
                     {"error", one.error},
                     {"started", format_utc(one.started)}};
    put(out, "finished", one.finished);
    return out;
}
Schema bulk_schema() {
    return Schema::object({{"id", short_text()},
                           {"change", Schema::anything()},
                           {"who", short_text(600)},
                           {"operator", short_text()},
                           {"state", Schema::choice({"signing", "done", "failed", "cancelled"})},
                           {"total", Schema::integer()},
                           {"signed", Schema::integer()},
                           {"error", short_text(2000)},
                           {"started", Schema::time()},
                           optional("finished", Schema::time())});
}

json::object of(const Preview& one) {
    return {{"participants", one.participants},
            {"answers", list_of(one.answers, [](const AnswerChange& answer) {
                 return json::object{{"participant", answer.participant.text()},
                                     {"document", answer.document},
                                     {"kind", kind_name(answer.kind)},
                                     {"fields", list_of(answer.fields,
                                                        [](const FieldChange& field) {
                                                            return json::object{{"field", field.field},
                                                                                {"before", field.before},
                                                                                {"after", field.after}};
                                                        })},
                                     {"octetsBefore", static_cast<std::int64_t>(answer.octets_before)},
                                     {"octetsAfter", static_cast<std::int64_t>(answer.octets_after)}};
             })}};
}
Schema preview_schema() {
    const auto field = Schema::object({{"field", short_text(1000)},
                                       {"before", Schema::text(0, 20000, Schema::Text::lines)},
                                       {"after", Schema::text(0, 20000, Schema::Text::lines)}});
    return Schema::object(
        {{"participants", Schema::integer()},
         {"answers", Schema::list(Schema::object({{"participant", short_text()},
                                                  {"document", short_text(500)},
                                                  {"kind", Schema::choice({"appears", "changes", "vanishes"})},
                                                  {"fields", Schema::list(field)},
                                                  {"octetsBefore", Schema::integer()},
                                                  {"octetsAfter", Schema::integer()}}),
                                  10'000)}});
}

json::object of(const Outcome& one) {
    return {{"object", of_object(one.object)}, {"version", one.version}, {"queued", one.queued}};
}
Schema outcome_schema() {
    return Schema::object({{"object", object_schema()},
                           {"version", Schema::integer()},
                           {"queued", Schema::integer(), true, "participants that are published anew"}});
}

}  // namespace budkavle::admin::smp_json
