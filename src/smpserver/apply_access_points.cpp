// Operators, their access point certificates and endpoint templates.
#include <algorithm>

#include "base/bytes.hpp"
#include "smp/metadata.hpp"
#include "smpserver/records.hpp"
#include "smpserver/schema.hpp"
#include "smpserver/work.hpp"

namespace budkavle::smpserver {
namespace {

bool is_operator_id(std::string_view id) {
    const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !id.empty() && id.size() <= 64 && good(id.front()) &&
           std::ranges::all_of(id, [&](char c) { return good(c) || c == '.' || c == '-'; });
}

Result<bool> exists(store::Transaction& tx, std::string_view sql, const std::vector<store::Value>& parameters) {
    BUDKAVLE_TRY(const auto rows, tx.query(sql, parameters));
    return !rows.empty();
}

ObjectRef certificate_ref(const std::string& op, const std::string& sha256) {
    return {ObjectKind::ap_certificate, op, sha256};
}

Result<> check_endpoint(const PutEndpoint& change) {
    BUDKAVLE_CHECK(check_text(change.name, 64, "name"));
    if (auto good = smp::check_endpoint_uri(change.uri); !good || change.uri.size() > 2048)
        return fail("registry.endpoint", good ? "" : good.error().rule, "uri",
                    good ? "The address is too long." : good.error().text);
    if (federation::find_transport_profile(change.profile) == nullptr)
        return fail("registry.profile", "AP-01", "profile", "The federation has no such transport profile.");
    BUDKAVLE_CHECK(check_text(change.description, 500, "description", true));
    BUDKAVLE_CHECK(check_text(change.contact, 500, "contact", true));
    if (change.activation && change.expiration && *change.expiration <= *change.activation)
        return malformed("expiration", "The endpoint would end before it begins.");
    return {};
}

/// TA08: transport profiles in one list are distinct; also after a template got another one.
Result<> check_profile_of_users(store::Transaction& tx, const PutEndpoint& change) {
    BUDKAVLE_TRY(const bool clash,
                 exists(tx,
                        "SELECT 1 FROM member_services s JOIN member_services z ON z.participant = s.participant AND "
                        "z.document = s.document AND z.process = s.process AND z.endpoint <> s.endpoint JOIN templates "
                        "t ON t.operator = z.operator AND t.name = z.endpoint WHERE s.operator = ?1 AND s.endpoint = "
                        "?2 AND t.profile = ?3 LIMIT 1",
                        {change.operator_id, change.name, change.profile}));
    if (!clash) return {};
    return fail("registry.exists", "smp.md 1.4", "profile",
                "A service that uses this endpoint has another with this transport profile.");
}

Result<EndpointRecord> own_endpoint(Work& work, const std::string& op, const std::string& name) {
    BUDKAVLE_TRY(const auto owner, own_operator(work, Act::manage_access_points, op));
    BUDKAVLE_TRY(auto found, load_endpoint(work.tx, owner.id, name));
    if (!found) return unknown("endpoint");
    return *std::move(found);
}

Result<> write_template(Work& work, const EndpointRecord& record, std::int64_t version) {
    BUDKAVLE_CHECK(work.tx.execute(
        "INSERT INTO templates(operator, name, uri, profile, certificate, activation, expiration, description, "
        "contact, version) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(operator, name) DO UPDATE SET "
        "uri = excluded.uri, profile = excluded.profile, certificate = excluded.certificate, activation = "
        "excluded.activation, expiration = excluded.expiration, description = excluded.description, contact = "
        "excluded.contact, version = excluded.version",
        {record.operator_id, record.name, record.uri, record.profile, record.certificate_sha256,
         stored(record.activation), stored(record.expiration), record.description, record.contact, version}));
    return {};
}

/// Records the endpoint as it is to be, writes it, and queues who uses it.
Result<> change_template(Work& work, const std::optional<EndpointRecord>& before, const EndpointRecord& after,
                         std::string_view change) {
    const auto recorded = work.recorded.size();
    BUDKAVLE_CHECK(record(work, {ObjectKind::endpoint, after.operator_id, after.name}, after.operator_id, change,
                          before ? to_json(*before) : std::string(), to_json(after)));
    if (work.recorded.size() == recorded) return {};
    BUDKAVLE_CHECK(write_template(work, after, work.outcome.version));
    return queue_where(work,
                       "EXISTS(SELECT 1 FROM member_services u WHERE u.participant = m.folded AND u.operator = ?2 AND "
                       "u.endpoint = ?3)",
                       {after.operator_id, after.name});
}

}  // namespace

Result<> apply_one(Work& work, const PutOperator& change) {
    BUDKAVLE_CHECK(check_owner(work.actor, Act::manage_operators, change.id, "operator"));
    if (!is_operator_id(change.id))
        return malformed("operator", "The id of an operator has small letters, digits, '.' and '-'.");
    BUDKAVLE_CHECK(check_text(change.name, 200, "name"));
    BUDKAVLE_TRY(const auto before, load_operator(work.tx, change.id));
    BUDKAVLE_CHECK(check_version(work, before ? before->version : 0));
    OperatorRecord after{change.id, change.name, before ? before->state : OperatorState::active};
    BUDKAVLE_CHECK(record(work, {ObjectKind::operator_, change.id, change.id}, change.id, "operator.put",
                          before ? to_json(*before) : std::string(), to_json(after)));
    BUDKAVLE_CHECK(
        work.tx.execute("INSERT INTO operators(id, name, state, version) VALUES(?1, ?2, 'active', ?3) ON "
                        "CONFLICT(id) DO UPDATE SET name = excluded.name, version = excluded.version",
                        {change.id, change.name, work.outcome.version}));
    return {};
}

Result<> apply_one(Work& work, const SetOperatorState& change) {
    BUDKAVLE_TRY(const auto before, own_operator(work, Act::manage_operators, change.id));
    BUDKAVLE_CHECK(check_version(work, before.version));
    auto after = before;
    after.state = change.state;
    BUDKAVLE_CHECK(record(work, {ObjectKind::operator_, change.id, change.id}, change.id, "operator.state",
                          to_json(before), to_json(after)));
    BUDKAVLE_CHECK(work.tx.execute("UPDATE operators SET state = ?2, version = ?3 WHERE id = ?1",
                                   {change.id, std::string(to_string(change.state)), work.outcome.version}));
    if (before.state == change.state) return {};
    if (change.state == OperatorState::active) return queue_where(work, "m.operator = ?2", {change.id});
    return unpublish_where(work.tx, "m.operator = ?2", {change.id}, work.now);
}

Result<> apply_one(Work& work, const RemoveOperator& change) {
    BUDKAVLE_TRY(const auto before, own_operator(work, Act::manage_operators, change.id));
    BUDKAVLE_CHECK(check_version(work, before.version));
    BUDKAVLE_TRY(const bool used, exists(work.tx,
                                         "SELECT 1 FROM operators o WHERE o.id = ?1 AND (EXISTS(SELECT 1 FROM members "
                                         "m WHERE m.operator = o.id) OR EXISTS(SELECT 1 FROM ap_certificates c WHERE "
                                         "c.operator = o.id))",
                                         {change.id}));
    if (used)
        return fail("registry.in_use", "smp.md 1.10", "operator", "The operator has participants or certificates.",
                    "Remove or move them first.");
    BUDKAVLE_CHECK(
        record(work, {ObjectKind::operator_, change.id, change.id}, change.id, "operator.remove", to_json(before), {}));
    BUDKAVLE_CHECK(work.tx.execute("DELETE FROM operators WHERE id = ?1", {change.id}));
    return {};
}

Result<> apply_one(Work& work, const AddApCertificate& change) {
    BUDKAVLE_TRY(const auto owner, own_operator(work, Act::manage_access_points, change.operator_id));
    BUDKAVLE_CHECK(check_text(change.name, 64, "name"));
    BUDKAVLE_TRY(auto certificate, crypto::Certificate::from_pem(change.certificate));
    const auto sha256 = certificate.sha256_hex();
    BUDKAVLE_TRY(const bool in_certpub,
                 exists(work.tx, "SELECT 1 FROM member_certificates WHERE sha256 = ?1 LIMIT 1", {sha256}));
    if (in_certpub)
        return fail("registry.certificate", "FED-14", "certificate",
                    "The certificate is published for a participant and cannot be that of an access point.");
    BUDKAVLE_TRY(const auto before, load_ap_certificate(work.tx, owner.id, sha256));
    if (before) return fail("registry.exists", "", "certificate", "The certificate is registered already.");
    const ApCertificateRecord after{owner.id, change.name, std::move(certificate)};
    BUDKAVLE_CHECK(record(work, certificate_ref(owner.id, sha256), owner.id, "ap-certificate.add", {}, to_json(after)));
    BUDKAVLE_CHECK(keep_certificate(work.tx, after.certificate));
    BUDKAVLE_CHECK(
        work.tx.execute("INSERT INTO ap_certificates(operator, sha256, name, version) VALUES(?1, ?2, ?3, ?4)",
                        {owner.id, sha256, change.name, work.outcome.version}));
    return {};
}

Result<> apply_one(Work& work, const RemoveApCertificate& change) {
    BUDKAVLE_TRY(const auto owner, own_operator(work, Act::manage_access_points, change.operator_id));
    BUDKAVLE_TRY(const auto before, load_ap_certificate(work.tx, owner.id, change.sha256));
    if (!before) return unknown("certificate");
    BUDKAVLE_CHECK(check_version(work, before->version));
    if (before->endpoints > 0)
        return fail("registry.in_use", "smp.md 1.10", "certificate", "The certificate is used by an endpoint.",
                    "Give the endpoints another certificate first.");
    BUDKAVLE_CHECK(record(work, certificate_ref(owner.id, change.sha256), owner.id, "ap-certificate.remove",
                          to_json(*before), {}));
    BUDKAVLE_CHECK(
        work.tx.execute("DELETE FROM ap_certificates WHERE operator = ?1 AND sha256 = ?2", {owner.id, change.sha256}));
    return {};
}

Result<> apply_one(Work& work, const ReplaceApCertificate& change) {
    BUDKAVLE_TRY(const auto owner, own_operator(work, Act::manage_access_points, change.operator_id));
    BUDKAVLE_TRY(const auto from, load_ap_certificate(work.tx, owner.id, change.from_sha256));
    BUDKAVLE_TRY(const auto to, load_ap_certificate(work.tx, owner.id, change.to_sha256));
    if (!from || !to) return unknown("certificate");
    BUDKAVLE_CHECK(check_version(work, from->version));
    BUDKAVLE_TRY(const auto names,
                 work.tx.query("SELECT name FROM templates WHERE operator = ?1 AND certificate = ?2 ORDER BY name",
                               {owner.id, change.from_sha256}));
    for (const auto& row : names) {
        BUDKAVLE_TRY(const auto before, load_endpoint(work.tx, owner.id, row.text(0)));
        auto after = *before;
        after.certificate_sha256 = change.to_sha256;
        BUDKAVLE_CHECK(change_template(work, before, after, "ap-certificate.replace"));
    }
    work.outcome.object = certificate_ref(owner.id, change.to_sha256);
    work.outcome.version = to->version;
    return {};
}

Result<> apply_one(Work& work, const PutEndpoint& change) {
    BUDKAVLE_TRY(const auto owner, own_operator(work, Act::manage_access_points, change.operator_id));
    BUDKAVLE_CHECK(check_endpoint(change));
    BUDKAVLE_TRY(const auto certificate, load_ap_certificate(work.tx, owner.id, change.certificate_sha256));
    if (!certificate) return unknown("certificate");
    BUDKAVLE_TRY(const auto before, load_endpoint(work.tx, owner.id, change.name));
    BUDKAVLE_CHECK(check_version(work, before ? before->version : 0));
    BUDKAVLE_CHECK(check_profile_of_users(work.tx, change));
    const EndpointRecord after{.operator_id = owner.id,
                               .name = change.name,
                               .uri = change.uri,
                               .profile = change.profile,
                               .certificate_sha256 = change.certificate_sha256,
                               .activation = change.activation,
                               .expiration = change.expiration,
                               .description = change.description,
                               .contact = change.contact};
    return change_template(work, before, after, "endpoint.put");
}

Result<> apply_one(Work& work, const RemoveEndpoint& change) {
    BUDKAVLE_TRY(const auto before, own_endpoint(work, change.operator_id, change.name));
    BUDKAVLE_CHECK(check_version(work, before.version));
    if (before.participants > 0)
        return fail("registry.in_use", "smp.md 1.10", "endpoint", "The endpoint is used by a participant.",
                    "Give the services that use it another endpoint first.");
    BUDKAVLE_CHECK(record(work, {ObjectKind::endpoint, before.operator_id, before.name}, before.operator_id,
                          "endpoint.remove", to_json(before), {}));
    BUDKAVLE_CHECK(
        work.tx.execute("DELETE FROM templates WHERE operator = ?1 AND name = ?2", {before.operator_id, before.name}));
    return {};
}

Result<> apply_one(Work& work, const ReplaceEndpoint& change) {
    BUDKAVLE_TRY(const auto from, own_endpoint(work, change.operator_id, change.from));
    BUDKAVLE_TRY(const auto to, own_endpoint(work, change.operator_id, change.to));
    BUDKAVLE_CHECK(check_version(work, from.version));
    if (from.profile != to.profile)
        return fail("registry.profile", "smp.md 1.4", "to", "The endpoints have different transport profiles.");
    const std::string users =
        "EXISTS(SELECT 1 FROM member_services u WHERE u.participant = m.folded AND u.operator = ?2 AND u.endpoint = "
        "?3)";
    BUDKAVLE_CHECK(queue_where(work, users, {from.operator_id, from.name}));
    BUDKAVLE_CHECK(work.tx.execute("UPDATE member_services SET endpoint = ?3 WHERE operator = ?1 AND endpoint = ?2",
                                   {from.operator_id, from.name, to.name}));
    // One entry for the whole: each participant's own history begins again with its next change.
    return record(work, {ObjectKind::endpoint, from.operator_id, from.name}, from.operator_id, "endpoint.replace",
                  to_json(from), to_json(from).insert(1, "\"replacedBy\":\"" + to.name + "\","));
}

}  // namespace budkavle::smpserver
